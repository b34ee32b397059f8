"""Windows that slide over a channels-last value: where they lie, and loops over their places."""

from __future__ import annotations

from math import prod
from typing import Any

from speccompiler.frozen import dataclass
from speccompiler.planning.candidate import KnownShape, three

Three = tuple[int, int, int]
"""A number for each of three spatial axes, outermost first; lower ranks have 1 or 0 in front."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows that the outputs of a pooling or a convolution look at.

    ``lengths`` are the input's, ``before`` the zeros in front of it.
    """

    lengths: Three
    channels: int
    outputs: Three
    kernel: Three
    stride: Three
    before: Three = (0, 0, 0)
    dilation: Three = (1, 1, 1)
    """The distance of neighbouring places."""

    @classmethod
    def of(cls, op: Any, shape: KnownShape, out: KnownShape) -> Windows:
        """Those of an operation that reads (spatial axes, channels) and writes ``out``."""
        return cls(
            three(shape[:-1], 1),
            shape[-1],
            three(out[:-1], 1),
            three(op.kernel, 1),
            three(op.stride, 1),
            three([before for before, _ in getattr(op, "padding", ())], 0),
            three(getattr(op, "dilation", ()), 1),
        )

    @property
    def places(self) -> int:
        """Positions in a window."""
        return prod(self.kernel)

    def loops(self) -> list[str]:
        """Loops over a window's places ``kz``, ``kv``, ``ku``, which the input has at z, v, u."""
        lines = []
        axes = zip(
            ("kz", "kv", "ku"), "zvu", ("oz", "oy", "ox"),
            self.kernel, self.stride, self.before, self.dilation, strict=True,
        )  # fmt: skip
        for axis, (tap, place, out, size, stride, before, apart) in enumerate(axes):
            indent = "    " * axis
            lines += [f"{indent}for {tap} in range({size}):"]
            step = tap if apart == 1 else f"{tap} * {apart}"
            lines += [f"{indent}    {place} = {out} * {stride} - {before} + {step}"]
        return lines
