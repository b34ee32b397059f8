"""Outputs that can be written in any order, and the place where they are built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

from speccompiler.arrays.box_output import BoxOutput
from speccompiler.arrays.zarr_array import ZarrArray
from speccompiler.frozen import dataclass

UNFINISHED = ".unfinished"
"""What follows the name of an output in that of its place."""


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """An output that can be written in any order."""

    target: str
    """The file, folder or URL that it becomes."""
    shape: tuple[int, ...]
    zarr: ZarrArray | None = None
    """How it is stored; None for a .npy file."""

    def identity(self) -> str:
        """What of it may not change between a run and the one that goes on with it."""
        stored = "npy" if self.zarr is None else str(self.zarr.layout)
        return f"{Path(self.target).name}: {self.shape}, {stored}"


class OutputPlace(Protocol):
    """An unfinished place that this process holds; see the module for the order of calls."""

    header: str | None
    """What ``begin`` was given by the run that left it; None where there is nothing to go on with.
    """
    records: tuple[str, ...]
    """Each line that it recorded."""
    completed: bool
    """Whether that run had done all, and every output had its name: nothing was left of it."""

    def clear(self) -> None:
        """Remove what an earlier run left. CS121."""

    def open(self, planned: Sequence[PlannedOutput]) -> list[BoxOutput]:
        """An output for each; those of the earlier run where there is a header. CS120 to CS192."""

    def begin(self, header: str) -> None:
        """Note what this run is, before its first record. CS121."""

    def record(self, line: str) -> None:
        """Note that a task is done, whose boxes are synced; from any thread. CS121."""

    def complete(self) -> None:
        """Give every output that was opened its name: all tasks are done. CS120, CS121."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *unused: object) -> None: ...
