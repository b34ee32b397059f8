"""Permute layers where a layer needs its input in the layout that the value does not have.

A Reshape reads an image's values by their place, and a convolution after a Reshape reads an image
whose channels are where they always were. A Permute before each gives it what it needs, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

from speccompiler.schemas.fields import Ordering
from speccompiler.schemas.model import Call
from speccompiler.schemas.reshaping import Permute


def moved_axes(rank: int, target: Ordering) -> tuple[int, ...]:
    """For ``np.transpose`` of one sample: its channel axis to where ``target`` has it."""
    return (*range(1, rank), 0) if target == "tf" else (rank - 1, *range(rank - 1))


class Adapters:
    """The Permute layers of one conversion, each made once for a value and a layout."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._made: dict[tuple[str, tuple[int, ...]], str] = {}
        self._new: list[tuple[Permute, Call]] = []

    def read(
        self, name: str, have: tuple[int, ...], wanted: tuple[int, ...], *, moved: bool
    ) -> str:
        """The call that gives a value whose axes are ``have`` with them as ``wanted``.

        Both are for ``np.transpose`` of what the original model had there.
        """
        made = self._made.get((name, wanted))
        if made is not None:
            return made
        new = f"{name}_{'moved' if moved else 'restored'}"
        while new in self._taken:
            new += "_"
        self._taken.add(new)
        self._made[name, wanted] = new
        dims = tuple(have.index(axis) + 1 for axis in wanted)
        layer = Permute(type="Permute", name=new, dims=dims)
        self._new.append((layer, Call(name=new, layer=new, inputs=(name,))))
        return new

    def take(self) -> list[tuple[Permute, Call]]:
        """Those made since the last time."""
        new, self._new = self._new, []
        return new
