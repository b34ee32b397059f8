"""How often the chunks of an input are read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box, slices, whole
from speccompiler.running import input_reader
from speccompiler.running.input_reader import block_bytes, reader_of

X = np.arange(1000 * 4 * 3, dtype=np.float32).reshape(1000, 4, 3)
WHOLE = whole(X.shape[1:])


class Stored:
    """An array in chunks of so many samples, and how many rows of them were unpacked."""

    def __init__(self, rows: int) -> None:
        self.reads = self.unpacked = 0

        def box(wanted: Box) -> np.ndarray:
            first, past = wanted[0]
            self.reads += 1
            self.unpacked += math.ceil(past / rows) - first // rows
            return np.ascontiguousarray(X[slices(wanted)])

        self.source = ArrayInput("x", X.shape, X.dtype, False, None, lambda n: iter(()), _box=box,
                                 chunks=(rows, 4, 3))  # fmt: skip

    def read(self, batch: int, box: Box = WHOLE) -> np.ndarray:
        reader = reader_of(self.source, batch)
        batches = [(at, min(at + batch, 1000)) for at in range(0, 1000, batch)]
        return np.concatenate([reader.read(samples, box) for samples in batches])


@pytest.mark.parametrize("batch", [1, 7, 250, 256, 1000])
@pytest.mark.parametrize("rows", [1, 3, 100, 999, 1000])
def test_every_chunk_is_unpacked_once(rows: int, batch: int) -> None:
    stored = Stored(rows)
    np.testing.assert_array_equal(stored.read(batch), X)
    assert stored.unpacked == math.ceil(1000 / rows)


def test_small_chunks_are_read_together() -> None:
    stored = Stored(2)
    stored.read(7)
    assert stored.reads == 1
    # Of a part of each sample, the next tile needs none of the samples behind a batch.
    stored = Stored(2)
    np.testing.assert_array_equal(stored.read(8, ((0, 2), (0, 3))), X[:, :2])
    assert stored.reads == 125


@pytest.mark.parametrize(("free", "blocks"), [(0, 10), (8 * 500 * 48, 2), (8 * 334 * 48, 3)])
def test_a_row_of_chunks_that_does_not_fit_is_unpacked_for_each_block(
    monkeypatch: pytest.MonkeyPatch, free: int, blocks: int
) -> None:
    monkeypatch.setattr(input_reader, "BLOCK_BYTES", 100 * 48)
    monkeypatch.setattr(input_reader, "available_memory", lambda: free)
    stored = Stored(1000)
    np.testing.assert_array_equal(stored.read(10), X)
    assert stored.unpacked == stored.reads == blocks
    assert block_bytes(stored.source, 10) <= 2 * (1000 // blocks + 1 + 10) * 48
