"""Arrays that are written: the bytes of numpy.save, to files, devices and streams."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.arrays.npy_output import create_array, stream_array
from tests.arrays.npy_files import enter, linux, npy_bytes, opened, posix, refused, saved


@settings(deadline=None, max_examples=50)
@given(
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple),
    batch_size=st.integers(1, 5),
    dtype=st.sampled_from(["f4", "f8"]),
)
def test_the_bytes_are_those_of_numpy_save(
    shape: tuple[int, ...], batch_size: int, dtype: str
) -> None:
    x = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "y.npy")
        with create_array(path, shape, dtype) as out, stream_array(stream, shape, dtype) as also:
            for first in range(0, shape[0], batch_size):
                out.write(np.asfortranarray(x[first : first + batch_size]))
                also.write(x[first : first + batch_size].astype("f8"))
        assert path.read_bytes() == npy_bytes(x) == stream.getvalue()
        assert os.listdir(folder) == ["y.npy"]


def test_too_few_samples_are_our_own_bug(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r"^only 1 of 2 samples were written$"),
        create_array(tmp_path / "y.npy", (2, 3)) as out,
    ):
        out.write(np.ones((1, 3), np.float32))
    assert os.listdir(tmp_path) == []


def test_the_input_may_be_the_output(tmp_path: Path) -> None:
    x = np.arange(20, dtype=np.float32).reshape(10, 2)
    path = saved(tmp_path, npy_bytes(x))
    with opened(path) as source, create_array(path, (10, 2)) as out:
        for batch in source.batches(3):
            out.write(batch * 2)
    np.testing.assert_array_equal(np.load(path), x * 2)


@posix
def test_a_device_is_written_directly() -> None:
    with create_array(Path("/dev/null"), (2,)) as out:
        out.write(np.ones(2, np.float32))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@linux
def test_a_full_device() -> None:
    expected = (
        "CS121",
        "writing stopped after 0 of 2 samples: the disk is full",
        "free some space, or write to another disk",
    )
    with open("/dev/full", "wb") as full:
        assert refused(lambda: stream_array(full, (2,)).__enter__()) == expected
    assert refused(enter(Path("/dev/full"), (2,))) == expected


@posix
def test_a_closed_pipe_is_left_to_the_caller() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with (
        open(write_end, "wb") as pipe,
        pytest.raises(BrokenPipeError),
        stream_array(pipe, (2,)) as out,
    ):
        out.write(np.ones(2, np.float32))
