"""Zarr arrays written box by box: read back by zarr, and by hand from the files of chunks."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import pickle
import random
import struct
import threading
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import pytest
import zarr

from speccompiler.arrays.boxes import Box, slices
from speccompiler.arrays.chunk_layout import ChunkLayout, Compression
from speccompiler.arrays.zarr_array import ZarrArray
from speccompiler.arrays.zarr_output import ZarrBoxes, create_zarr
from speccompiler.diagnostics.core import Problem
from speccompiler.files import synced

Array = npt.NDArray[Any]
ZSTD = Compression()
SHAPE = (7, 10, 9, 3)
AXES = ("sample", "y", "x", "channel")


def values(seed: int = 0) -> Array:
    x = np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32)
    x[0] = -0.0
    x[1] = 0.0
    x[2, 0] = np.nan
    x[3, 0] = np.inf
    return x


def layout(
    chunks: tuple[int, ...] = (2, 5, 9, 3),
    shards: tuple[int, ...] | None = None,
    compression: Compression = ZSTD,
    fill: float = 0.0,
) -> ChunkLayout:
    return ChunkLayout(chunks, shards, compression, fill)


def made(place: Path, how: ChunkLayout) -> ZarrBoxes:
    return create_zarr(place, ZarrArray(SHAPE, how, {"model": "m"}, AXES))


def cells(output: ZarrBoxes) -> list[Box]:
    ranges = [
        [(at, min(at + cell, n)) for at in range(0, n, cell)]
        for cell, n in zip(output.grid, output.shape, strict=True)
    ]
    return list(itertools.product(*ranges))


LAYOUTS = [
    layout(),
    layout(compression=Compression("none")),
    layout((2, 5, 5, 2), (4, 10, 10, 2), Compression("gzip", 6)),
    layout((1, 10, 9, 3), (3, 10, 9, 3), Compression("blosc", 5, "lz4", "bitshuffle")),
    layout((7, 10, 9, 3), fill=float("nan")),
    layout((1, 1, 1, 3), (7, 5, 9, 3), Compression("none"), fill=-1.5),
]


@pytest.mark.parametrize("how", LAYOUTS, ids=str)
def test_zarr_reads_what_was_written(tmp_path: Path, how: ChunkLayout) -> None:
    x, place = values(), tmp_path / "y.zarr"
    output = pickle.loads(pickle.dumps(made(place, how)))
    order = cells(output)
    random.Random(0).shuffle(order)
    for box in order:
        output.put(box, x[slices(box)])
        output.sync(box)
    array = zarr.open_array(place, mode="r")
    assert array[...].tobytes() == x.tobytes()
    assert (array.chunks, array.shards) == (how.chunks, how.shards)
    assert np.array_equal(array.fill_value, how.fill_value, equal_nan=True)
    # Every cell is a file, also where all of it is the fill value.
    files = [p for p in (place / "c").rglob("*") if p.is_file()]
    assert len(files) == how.files(SHAPE) == len(order)


def test_metadata(tmp_path: Path) -> None:
    made(tmp_path / "y.zarr", layout((2, 5, 9, 3), (4, 5, 9, 3), Compression("zstd", 3)))
    said = json.loads((tmp_path / "y.zarr/zarr.json").read_text())
    assert said["zarr_format"] == 3
    assert said["node_type"] == "array"
    assert said["data_type"] == "float32"
    assert said["shape"] == list(SHAPE)
    assert said["dimension_names"] == list(AXES)
    assert said["attributes"] == {"convspec": {"model": "m"}}
    assert said["chunk_grid"]["configuration"] == {"chunk_shape": [4, 5, 9, 3]}
    (sharding,) = said["codecs"]
    assert sharding["name"] == "sharding_indexed"
    assert sharding["configuration"]["chunk_shape"] == [2, 5, 9, 3]
    bytes_, zstd = sharding["configuration"]["codecs"]
    assert bytes_ == {"name": "bytes", "configuration": {"endian": "little"}}
    assert (zstd["name"], zstd["configuration"]["level"]) == ("zstd", 3)


def test_raw_chunks(tmp_path: Path) -> None:
    """As the specification says: a whole chunk in each file, filled up at the borders."""
    x = values()
    for name, compression in (("a", Compression("none")), ("b", Compression("gzip", 1))):
        output = made(tmp_path / name, layout(compression=compression, fill=2.5))
        for box in cells(output):
            output.put(box, x[slices(box)])
        raw = (tmp_path / name / "c/3/1/0/0").read_bytes()
        chunk = np.frombuffer(raw if name == "a" else gzip.decompress(raw), "<f4")
        chunk = chunk.reshape(2, 5, 9, 3)
        assert chunk[0].tobytes() == x[6, 5:].tobytes()
        assert (chunk[1] == 2.5).all()


def test_raw_shard(tmp_path: Path) -> None:
    """Inner chunks, then an index of offsets and lengths, then its CRC-32C."""
    x = values()
    output = made(tmp_path / "y", layout((2, 5, 9, 3), (4, 10, 9, 3), Compression("none")))
    for box in cells(output):
        output.put(box, x[slices(box)])
    raw = (tmp_path / "y/c/0/0/0/0").read_bytes()
    index, checksum = raw[-4 - 4 * 16 : -4], struct.unpack("<I", raw[-4:])[0]
    assert checksum == google_crc32c.value(index)
    for at, (i, j) in enumerate(itertools.product(range(2), range(2))):
        offset, length = struct.unpack_from("<QQ", index, 16 * at)
        chunk = np.frombuffer(raw[offset : offset + length], "<f4").reshape(2, 5, 9, 3)
        assert chunk.tobytes() == x[2 * i : 2 * i + 2, 5 * j : 5 * j + 5].tobytes()


def test_a_part_of_a_cell_is_a_bug(tmp_path: Path) -> None:
    output = made(tmp_path / "y", layout((1, 10, 9, 3), (4, 10, 9, 3)))
    x = values()
    with pytest.raises(AssertionError, match="not made of whole cells"):
        output.put(((0, 2), (0, 10), (0, 9), (0, 3)), x[:2])
    with pytest.raises(AssertionError, match="not made of whole cells"):
        output.put(((2, 6), (0, 10), (0, 9), (0, 3)), x[2:6])
    with pytest.raises(AssertionError, match="written to"):
        output.put(((0, 4), (0, 10), (0, 9), (0, 3)), x[:3])
    # Up to the end of the array is whole.
    output.put(((4, 7), (0, 10), (0, 9), (0, 3)), x[4:])


def test_threads_write_cells_at_the_same_time(tmp_path: Path) -> None:
    x = values()
    output = made(tmp_path / "y", layout((1, 5, 3, 3)))
    boxes = cells(output)

    def write(mine: list[Box]) -> None:
        for box in mine:
            output.put(box, x[slices(box)])

    threads = [threading.Thread(target=write, args=(boxes[i::6],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert zarr.open_array(tmp_path / "y", mode="r")[...].tobytes() == x.tobytes()


def test_sync_reaches_every_file_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, place = values(), tmp_path / "y"
    output = made(place, layout((2, 5, 9, 3)))
    box = ((2, 6), (5, 10), (0, 9), (0, 3))
    output.put(box, x[slices(box)])
    synced_now: list[str] = []

    def fsync(descriptor: int) -> None:
        synced_now.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), place))

    monkeypatch.setattr(synced.os, "fsync", fsync)
    output.sync(box)
    assert sorted(synced_now) == sorted(
        [
            ".", "c", "c/1", "c/1/1", "c/1/1/0", "c/1/1/0/0",
            "c/2", "c/2/1", "c/2/1/0", "c/2/1/0/0",
        ]
    )  # fmt: skip
    # What a folder holds is on the disk after it, so files come first and the root last.
    assert synced_now[-1] == "."
    assert {"c/1/1/0/0", "c/2/1/0/0"} == set(synced_now[:2])


@pytest.fixture
def _no_space(monkeypatch: pytest.MonkeyPatch) -> None:
    from zarr.storage import _local

    def put(path: Path, *_: Any, **__: Any) -> int:
        if path.name == "zarr.json":
            return real(path, *_, **__)
        raise OSError(28, "No space left on device")

    real = _local._put
    monkeypatch.setattr(_local, "_put", put)


@pytest.mark.usefixtures("_no_space")
def test_a_full_disk(tmp_path: Path) -> None:
    output = made(tmp_path / "y", layout())
    with pytest.raises(Problem) as raised:
        output.put(((0, 7), (0, 10), (0, 9), (0, 3)), values())
    assert (raised.value.code, raised.value.message) == (
        "CS121",
        "writing stopped after some samples: the disk is full",
    )
