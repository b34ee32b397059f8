"""Datasets of HDF5 files as inputs: h5py's values, and what is said of what is none."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.arrays import chunked_batches
from speccompiler.arrays.open_input import open_input
from speccompiler.diagnostics.core import Problem
from tests.arrays.npy_files import read_all, refused

h5py = pytest.importorskip("h5py")
X = np.arange(10 * 4 * 5).reshape(10, 4, 5) % 251
AGAIN = "write or copy the file again"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with h5py.File("x.h5", "w") as file:
        file["plain"], file["big"], file["half"] = X.astype("f4"), X.astype(">f8"), X.astype("f2")
        file["g/flags"] = X > 100
        packed = {"chunks": (3, 2, 5), "compression": "gzip", "shuffle": True}
        file.create_dataset("g/packed", data=X.astype("i2"), **packed)
        file.create_dataset("sparse", (10, 4), "f4", chunks=(3, 4), fillvalue=7.0)
        file.create_dataset("late", (10, 4), "f4", fillvalue=7.0)
        file["text"], file["bytes"], file["number"] = ["a", "b"], np.array([b"ab"]), 1.0
        file["records"], file["complex"] = np.zeros(3, [("a", "f4")]), np.zeros(3, "c8")
        file["nothing"], file["ref"] = h5py.Empty("f4"), np.array([file.ref], h5py.ref_dtype)
        file["soft"], file["outside"] = h5py.SoftLink("/plain"), h5py.ExternalLink("y.h5", "/x")
        layout = h5py.VirtualLayout((2, 10), "f4")
        layout[0] = h5py.VirtualSource("y.h5", "x", (10,))
        file.create_virtual_dataset("virtual", layout)


def said(name: str) -> tuple[str, str, str | None]:
    def read() -> None:
        with open_input(name) as source:
            read_all(source)

    return refused(read)


@pytest.mark.parametrize("name", ["plain", "big", "half", "g/packed"])
def test_the_values_are_those_of_h5py(name: str) -> None:
    with open_input(f"x.h5::/{name}") as source:
        assert source.name == f"x.h5::/{name}"
        for batch_size in (1, 2, 3, 4, 20):
            assert np.array_equal(read_all(source, batch_size), X)
        assert np.array_equal(source.box(((2, 9), (1, 3), (0, 5))), X[2:9, 1:3])
        assert source.box(((2, 2), (1, 3), (0, 5))).shape == (0, 2, 5)
        assert source.chunks == ((3, 2, 5) if name == "g/packed" else None)
        assert source.identity is not None
        with ThreadPoolExecutor(8) as pool:
            boxes = [((i % 10, i % 10 + 1), (0, 4), (i % 5, 5)) for i in range(100)]
            for box, found in zip(boxes, pool.map(source.box, boxes), strict=True):
                assert np.array_equal(found, X[tuple(slice(*pair) for pair in box)])


def test_booleans_and_values_that_were_never_written() -> None:
    with open_input("x.h5::g/flags") as source:
        assert np.array_equal(read_all(source), X > 100)
        assert source.conversion_note == "bool converted to float32"
    for name in ("sparse", "late"):
        with open_input(f"x.h5::{name}") as source:
            assert np.array_equal(read_all(source), np.full((10, 4), 7.0))


ALLOWED = "allowed are floats, integers and booleans"


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("text", "CS113", f"the elements are text strings; {ALLOWED}"),
        ("bytes", "CS113", f"the elements are byte strings; {ALLOWED}"),
        ("ref", "CS113", f"the elements are references, or of various lengths; {ALLOWED}"),
        ("records", "CS113", f"the elements are records with named fields; {ALLOWED}"),
        ("complex", "CS113", f"the elements are complex numbers (64 bits); {ALLOWED}"),
        ("number", "CS114", "the array is a single number (0-d) and has no axis of samples"),
        ("nothing", "CS114", "the dataset has no shape and no values"),
        ("soft", "CS124", "'/soft' is a soft link to '/plain', and links are not followed"),
        ("outside", "CS124",
         "'/outside' is a link to '/x' in the file 'y.h5', and links are not followed"),
        ("virtual", "CS111", "the dataset keeps its data in another file, which is not opened"),
        ("g", "CS124", "'/g' is a group; it holds '/g/flags', '/g/packed'"),
        ("plane", "CS124", "there is no dataset '/plane' in the file"),
    ],
)  # fmt: skip
def test_what_is_no_array(name: str, code: str, message: str) -> None:
    assert said(f"x.h5::/{name}")[:2] == (code, message)


def test_which_dataset() -> None:
    assert said("x.h5") == (
        "CS124",
        "the file holds 8 datasets: '/big', '/g/flags', '/g/packed', '/half', '/late', '/plain', "
        "'/sparse', '/virtual'",
        "name one: x.h5::/big",
    )
    with h5py.File("one.h5", "w") as file:
        file["a/x"], file["names"], file["count"] = X, ["a"], 3
    with open_input("one.h5") as source:
        assert np.array_equal(read_all(source), X)
    with h5py.File("none.h5", "w") as file:
        file["names"] = ["a"]
    refusal = ("CS124", "the file holds no dataset of numbers", "give another file")
    assert said("none.h5") == refusal
    assert said("x.h5::/plane")[2] == "did you mean 'plain' or 'late'?"
    assert said("x.h5/plain") == (
        "CS110",
        "'x.h5' is a file, not a folder",
        "a dataset in it is named with '::': x.h5::/plain",
    )


def test_a_damaged_file_is_a_finding() -> None:
    whole = Path("x.h5").read_bytes()
    for length in (9, 600, len(whole) // 2, len(whole) - 1):
        Path("cut.h5").write_bytes(whole[:length])
        code, message, hint = said("cut.h5::/plain")
        assert (code, hint) == ("CS111", AGAIN)
        assert message.startswith("it is not a sound HDF5 file (Unable to synchronously open")
    Path("text.h5").write_text("not HDF5 at all")
    assert said("text.h5")[0] == "CS111"
    Path("empty.h5").write_bytes(b"")
    assert said("empty.h5")[0] == "CS111"
    with h5py.File("x.h5", "r") as file:
        chunk = file["g/packed"].id.get_chunk_info(2)
    damaged = bytearray(whole)
    damaged[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"x" * chunk.size
    Path("chunk.h5").write_bytes(damaged)
    code, message, hint = said("chunk.h5::/g/packed")
    assert (code, hint) == ("CS112", AGAIN)
    assert message.startswith("dataset 'g/packed' cannot be read (Can't synchronously read data")


def test_bytes_changed_at_random_never_crash(tmp_path: Path) -> None:
    whole = Path("x.h5").read_bytes()
    random = np.random.default_rng(0)
    ended = []
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, 4000, 8):
            damaged[place] = random.integers(0, 256)
        Path("fuzz.h5").write_bytes(damaged)
        try:
            with open_input("fuzz.h5::/g/packed") as source:
                ended.append(next(source.batches(4)).shape[1:])
        except Problem as problem:
            ended.append(problem.code)
    # Damage that is seen, and damage elsewhere: both are met.
    assert {"CS111", X.shape[1:]} <= set(ended)


def test_a_file_that_changes_while_it_is_read() -> None:
    with open_input("x.h5::/g/packed") as source:
        with h5py.File("x.h5", "a") as file:
            del file["g/packed"]
            file.create_dataset("g/packed", data=X[:3], chunks=(3, 2, 5))
        assert refused(lambda: source.box(((0, 10), (0, 4), (0, 5))))[:2] == (
            "CS112",
            "dataset 'g/packed' changed while the file was in use",
        )


def test_a_chunk_that_does_not_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File("huge.h5", "w") as file:
        file.create_dataset("x", (10**6, 10**4), "f4", chunks=(10**5, 10**4))
    monkeypatch.setattr(chunked_batches, "available_memory", lambda: 1 << 30)
    assert said("huge.h5") == (
        "CS115",
        "a chunk has shape (100000, 10000) and takes 3.7 GiB; 1.0 GiB are available",
        "store the array in smaller chunks: one is read as a whole",
    )


def test_no_file_stays_open() -> None:
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("needs Linux's /proc")
    said("x.h5")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("plain", "g/packed", "text", "none"):
        with suppress(Problem), open_input(f"x.h5::{name}") as source:
            read_all(source)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> Any:
        return None

    monkeypatch.setattr("speccompiler.arrays.hdf5_input.find_spec", find_spec)
    assert said("x.h5") == (
        "CS104",
        "HDF5 files need the package h5py, which is not installed",
        'pip install "convspec[hdf5]"',
    )
