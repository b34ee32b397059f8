"""Datasets of a new HDF5 file: read back by h5py, and what a write that fails leaves."""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from speccompiler.arrays.boxes import Box, slices
from speccompiler.arrays.chunk_layout import ChunkLayout, Compression
from speccompiler.arrays.hdf5_output import Hdf5Boxes, create_datasets, split_dataset
from speccompiler.arrays.zarr_array import ZarrArray
from speccompiler.diagnostics.core import Problem

SHAPE = (9, 8, 5)
X = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)


def array(compression: Compression, shape: tuple[int, ...] = SHAPE) -> ZarrArray:
    layout = ChunkLayout((2, *shape[1:]), None, compression, -1.0)
    return ZarrArray(shape, layout, {"model": "m"}, ("sample", "y", "x"))


NONE, GZIP = array(Compression("none")), array(Compression("gzip", 4))


def boxes(count: int, rest: tuple[int, ...]) -> list[Box]:
    return [
        ((at, min(at + 2, count)), *((0, length) for length in rest)) for at in range(0, count, 2)
    ]


def fill(output: Hdf5Boxes, reverse: bool = False) -> None:
    order = boxes(9, (8, 5))
    for box in reversed(order) if reverse else order:
        output.put(box, X[slices(box)])
        output.sync(box)


def refused(action: Any) -> tuple[str, str, str | None]:
    with pytest.raises(Problem) as raised:
        action()
    return raised.value.code, raised.value.message, raised.value.hint


def test_h5py_reads_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "y.h5"
    with create_datasets(file, {"/a/b/y": GZIP, "/a/b/y.c": NONE}) as outputs:
        assert [o.grid for o in outputs] == [(2, 8, 5), (2, 8, 5)]
        threads = [threading.Thread(target=fill, args=(o, i)) for i, o in enumerate(outputs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not file.exists()
    assert os.listdir(tmp_path) == ["y.h5"]
    with h5py.File(file) as opened:
        for name, compression in (("a/b/y", "gzip"), ("a/b/y.c", None)):
            dataset = opened[name]
            assert dataset.dtype == np.float32
            assert dataset[...].tobytes() == X.tobytes()
            assert (dataset.compression, dataset.chunks) == (compression, (2, 8, 5))
            assert dataset.fillvalue == -1
            assert json.loads(dataset.attrs["convspec"]) == {"model": "m"}
            assert [axis.label for axis in dataset.dims] == ["sample", "y", "x"]


def make(file: Path) -> None:
    with create_datasets(file, {"/y": NONE}):
        raise AssertionError("it is refused")


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "y.h5"
    file.write_bytes(b"mine")
    assert refused(lambda: make(file)) == (
        "CS120",
        "the output cannot be created: a file of this name exists, and a dataset is only written "
        "to a new file",
        "choose another name, or remove the file first",
    )
    assert file.read_bytes() == b"mine"
    assert refused(lambda: make(tmp_path / "no/y.h5"))[1] == (
        f"the output cannot be created: the folder '{tmp_path / 'no'}' does not exist"
    )


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "y.h5"

    def run() -> None:
        with create_datasets(file, {"/y": NONE}) as (output,):
            fill(output)
            file.write_bytes(b"mine")

    assert refused(run)[0] == "CS120"
    assert file.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["y.h5"]


def test_an_incomplete_dataset_is_a_bug(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="only 0 of 360 values were written"),
        create_datasets(tmp_path / "y.h5", {"/y": NONE}),
    ):
        pass
    assert os.listdir(tmp_path) == []


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("compression", [Compression("none"), Compression("gzip", 1)], ids=str)
@pytest.mark.parametrize("size", [100, 3000, 1 << 20])
def test_a_write_that_fails(tmp_path: Path, size: int, compression: Compression) -> None:
    """The library, which does not get over one, never hears of it."""
    shape = (200, 50, 50)
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)

    def run() -> None:
        with create_datasets(tmp_path / "y.h5", {"/y": array(compression, shape)}) as (output,):
            for box in boxes(200, (50, 50)):
                output.put(box, values[slices(box)])

    with file_limit(size):
        code, message, _ = refused(run)
    assert code == "CS121"
    assert message in {
        "writing stopped after some samples: the file would be larger than is allowed here",
        "writing stopped after no samples: the file would be larger than is allowed here",
    }
    assert os.listdir(tmp_path) == []


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def run() -> None:
        with create_datasets(tmp_path / "y.h5", {"/y": NONE}) as (output,):
            output.put(boxes(9, (8, 5))[0], X[:2])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert os.listdir(tmp_path) == []


def test_no_room(tmp_path: Path) -> None:
    def run() -> None:
        with create_datasets(
            tmp_path / "y.h5", {"/y": array(Compression("none"), (1 << 30, 1 << 20))}
        ):
            raise AssertionError("it is refused")

    assert refused(run)[1].startswith("there is no room for the output: the disk is full (")


def test_names_of_datasets() -> None:
    assert split_dataset("y.h5::/a/b") == ("y.h5", "/a/b")
    assert split_dataset("y.h5::a/b/") == ("y.h5", "/a/b")
    for name, shown in (("y.h5::", ""), ("y.h5::/", "/"), ("y.h5::/a//b", "/a//b")):
        assert refused(lambda n=name: split_dataset(n)) == (
            "CS120",
            f"the output cannot be created: '{shown}' is no name of a dataset",
            "write it as y.h5::/y",
        )
    assert refused(lambda: split_dataset("::/a"))[1:] == (
        "the output cannot be created: the file's name is missing",
        "write it as y.h5::/y",
    )
