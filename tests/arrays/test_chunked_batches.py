"""Batches of an array in chunks: the same values for every size, and no chunk is read twice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speccompiler.arrays import chunked_batches
from speccompiler.arrays.chunked_batches import aligned_batches, check_chunk
from tests.arrays.npy_files import refused


@given(st.integers(0, 30), st.integers(1, 12), st.integers(1, 35))
def test_no_chunk_is_read_twice(samples: int, chunk: int, batch_size: int) -> None:
    x = np.arange(samples * 2, dtype=np.float32).reshape(samples, 2)
    read: Counter[int] = Counter()

    def box(wanted):
        (first, last), inner = wanted
        assert inner == (0, 2)
        read.update(range(first // chunk, -(-last // chunk)))
        return x[first:last].copy()

    parts = [part.copy() for part in aligned_batches(x.shape, chunk, box, batch_size)]
    assert all(len(part) == batch_size for part in parts[:-1])
    assert np.array_equal(np.concatenate([*parts, x[:0]]), x)
    assert all(count == 1 for count in read.values())


def test_what_does_not_fit_in_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_batches, "available_memory", lambda: 1 << 30)
    shape = (1_000_000, 64, 64)
    assert refused(lambda: next(aligned_batches(shape, 100_000, lambda box: np.empty(0), 8))) == (
        "CS115",
        "the array is stored in chunks of 100000 samples, and that many take 1.5 GiB; 1.0 GiB are "
        "available",
        "store it in chunks of fewer samples, or give a --batch-size that is a multiple of 100000 "
        "where there is more memory",
    )
    assert refused(lambda: check_chunk(shape, np.dtype("u1"))) == (
        "CS115",
        "a chunk has shape (1000000, 64, 64) and takes 3.8 GiB; 1.0 GiB are available",
        "store the array in smaller chunks: one is read as a whole",
    )
