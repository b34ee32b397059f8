"""Zarr 2 and 3 as inputs: the values zarr wrote, and what is said of files that are damaged."""

from __future__ import annotations

import json
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.arrays import zarr_stores
from speccompiler.arrays.open_input import open_input
from tests.arrays.npy_files import read_all, refused

zarr = pytest.importorskip("zarr")
X = np.arange(10 * 4 * 5).reshape(10, 4, 5) % 251
AGAIN = "write or copy the array again"


@pytest.fixture(autouse=True)
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a folder of its own, with an alarm against hanging."""
    monkeypatch.chdir(tmp_path)

    def ended(*_: Any) -> None:
        raise AssertionError("it waits, or goes on without end")

    before = signal.signal(signal.SIGALRM, ended)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def stored(name: str = "x.zarr", values: np.ndarray = X, dtype: str = "f4", **options: Any) -> Path:
    options = {"chunks": (3, 4, 2), "overwrite": True, **options}
    array = zarr.create_array(name, shape=values.shape, dtype=dtype, **options)
    array[:] = values
    return Path(name)


def said(name: object) -> tuple[str, str, str | None]:
    """What is said of an input, when it is opened or when it is read."""

    def read() -> None:
        with open_input(str(name)) as source:
            read_all(source)

    return refused(read)


# --- values


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f2", "f8", "u1", ">i2", "bool", "u8"])
def test_the_values_are_those_that_zarr_wrote(zarr_format: int, dtype: str) -> None:
    path = stored(dtype=dtype, zarr_format=zarr_format)
    expected = X.astype(dtype).astype(np.float32)
    with open_input(str(path)) as source:
        assert (source.name, source.shape, source.chunks) == ("x.zarr", X.shape, (3, 4, 2))
        for batch_size in (1, 2, 3, 4, 7, 20):
            assert np.array_equal(read_all(source, batch_size), expected)
        found = source.box(((2, 9), (1, 3), (0, 5)))
        assert found.flags.c_contiguous
        assert np.array_equal(found, expected[2:9, 1:3])
        assert source.box(((2, 2), (1, 3), (0, 5))).shape == (0, 2, 5)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_order_of_version_2(order: str) -> None:
    with open_input(str(stored(zarr_format=2, order=order))) as source:
        assert np.array_equal(read_all(source), X)


def test_shards_are_read_by_their_chunks() -> None:
    path = stored(chunks=(1, 2, 5), shards=(5, 4, 5))
    with open_input(str(path)) as source:
        assert source.chunks == (1, 2, 5)
        assert np.array_equal(read_all(source), X)
        with ThreadPoolExecutor(8) as pool:
            boxes = [((i % 10, i % 10 + 1), (0, 4), (i % 5, 5)) for i in range(200)]
            for box, found in zip(boxes, pool.map(source.box, boxes), strict=True):
                assert np.array_equal(found, X[tuple(slice(*pair) for pair in box)])


def test_chunks_that_are_not_there_are_the_fill_value() -> None:
    zarr.create_array("big.zarr", shape=(50_000, 64, 64), dtype="f4", chunks=(500, 64, 64),
                      fill_value=2.5)  # fmt: skip
    with open_input("big.zarr") as source:
        assert sum(len(batch) for batch in source.batches(700)) == 50_000
        assert source.box(((49_999, 50_000), (63, 64), (0, 2))).tolist() == [[[2.5, 2.5]]]


def test_a_zip_archive() -> None:
    with zarr.storage.ZipStore("x.zip", mode="w") as store:
        group = zarr.create_group(store)
        group.create_array("a/x", shape=X.shape, dtype="f4", chunks=(3, 4, 5))[:] = X
    for name in ("x.zip", "x.zip::a/x"):
        with open_input(name) as source:
            assert source.name == "x.zip::a/x"
            assert np.array_equal(read_all(source), X)


def test_a_closed_array_leaves_nothing_open() -> None:
    path = stored()
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    for _ in range(5):
        with open_input(str(path)) as source:
            read_all(source)
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 8  # zarr's loop keeps a few


# --- which array


@pytest.fixture
def group() -> str:
    made = zarr.create_group("g.zarr")
    for name in ("image", "sub/label"):
        made.create_array(name, shape=X.shape, dtype="u1", chunks=(3, 4, 5))[:] = X
    return "g.zarr"


@pytest.mark.parametrize(
    "name", ["g.zarr/image", "g.zarr::image", "g.zarr::/image", "g.zarr/sub/label", "g.zarr/sub"]
)
def test_an_array_of_a_group(group: str, name: str) -> None:
    with open_input(name) as source:
        assert np.array_equal(read_all(source), X)
        assert source.conversion_note == "uint8 converted to float32"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("g.zarr", "this is a group; it holds 2 arrays: 'image', 'sub/label'",
         "name one: g.zarr/image"),
        ("g.zarr::/", "this is a group; it holds 2 arrays: 'image', 'sub/label'",
         "name one: g.zarr/image"),
        ("g.zarr::nothing", "there is no array 'nothing' in it", "it holds 'image', 'sub/label'"),
        ("g.zarr/image/zarr.json", "there is no array 'image/zarr.json' in it",
         "it holds 'image', 'sub/label'"),
        ("g.zarr/imagge", "there is no array 'imagge' in it", "did you mean 'image'?"),
        ("g.zarr/zzz", "there is no array 'zzz' in it", "it holds 'image', 'sub/label'"),
        ("g.zarr/image/x", "there is no array 'image/x' in it", "did you mean 'image'?"),
        ("x.zarr/x", "this is an array itself, and holds no 'x'", "give it as x.zarr"),
        ("e.zarr", "this is a group; it holds no array that can be listed",
         "name one: e.zarr/NAME"),
    ],
)  # fmt: skip
def test_what_a_group_does_not_hold(group: str, name: str, message: str, hint: str) -> None:
    stored()
    zarr.create_group("e.zarr")
    assert said(name) == ("CS124", message, hint)


@pytest.mark.parametrize("name", ["none.zarr", "none.zarr::x", "empty.zarr"])
def test_what_is_no_hierarchy(name: str) -> None:
    Path("empty.zarr").mkdir()
    if name == "empty.zarr":
        text = "this is no Zarr array or group: there is no zarr.json, .zarray or .zgroup"
        assert said(name) == ("CS111", text, "check the path")
    else:
        assert said(name) == ("CS110", "the file does not exist", "check the path")


def test_a_path_that_leads_out_of_the_hierarchy(group: str) -> None:
    stored()
    code, message, _ = said("g.zarr::../x.zarr")
    assert code == "CS111"
    assert message.startswith("the metadata of '../x.zarr' cannot be used (The path")


# --- damaged metadata


def changed(**entries: Any) -> Path:
    path = stored()
    metadata = json.loads((path / "zarr.json").read_text())
    (path / "zarr.json").write_text(json.dumps({**metadata, **entries}))
    return path


def regular(*chunk_shape: int) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape)}}


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"'])
def test_metadata_that_is_no_mapping(text: str) -> None:
    path = stored()
    (path / "zarr.json").write_text(text)
    assert said(path) == ("CS111", "the metadata is not what Zarr writes", AGAIN)


def test_metadata_that_is_torn() -> None:
    path = stored()
    whole = (path / "zarr.json").read_text()
    for length in range(1, len(whole), 41):
        (path / "zarr.json").write_text(whole[:length])
        code, message, hint = said(path)
        assert (code, hint) == ("CS111", AGAIN)
        assert message.startswith("the metadata is no JSON (")
    (path / "zarr.json").write_bytes(b"\xff\xfe\x00")
    assert said(path)[0] == "CS111"
    (path / "zarr.json").write_text("")
    assert said(path)[0] == "CS111"


@pytest.mark.parametrize(
    ("entries", "code", "message"),
    [
        ({"shape": [10**30, 4, 5]}, "CS114",
         "an axis is 1000000000000000000000000000000 long, which no array can be"),
        ({"shape": [10, 0, 5]}, "CS114", "the samples are empty: the array's shape is (10, 0, 5)"),
        ({"chunk_grid": regular(0, 4, 5)}, "CS111", "the metadata gives chunks of shape (0, 4, 5)"),
        ({"data_type": "complex64"}, "CS111", "the metadata is not what Zarr writes"),
        ({"data_type": "bfloat16"}, "CS111",
         "the metadata cannot be used (No Zarr data type found that matches 'bfloat16')"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_right(entries: dict[str, Any], code: str, message: str) -> None:
    assert said(changed(**entries))[:2] == (code, message)


@pytest.mark.parametrize(
    "entries",
    [{"shape": "ab"}, {"shape": [-1, 4, 5]}, {"shape": [4, 5]}, {"codecs": []}, {"codecs": 3},
     {"codecs": [{"name": "numcodecs.pickle"}]}, {"chunk_grid": {"name": "odd"}},
     {"fill_value": "x"}, {"zarr_format": 4}, {"node_type": "what"}, {"data_type": "string"},
     {"must": 1}, {"dimension_names": [1, 2, 3]}, {"data_type": None}],
)  # fmt: skip
def test_no_metadata_leads_to_a_traceback(entries: dict[str, Any]) -> None:
    assert said(changed(**entries))[0] in {"CS111", "CS113", "CS124"}


def test_chunks_that_do_not_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    path = changed(chunk_grid=regular(10**9, 10**9, 10))
    code, message, hint = said(path)
    assert (code, hint) == ("CS115", "store the array in smaller chunks: one is read as a whole")
    assert message.startswith("a chunk has shape (1000000000, 1000000000, 10) and takes ")


def test_metadata_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr_stores, "MOST_METADATA", 10)
    _, message, hint = said(stored())
    assert message.startswith("'zarr.json' has ")
    assert message.endswith(" bytes; at most 10 are read")
    assert hint == "check that it is Zarr's metadata"


def test_a_number_alone() -> None:
    zarr.create_array("0d.zarr", shape=(), dtype="f4")
    assert said("0d.zarr")[:2] == (
        "CS114",
        "the array is a single number (0-d) and has no axis of samples",
    )


# --- types and codecs


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"dtype": "|O", "filters": [{"id": "pickle"}]}, "CS111"),
        ({"dtype": "<f4", "filters": [{"id": "pickle"}]}, "CS111"),
        ({"dtype": "<f4", "compressor": {"id": "pickle"}}, "CS111"),
        ({"dtype": "|V8", "compressor": {"id": "pickle"}}, "CS111"),
        ({"dtype": "<f4", "compressor": {"id": "base64"}}, "CS113"),
        ({"dtype": "<U4"}, "CS113"),
        ({"dtype": "<M8[ns]"}, "CS113"),
        ({"dtype": [["a", "<f4"]]}, "CS113"),
        ({"dtype": "<c8"}, "CS113"),
    ],
)
def test_nothing_in_a_chunk_is_executed(entries: dict[str, Any], code: str) -> None:
    folder = Path("v2.zarr")
    folder.mkdir()
    plain = {"zarr_format": 2, "shape": [2], "chunks": [2], "compressor": None, "filters": None,
             "fill_value": None, "order": "C"}  # fmt: skip
    (folder / ".zarray").write_text(json.dumps({**plain, **entries}))
    (folder / "0").write_bytes(pickle.dumps(Evil()))
    assert said(folder)[0] == code
    assert not Path("executed").exists()


def test_a_codec_that_is_not_on_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    from speccompiler.arrays import zarr_input

    monkeypatch.setattr(zarr_input, "CODECS", frozenset({"bytes"}))
    assert said(stored()) == (
        "CS113",
        "the chunks are packed with 'zstd', which is not read here",
        "write the array again with zstd, gzip, blosc or none",
    )


# --- damaged chunks


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def noise(path: Path) -> None:
    path.write_bytes(b"noise" * 30)


@pytest.mark.parametrize(
    ("damage", "options", "message"),
    [
        (cut, {"compressors": None},
         "chunk 'c/1/0/1' is damaged (it has not as many bytes as its shape and type take)"),
        (noise, {"compressors": None},
         "chunk 'c/1/0/1' is damaged (it has not as many bytes as its shape and type take)"),
        (noise, {"compressors": {"name": "gzip", "configuration": {"level": 1}}},
         "chunk 'c/1/0/1' is damaged (Not a gzipped file (b'no'))"),
        (cut, {}, "chunk 'c/1/0/1' is damaged (Zstd decompression error: invalid input data)"),
    ],
)  # fmt: skip
def test_a_chunk_that_is_damaged(
    damage: Callable[[Path], None], options: dict[str, Any], message: str
) -> None:
    path = stored(**options)
    damage(path / "c" / "1" / "0" / "1")
    assert said(path) == ("CS112", message, AGAIN)
    with open_input(str(path)) as source:
        assert np.array_equal(source.box(((0, 3), (0, 4), (0, 5))), X[:3])


def test_a_shard_that_is_damaged() -> None:
    path = stored(chunks=(1, 2, 5), shards=(5, 4, 5))
    noise(path / "c" / "1" / "0" / "0")
    code, message, hint = said(path)
    assert (code, hint) == ("CS112", AGAIN)
    assert message.startswith("chunk 'c/1/0/0' is damaged (")


def test_chunks_that_are_no_files(tmp_path: Path) -> None:
    path = stored()
    chunk = path / "c" / "1" / "0" / "1"
    chunk.unlink()
    chunk.symlink_to("/dev/zero")
    refusal = "CS110", "'c/1/0/1' cannot be read: it is a device, not an ordinary file"
    assert said(path)[:2] == refusal
    chunk.unlink()
    os.mkfifo(chunk)
    refusal = "CS110", "'c/1/0/1' cannot be read: it is a pipe, not an ordinary file"
    assert said(path)[:2] == refusal
    (path / "zarr.json").unlink()
    os.mkfifo(path / "zarr.json")
    refusal = "CS110", "'zarr.json' cannot be read: it is a pipe, not an ordinary file"
    assert said(path)[:2] == refusal


# --- beside the values


def test_the_identity_follows_chunks_and_metadata() -> None:
    path = stored()

    def identity() -> str | None:
        with open_input(str(path)) as source:
            return source.identity

    first = identity()
    assert identity() == first
    os.utime(path / "c" / "1" / "0" / "1", ns=(1, 1))
    assert identity() != first


def test_nothing_is_warned_of() -> None:
    path = stored(zarr_format=2)
    (path / "zarr.json").write_text((stored("other.zarr") / "zarr.json").read_text())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with open_input(str(path)):
            pass
    assert caught == []


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored()
    monkeypatch.setattr("speccompiler.arrays.optional_packages.find_spec", lambda name: None)
    assert said(path) == (
        "CS104",
        "Zarr arrays need the package zarr, which is not installed",
        'pip install "convspec[zarr]"',
    )
