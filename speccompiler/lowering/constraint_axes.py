"""Which axes a norm may be taken over: asked of a spec, and again of the array."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem

Axis = int | tuple[int, ...]


def check_axes(axis: Axis, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes as a tuple; CS092 unless each is one of the shape's, and named once."""
    axes = (axis,) if isinstance(axis, int) else axis
    rank = len(shape)
    for a in axes:
        if not -rank <= a < rank:
            raise Problem(
                "CS092",
                f"constraint axis {a} does not exist in a tensor of shape {shape}",
                f"allowed axes are {-rank} to {rank - 1}" if rank else None,
            )
    if len({a % rank for a in axes}) != len(axes):
        raise Problem(
            "CS092",
            f"constraint axes {axes_in_words(axes)} name one axis twice in a tensor of shape "
            f"{shape}",
            "name each axis once",
        )
    return axes


def axes_in_words(axes: tuple[int, ...]) -> str:
    """``0, 1 and 2``."""
    if len(axes) < 2:
        return "".join(map(str, axes))
    return ", ".join(map(str, axes[:-1])) + f" and {axes[-1]}"
