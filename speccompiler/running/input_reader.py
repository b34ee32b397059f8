"""Reads the parts of an input that a run asks for, one after another.

An input with chunks is read in blocks of whole chunks along the samples, so that no chunk is
read again for the next batch; one that cannot be read in any order is read from its start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box, size_of, whole
from speccompiler.diagnostics.core import about
from speccompiler.frozen import dataclass
from speccompiler.kernels.executor import Array
from speccompiler.running.tasks import Span
from speccompiler.system.available_memory import available_memory

BLOCK_BYTES = 128 << 20
"""What a block may take in any case; of whole samples also ``BLOCK_SHARE`` of the free memory."""
BLOCK_SHARE = 8
SMALL_BLOCK = 2 << 20
"""Below this several rows of chunks are read together: each time costs half a millisecond."""


class InputReader(Protocol):
    """Gives parts of an input; what it gave stays as it is."""

    def read(self, samples: Span, box: Box) -> Array:
        """A box of some samples. ``SpecError`` about the input."""


def reader_of(source: ArrayInput, batch: int, *, tiled: bool = False) -> InputReader:
    """What reads this input; ``tiled`` asks for the same samples again for the next tile."""
    if tiled:
        assert source.has_boxes, "a stream cannot be read again for the next tile"
    return _Blocks(source) if tiled or _in_blocks(source) else _InOrder(source, batch)


def _in_blocks(source: ArrayInput) -> bool:
    """Whether boxes are read, where samples are asked for in order.

    In Fortran order a sample's values lie far apart: reading in order gathers many at a time.
    """
    return source.has_boxes and not source.fortran_order


def rows_of_a_block(source: ArrayInput, box: Box) -> int:
    """Samples that are read together for the sake of the chunks; 1 where a batch is as good."""
    rows = 1 if source.chunks is None else min(source.chunks[0], source.samples)
    row_bytes = 4 * max(1, size_of(box))
    whole_samples = box == whole(source.shape[1:])
    if rows * row_bytes <= BLOCK_BYTES:
        # The next tile needs none of the samples behind these.
        small = whole_samples and source.chunks is not None
        return rows * max(1, SMALL_BLOCK // (rows * row_bytes)) if small else rows
    if not whole_samples:
        return 1
    # A row of chunks that does not fit is unpacked for each block, and not for each batch.
    return min(rows, max(1, max(BLOCK_BYTES, available_memory() // BLOCK_SHARE) // row_bytes))


@dataclass(slots=True)
class _Blocks:
    """Reads boxes, rounded outward to whole chunks along the samples."""

    source: ArrayInput
    box: Box | None = None
    rows: int = 1
    """Samples of a block of this box: the free memory counts once."""
    first: int = 0
    block: Array | None = None
    """What was read last, from the sample ``first``."""

    def read(self, samples: Span, box: Box) -> Array:
        """Of the block where it holds all of it; else what is missing is read."""
        at, last = samples
        if box != self.box:
            self.box, self.block = box, None
            self.rows = rows_of_a_block(self.source, box)
        parts: list[Array] = []
        while at < last:
            part = self._held(at, last)
            if part is None:
                self._next_block(at, last, box)
                continue
            parts.append(part)
            at += len(part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _held(self, at: int, last: int) -> Array | None:
        block = self.block
        if block is None or not self.first <= at < self.first + len(block):
            return None
        return block[at - self.first : last - self.first]

    def _next_block(self, at: int, last: int, box: Box) -> None:
        rows = self.rows
        self.block = None
        first = at // rows * rows
        past = min(self.source.samples, -(-last // rows) * rows)
        with about(self.source.name):
            self.block = self.source.box(((first, past), *box))
        assert len(self.block) == past - first, "an input gives what it is asked for"
        self.first = first


class _InOrder:
    """Reads from the start, and past what nobody asks for."""

    def __init__(self, source: ArrayInput, batch: int) -> None:
        self._source = source
        self._read: Iterator[Array] = source.batches(batch)
        self._at = 0
        self._held: Array | None = None
        """From the sample ``_at``; valid until the next is read."""
        if not source.samples:
            self._end()

    def read(self, samples: Span, box: Box) -> Array:
        """A copy: what the source gives is valid for a moment only."""
        first, last = samples
        shape = tuple(past - start for start, past in box)
        found = np.empty((last - first, *shape), np.float32)
        inner = tuple(slice(start, past) for start, past in box)
        at = first
        assert first >= self._at, "an input that is read in order does not go back"
        while at < last:
            held = self._held
            if held is None or self._at + len(held) <= at:
                self._at += 0 if held is None else len(held)
                with about(self._source.name):
                    self._held = next(self._read)
                continue
            part = held[at - self._at : last - self._at]
            found[at - first : at - first + len(part)] = part[:, *inner]
            at += len(part)
        if last == self._source.samples:
            self._end()
        return found

    def _end(self) -> None:
        """More may follow than there should."""
        with about(self._source.name):
            assert next(self._read, None) is None, "the last batch ends the input"


def block_bytes(source: ArrayInput, batch: int, box: Box | None = None) -> int:
    """The most that reading an input holds beside the batches in flight.

    For the sake of its chunks, and while its elements are converted.
    """
    values = size_of(whole(source.shape[1:]) if box is None else box)
    rows = rows_of_a_block(source, whole(source.shape[1:]) if box is None else box)
    in_blocks = rows > 1 and source.has_boxes
    # While a block is read, batches of the one before may still wait.
    held = 2 * (rows + batch) * 4 * values if in_blocks else 0
    if source.dtype != np.float32:
        held += (rows + batch if in_blocks else batch) * values * source.dtype.itemsize
    return held
