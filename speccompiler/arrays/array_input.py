"""An array that a run reads, wherever it is stored: in batches, and box by box where it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box
from speccompiler.arrays.npy_batches import Batches
from speccompiler.frozen import dataclass


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class ArrayInput:
    """An array whose first axis is samples, read as float32. A context manager.

    ``dtype`` and ``fortran_order`` are as stored; ``conversion_note`` says, for a
    person, what becomes of the elements ("float64 converted to float32").
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran_order: bool
    conversion_note: str | None
    _batches: Callable[[int], Batches]
    _close: Callable[[], None] = _nothing
    _box: Callable[[Box], npt.NDArray[np.float32]] | None = None
    """Reads a box, from any thread; None for a stream."""
    chunks: tuple[int, ...] | None = None
    """The grid that it is stored in: a chunk is read as a whole. None for what is one piece."""
    identity: str | None = None
    """Tells this content from any other, so that a run can be resumed; None where nothing does."""
    files: tuple[str, ...] | None = None
    """The file of each sample, where each has one of its own."""
    path: str | None = None
    """The file, or the folder of an array, that is read; None where no path of this machine is."""

    @property
    def samples(self) -> int:
        """The length of the first axis; may be 0."""
        return self.shape[0]

    @property
    def has_boxes(self) -> bool:
        """Whether it can be read in any order."""
        return self._box is not None

    def batches(self, batch_size: int) -> Batches:
        """C-contiguous float32 arrays of shape (b, *shape[1:]), 1 <= b <= batch_size, in order.

        **One buffer is reused**: an array is valid until the next one is asked for.
        Only the last may be shorter. A stream can be read once. CS110, CS112, CS115.
        """
        assert batch_size >= 1, f"batch_size is {batch_size}"
        return self._batches(batch_size)

    def box(self, box: Box) -> npt.NDArray[np.float32]:
        """The values of a box, C-contiguous; the first axis is samples. CS110, CS112, CS115."""
        assert self._box is not None, f"{self.name} is a stream"
        return self._box(box)

    def close(self) -> None:
        """Close the file. A stream that the caller opened stays open."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()
