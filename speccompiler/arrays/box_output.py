"""An array that a run writes box by box, in any order, by several writers."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box


class BoxOutput(Protocol):
    """Float32 values of a shape that is known beforehand; samples are the first axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""

    @property
    def grid(self) -> tuple[int, ...]:
        """What may be written without regard to others: boxes of whole cells of this grid.

        A cell is a shard where the array has shards, else a chunk; 1 along every axis where
        any two boxes that do not overlap may be written at the same time.
        """

    def put(self, box: Box, values: npt.NDArray[np.float32]) -> Any:
        """Write a box. CS121."""

    def sync(self, box: Box) -> None:
        """Return when what was written to a box would outlast a crash of the machine. CS121."""
