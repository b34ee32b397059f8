"""Batches: what NumPy would load, in one buffer, whatever the order and the size of reads."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.arrays import npy_batches
from speccompiler.arrays.npy_input import from_array, open_array
from tests.arrays.npy_files import (
    linux,
    npy_bytes,
    opened,
    plain_header,
    read_all,
    refused,
    run_python,
    saved,
    with_header,
)

DTYPES = ["f2", "<f4", ">f4", "<f8", ">f8", "i1", "<i2", ">i4", "<i8", "u1", ">u2", "u4", "u8", "?"]


@settings(deadline=None, max_examples=100)
@given(
    shape=st.lists(st.integers(1, 5), min_size=0, max_size=4),
    samples=st.integers(0, 11),
    dtype=st.sampled_from(DTYPES),
    fortran=st.booleans(),
    batch_size=st.integers(1, 13),
    tile_bytes=st.sampled_from([1, 64, 1 << 20]),
    seed=st.integers(0, 99),
)
def test_batches_together_are_what_numpy_loads(
    shape: list[int],
    samples: int,
    dtype: str,
    fortran: bool,
    batch_size: int,
    tile_bytes: int,
    seed: int,
) -> None:
    values = np.random.default_rng(seed).integers(0, 100, (samples, *shape)).astype(dtype)
    stored = np.asfortranarray(values) if fortran else values
    expected = values.astype(np.float32)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(npy_batches, "TILE_BYTES", tile_bytes)
        path = Path(folder, "x.npy")
        np.save(path, stored)
        with open_array(path, "x") as source:
            assert (source.shape, source.dtype, source.samples) == (
                values.shape,
                values.dtype,
                samples,
            )
            sizes = [len(batch) for batch in source.batches(batch_size)]
            assert sizes == [min(batch_size, samples - i) for i in range(0, samples, batch_size)]
            for batch in source.batches(batch_size):
                assert batch.flags.c_contiguous
                assert batch.dtype == np.float32
            np.testing.assert_array_equal(read_all(source, batch_size), expected, strict=True)
    memory = from_array(stored, "x")
    np.testing.assert_array_equal(read_all(memory, batch_size), expected, strict=True)
    if not np.load(io.BytesIO(npy_bytes(stored))).flags.fnc:
        stream = open_array(io.BytesIO(npy_bytes(stored)), "<stdin>")
        np.testing.assert_array_equal(read_all(stream, batch_size), expected, strict=True)


def test_one_buffer_is_reused(tmp_path: Path) -> None:
    for dtype in (np.float32, np.float64):
        path = saved(tmp_path, npy_bytes(np.zeros((6, 4), dtype)))
        with opened(path) as source:
            addresses = {batch.ctypes.data for batch in source.batches(2)}
        assert len(addresses) == 1


class Dripping(io.RawIOBase):
    """A stream that gives one byte a read, like a slow pipe."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self._data.readinto(memoryview(buffer)[:1])


def test_short_reads_of_a_stream_are_completed() -> None:
    x = np.arange(12, dtype=np.float64).reshape(4, 3)
    stream = cast(BinaryIO, Dripping(npy_bytes(x)))
    np.testing.assert_array_equal(read_all(open_array(stream, "-")), x.astype(np.float32))


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_file_that_shrinks_while_read(tmp_path: Path, order: Any) -> None:
    path = saved(tmp_path, npy_bytes(np.zeros((10, 3), np.float32, order)))
    with opened(path) as source:
        os.truncate(path, path.stat().st_size - 20)
        code, message, _ = refused(lambda: read_all(source))
    assert (code, message.endswith("but only 100 bytes follow")) == ("CS112", True)


def test_a_batch_beyond_memory() -> None:
    stream = io.BytesIO(with_header(plain_header(shape=f"(7, {10**17})")))
    assert refused(lambda: read_all(open_array(stream, "-"), 2)) == (
        "CS115",
        "there is no memory for a batch of 2 samples (800000000000000000 bytes)",
        "choose a smaller batch size",
    )


COPY = """
import sys
from pathlib import Path
from speccompiler.arrays.npy_input import open_array
from speccompiler.arrays.npy_output import create_array
with open_array(Path(sys.argv[1]), "x") as x, create_array(Path(sys.argv[2]), x.shape) as y:
    for batch in x.batches(64):
        y.write(batch)
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM"):
        print(line.split()[1])
"""


@linux
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_the_samples(tmp_path: Path, order: str) -> None:
    shape = (100_000, 1000)  # 400 MB, sparse
    path, copy = tmp_path / "x.npy", tmp_path / "y.npy"
    header = with_header(plain_header(order=str(order == "F"), shape=str(shape)))
    path.write_bytes(header)
    os.truncate(path, len(header) + 400_000_000)
    run = run_python(COPY, path, copy)
    assert run.stderr == ""
    # VmHWM, not ru_maxrss: the latter starts from the size of the process that forked.
    assert int(run.stdout) < 120_000, "peak resident memory in kB"
    assert copy.stat().st_size == 400_000_128
