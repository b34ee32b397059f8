"""Array files in and out: what is accepted, what is refused and how, and what a crash leaves."""

from __future__ import annotations

import ast
import gzip
import io
import os
import pickle
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.arrays import npy_batches
from speccompiler.arrays.npy_input import ArrayInput, from_array, open_array
from speccompiler.arrays.npy_output import create_array, stream_array
from speccompiler.diagnostics.core import Problem
from speccompiler.files import npy_format
from tests.places import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def npy_bytes(array: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **options)
    return out.getvalue()


def with_header(text: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text.encode()))
    return b"\x93NUMPY" + bytes(version) + length + text.encode() + data


def plain_header(descr: str = "<f4", order: str = "False", shape: str = "(2,)") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"


def read_all(source: ArrayInput, batch_size: int = 3) -> np.ndarray:
    parts = [batch.copy() for batch in source.batches(batch_size)]
    return np.concatenate([np.empty((0, *source.shape[1:]), np.float32), *parts])


def saved(tmp_path: Path, content: bytes, name: str = "data.npy") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refused(call: Callable[[], object]) -> tuple[str, str, str | None]:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.code, caught.value.message, caught.value.hint


def opened(path: Path) -> ArrayInput:
    return open_array(path, path.name)


# Reading


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


@pytest.mark.parametrize(
    ("dtype", "note"),
    [
        ("=f4", None),
        ("=f8", "float64 converted to float32"),
        ("=f2", "float16 converted to float32"),
        ("=i8", "int64 converted to float32"),
        ("u1", "uint8 converted to float32"),
        ("?", "bool converted to float32"),
    ],
)
def test_the_note_says_what_is_converted(tmp_path: Path, dtype: str, note: str | None) -> None:
    array = np.ones((2, 3), dtype)
    with opened(saved(tmp_path, npy_bytes(array))) as source:
        assert source.conversion_note == note
    assert from_array(array, "x").conversion_note == note


@pytest.mark.skipif(sys.byteorder != "little", reason="wording for little-endian machines")
def test_the_note_names_a_foreign_byte_order() -> None:
    array = np.array([1.5, -2], ">f4")
    source = open_array(io.BytesIO(npy_bytes(array)), "<stdin>")
    assert source.conversion_note == "big-endian float32 converted to float32"
    assert read_all(source).tolist() == [1.5, -2]


def test_one_buffer_is_reused(tmp_path: Path) -> None:
    for dtype in (np.float32, np.float64):
        path = saved(tmp_path, npy_bytes(np.zeros((6, 4), dtype)))
        with opened(path) as source:
            addresses = {batch.ctypes.data for batch in source.batches(2)}
        assert len(addresses) == 1


def test_an_array_in_memory_is_not_copied() -> None:
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert all(np.shares_memory(batch, x) for batch in from_array(x, "x").batches(2))
    turned = from_array(np.asfortranarray(x), "x")
    assert turned.fortran_order
    np.testing.assert_array_equal(read_all(turned), x)
    np.testing.assert_array_equal(read_all(from_array(x[::-1, ::2], "x")), x[::-1, ::2])


@pytest.mark.filterwarnings("error")
def test_nan_and_infinity_pass_and_too_large_becomes_infinite(tmp_path: Path) -> None:
    path = saved(tmp_path, npy_bytes(np.array([np.nan, np.inf, -np.inf, 1e300])))
    with opened(path) as source:
        np.testing.assert_array_equal(
            read_all(source), np.array([np.nan, np.inf, -np.inf, np.inf], np.float32)
        )


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("padding", [0, 1, 7, 9000])
def test_any_format_and_an_unaligned_header(
    tmp_path: Path, version: tuple[int, int], padding: int
) -> None:
    data = np.array([1.5, 2.5], "<f4").tobytes()
    path = saved(tmp_path, with_header(plain_header() + " " * padding + "\n", data, version))
    with opened(path) as source:
        assert read_all(source).tolist() == [1.5, 2.5]
    np.testing.assert_array_equal(np.load(path), np.array([1.5, 2.5], np.float32))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }",  # NumPy on Python 2
        '{"shape": (2, 1), "descr": "<f4", "fortran_order": True}',
        " {'fortran_order':False,'shape':(2,1,),'descr':'<f4'} \n",
    ],
)
def test_headers_of_other_writers(tmp_path: Path, header: str) -> None:
    path = saved(tmp_path, with_header(header, np.array([1.5, 2.5], "<f4").tobytes()))
    with opened(path) as source:
        assert read_all(source).tolist() == [[1.5], [2.5]]
    stream = open_array(io.BytesIO(path.read_bytes()), "-")  # one column: any order is C order
    assert read_all(stream).tolist() == [[1.5], [2.5]]


@pytest.mark.parametrize("descr", ["?", "|b1"])
def test_both_spellings_of_bool(descr: str) -> None:
    stream = io.BytesIO(with_header(plain_header(descr), b"\x01\x00"))
    assert read_all(open_array(stream, "-")).tolist() == [1, 0]


def test_zero_samples_are_opened(tmp_path: Path) -> None:
    with opened(saved(tmp_path, npy_bytes(np.empty((0, 3, 0))))) as source:
        assert source.samples == 0
        assert list(source.batches(4)) == []


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


@posix
def test_a_pipe_is_read_and_written_by_path(tmp_path: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def produce() -> None:
        with create_array(pipe, x.shape) as out:
            out.write(x)

    producer = threading.Thread(target=produce)
    producer.start()
    with opened(pipe) as source:
        np.testing.assert_array_equal(read_all(source), x)
    producer.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


# Refusals at opening

NUMBERS = 'save it as numbers, for example numpy.save("data.npy", array.astype("float32"))'
AGAIN = "write or copy the whole file again"
GIVE = "give a .npy file, as numpy.save writes it"
TEXT = 'load it with numpy.loadtxt and save it with numpy.save("data.npy", array)'
IMAGES = "convert the images to one array first, samples along the first axis"


def npz_bytes(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def elements(what: str) -> str:
    return f"the elements are {what}; allowed are floats, integers and booleans"


BAD_FILES: dict[str, tuple[bytes, str, str, str | None]] = {
    "empty": (b"", "CS111", "it is empty", GIVE),
    "text": (b"layers:\n  - Convolution2D\n", "CS111", "this is text, not a .npy file", GIVE),
    "csv": (
        b"1.0,2.5,-3e2\n4,5,6\n",
        "CS111",
        "this is a text table (CSV), not a .npy file",
        TEXT,
    ),
    "git lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "CS111",
        "this is a Git LFS pointer, not a .npy file",
        "fetch the data with: git lfs pull",
    ),
    "png": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "CS111",
        "this is a PNG image, not a .npy file",
        IMAGES,
    ),
    "jpeg": (
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        "CS111",
        "this is a JPEG image, not a .npy file",
        IMAGES,
    ),
    "hdf5": (
        b"\x89HDF\r\n\x1a\n\0\0\0\0",
        "CS111",
        "this is an HDF5 file, not a .npy file",
        "read the dataset with h5py and save it as .npy",
    ),
    "pickle": (
        pickle.dumps([1.0]),
        "CS111",
        "this is a pickle, which is never loaded, not a .npy file",
        "load it where it was written and save the array with numpy.save",
    ),
    "gzip": (
        gzip.compress(b"x"),
        "CS111",
        "this is a gzip file, not a .npy file",
        "unpack it first, for example with gunzip",
    ),
    "npz": (
        npz_bytes(images=np.zeros(2), labels=np.zeros(2)),
        "CS111",
        "this is a .npz archive, not a .npy file; it holds 'images', 'labels'",
        'save one array on its own: numpy.save("images.npy", numpy.load("data.npy")["images"])',
    ),
    "npz of many": (
        npz_bytes(**{f"a{i}": np.zeros(1) for i in range(7)}),
        "CS111",
        "this is a .npz archive, not a .npy file; it holds 'a0', 'a1', 'a2', 'a3', 'a4' and 2 more",
        'save one array on its own: numpy.save("a0.npy", numpy.load("data.npy")["a0"])',
    ),
    "zip": (
        b"PK\x03\x04" + bytes(60),
        "CS111",
        "this is a zip archive (.npz), not a .npy file",
        "unpack it first (unzip)",
    ),
    "noise": (
        bytes(range(100, 256)),
        "CS111",
        "this is not a .npy file: it does not start with the .npy signature",
        GIVE,
    ),
    "future format": (
        with_header(plain_header(), bytes(8), (4, 1)),
        "CS111",
        "this is a .npy file of format 4.1; formats 1.0, 2.0 and 3.0 are known",
        "save it again with numpy.save",
    ),
    "huge header": (
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 4_000_000_000),
        "CS111",
        "the .npy header claims 4000000000 bytes; at most 10000 are allowed",
        "save the array again as plain float32 with numpy.save",
    ),
    "cut in the signature": (b"\x93NUM", "CS112", "the data ends inside the .npy header", AGAIN),
    "cut in the header": (
        npy_bytes(np.zeros(3))[:40],
        "CS112",
        "the data ends inside the .npy header",
        AGAIN,
    ),
    "truncated": (
        npy_bytes(np.zeros((10, 3), np.float32))[:-20],
        "CS112",
        "the data is cut off: the header announces 120 bytes (shape (10, 3), float32), "
        "but only 100 bytes follow",
        AGAIN,
    ),
    "trailing": (
        npy_bytes(np.zeros((10, 3), np.float32)) + b"abc",
        "CS112",
        "data follows the array: the header announces 120 bytes (shape (10, 3), float32), "
        "and 3 bytes come after it",
        "save the array again, one array to a file",
    ),
    "claims an exabyte": (
        with_header(plain_header(shape=f"({10**17}, 3)")),
        "CS112",
        "the data is cut off: the header announces 1200000000000000000 bytes "
        "(shape (100000000000000000, 3), float32), but only 0 bytes follow",
        AGAIN,
    ),
    "object": (
        npy_bytes(np.array([None, "x"]), allow_pickle=True),
        "CS113",
        elements("Python objects (pickled)"),
        NUMBERS,
    ),
    "structured": (
        npy_bytes(np.zeros(3, [("a", "f4"), ("b", "i4")])),
        "CS113",
        elements("records with named fields"),
        'save one field, for example numpy.save("x.npy", array["x"])',
    ),
    "structured, with strange names": (
        with_header(plain_header().replace("'<f4'", r"""[("it's", '<f4'), ('}], \'', '<i4')]""")),
        "CS113",
        elements("records with named fields"),
        'save one field, for example numpy.save("x.npy", array["x"])',
    ),
    "complex": (
        npy_bytes(np.zeros(3, np.complex64)),
        "CS113",
        elements("complex numbers (64 bits)"),
        "save the real part or the magnitude, for example numpy.abs(array)",
    ),
    "text elements": (npy_bytes(np.array(["ab"])), "CS113", elements("text strings"), NUMBERS),
    "bytes elements": (npy_bytes(np.array([b"ab"])), "CS113", elements("byte strings"), NUMBERS),
    "dates": (npy_bytes(np.zeros(1, "M8[us]")), "CS113", elements("dates"), NUMBERS),
    "void": (npy_bytes(np.zeros(1, "V3")), "CS113", elements("raw bytes"), NUMBERS),
    "bfloat16": (
        npy_bytes(np.zeros(1, "V2")),
        "CS113",
        elements("raw bytes"),
        "bfloat16 arrays are saved this way: convert them to float32 before saving",
    ),
    "long double": (
        with_header(plain_header("<f16"), bytes(32)),
        "CS113",
        elements("128-bit floats, whose layout differs between machines"),
        NUMBERS,
    ),
    "unknown type": (
        with_header(plain_header("<q9"), bytes(32)),
        "CS113",
        elements("of the type '<q9', which is not known"),
        NUMBERS,
    ),
    "unit without time": (
        with_header(plain_header("<f4[us]"), bytes(8)),
        "CS113",
        elements("of the type '<f4[us]', which is not known"),
        NUMBERS,
    ),
    "a type by its name": (
        with_header(plain_header("float32"), bytes(8)),
        "CS113",
        "the header writes the elements' type as 'float32', where NumPy writes '<f4'",
        "correct what wrote it: 'descr': '<f4'; numpy.save does so",
    ),
    "0-d": (
        npy_bytes(np.float32(3)),
        "CS114",
        "the array is a single number (0-d) and has no axis of samples",
        "save it with the samples along the first axis, for example shape (1, 28, 28, 1)",
    ),
    "many axes": (
        with_header(plain_header(shape="(" + "1," * 33 + ")"), bytes(4)),
        "CS114",
        "the array has 33 axes; at most 32 are allowed",
        "save it with one axis of samples and the axes of the model's input",
    ),
    "empty samples": (
        with_header(plain_header(shape=f"({10**17}, 0)")),
        "CS114",
        "the samples are empty: the array's shape is (100000000000000000, 0)",
        "every axis after the first needs a length of at least 1",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_in_these_words(tmp_path: Path, case: str) -> None:
    content, code, message, hint = BAD_FILES[case]
    path = saved(tmp_path, content)
    assert refused(lambda: opened(path)) == (code, message, hint)


@pytest.mark.parametrize("case", sorted(set(BAD_FILES) - {"npz", "npz of many"}))
def test_a_bad_stream_is_refused_too(case: str) -> None:
    content, code, _, _ = BAD_FILES[case]
    assert refused(lambda: read_all(open_array(io.BytesIO(content), "-"), 1))[0] == code


UNREADABLE = [
    "",
    "{}",
    "[1, 2]",
    plain_header(shape="(-1,)"),
    plain_header(shape="(3)"),
    plain_header(shape="(True,)"),
    plain_header(shape="(" + "9" * 30 + ",)"),
    plain_header(shape=f"({2**63},)"),
    plain_header(shape="(02,)"),
    plain_header(order="0"),
    plain_header().replace("'<f4'", "[('a', '<f4')]").replace("shape", "forms"),
    plain_header().replace("'<f4'", "'<f4\""),
    plain_header().replace("descr", "dtype"),
    plain_header() + "x",
    plain_header() * 2,
    plain_header()[:-1],
    "(" * 9000,
    "-" * 9000 + "1",
    "{" + "'shape': (" + "1, " * 3000,
    "__import__('os').abort()",
    "\0" * 100,
]


@pytest.mark.parametrize("header", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_malformed_header_is_refused(tmp_path: Path, header: str) -> None:
    path = saved(tmp_path, with_header(header, bytes(8)))
    assert refused(lambda: opened(path)) == (
        "CS111",
        "the .npy header cannot be understood",
        "save the array again with numpy.save",
    )


@pytest.mark.parametrize("padding", [" ", "(", "[", "[(", "'a',", "1,", "1, ", "\\'", '"'])
@pytest.mark.parametrize("start", ["", "{", "{'descr':", "{'descr': [", "{'descr':'", "{'shape':("])
def test_no_header_takes_long_to_refuse(start: str, padding: str) -> None:
    """Ten thousand characters, which a careless pattern would try in every combination.

    Four times the text may take four times as long, and not sixteen times.
    """

    def least(length: int) -> float:
        text = start + padding * ((length - len(start)) // len(padding))
        spent = []
        for _ in range(7):
            began = time.process_time()
            assert refused(lambda: open_array(io.BytesIO(with_header(text)), "-"))[0] == "CS111"
            spent.append(time.process_time() - began)
        return min(spent)

    whole = npy_format.MAX_HEADER_BYTES
    assert least(whole) < 9 * least(whole // 4)


EDITS = st.sampled_from(["", " ", ",", "(", ")", "[", "]", "{", "}", "'", '"', ":", "-", "0", "7"])


@settings(deadline=None, max_examples=100)
@given(
    header=st.sampled_from(
        [
            plain_header(),
            plain_header(order="True", shape="()"),
            plain_header(shape="(20, 3)"),
            plain_header().replace("'<f4'", """[('a', '<f4'), ("b'", '<i4', (2,))]"""),
        ]
    ),
    edits=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 2), EDITS), max_size=3),
)
def test_what_is_taken_means_what_python_reads(
    header: str, edits: list[tuple[int, int, str]]
) -> None:
    for at, removed, inserted in edits:
        header = header[:at] + inserted + header[at + removed :]
    content = io.BytesIO(with_header(header))
    try:
        found = npy_format.read_header(content.read(8), content.read)
    except npy_format.HeaderError:
        assert edits
        return
    assert found.data_offset == content.tell()
    if found.descr is not None:  # what fields say is passed over
        assert ast.literal_eval(header.strip()) == {
            "descr": found.descr,
            "fortran_order": found.fortran_order,
            "shape": found.shape,
        }


@settings(deadline=None, max_examples=100)
@given(
    content=st.binary(max_size=80),
    prefix=st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04"]),
)
def test_no_bytes_raise_anything_but_a_problem(content: bytes, prefix: bytes) -> None:
    code, _, _ = refused(lambda: read_all(open_array(io.BytesIO(prefix + content), "x"), 2))
    assert code in {"CS111", "CS112"}


def test_an_npz_stream_cannot_name_its_members() -> None:
    stream = io.BytesIO(npz_bytes(images=np.zeros(2)))
    assert refused(lambda: open_array(stream, "<stdin>")) == (
        "CS111",
        "this is a zip archive (.npz), not a .npy file",
        "unpack it first (unzip)",
    )


def test_missing_and_impossible_paths(tmp_path: Path) -> None:
    assert refused(lambda: opened(tmp_path / "no.npy")) == (
        "CS110",
        "the file does not exist",
        "check the path",
    )
    assert refused(lambda: opened(tmp_path)) == (
        "CS110",
        "this is a folder, not a file",
        "give one .npy file, not its folder",
    )
    assert refused(lambda: opened(Path("a\0b.npy"))) == (
        "CS110",
        "the path is not a valid file name",
        "check the path",
    )
    below = saved(tmp_path, b"") / "x.npy"
    assert refused(lambda: opened(below))[:2] == ("CS110", "it cannot be read: not a directory")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = saved(tmp_path, npy_bytes(np.zeros(3)))
    monkeypatch.setattr("os.open", deny)
    assert refused(lambda: opened(path)) == (
        "CS110",
        "the file may not be read (permission denied)",
        "check the permissions of the file and of its folders",
    )


# Refusals while reading


def test_a_stream_that_ends_early() -> None:
    content = npy_bytes(np.zeros((10, 3), np.float32))[:-20]
    source = open_array(io.BytesIO(content), "-")
    batches = source.batches(3)
    for _ in range(2):
        next(batches)
    assert refused(lambda: list(batches)) == (
        "CS112",
        "the data is cut off: the header announces 120 bytes (shape (10, 3), float32), "
        "but only 100 bytes follow",
        AGAIN,
    )


def test_a_stream_with_more_than_one_array() -> None:
    source = open_array(io.BytesIO(npy_bytes(np.zeros(2, np.float32)) * 2), "-")
    assert refused(lambda: read_all(source)) == (
        "CS112",
        "data follows the array: the header announces 8 bytes (shape (2,), float32), "
        "and more bytes come after it",
        "save the array again, one array to a file",
    )


def test_a_stream_in_fortran_order() -> None:
    content = npy_bytes(np.asfortranarray(np.ones((2, 2))))
    assert refused(lambda: open_array(io.BytesIO(content), "-")) == (
        "CS110",
        "the array is in Fortran order, which cannot be read from a stream",
        "give the file by its path, or save it with numpy.ascontiguousarray(array)",
    )


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


def test_arrays_in_memory_follow_the_same_rules() -> None:
    assert refused(lambda: from_array(np.zeros(3, complex), "x"))[:2] == (
        "CS113",
        elements("complex numbers (128 bits)"),
    )
    assert refused(lambda: from_array(np.array([None]), "x"))[:2] == (
        "CS113",
        elements("Python objects (pickled)"),
    )
    assert refused(lambda: from_array(np.zeros(1, [("a", "f4")]), "x"))[0] == "CS113"
    assert refused(lambda: from_array(np.array(3.0), "x"))[0] == "CS114"


# Writing


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


def test_the_final_name_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    with create_array(path, (2, 3)) as out:
        out.write(np.ones((1, 3), np.float32))
        (partial,) = os.listdir(tmp_path)
        assert partial.startswith(".y.npy.")
        assert partial.endswith(".part")
        assert out.written == 1
        out.write(np.ones((1, 3), np.float32))
    assert os.listdir(tmp_path) == ["y.npy"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
@pytest.mark.parametrize("existing", [False, True])
def test_an_exception_leaves_things_as_they_were(
    tmp_path: Path, error: type[BaseException], existing: bool
) -> None:
    path = tmp_path / "y.npy"
    if existing:
        path.write_bytes(b"before")

    def write() -> None:
        with create_array(path, (2, 3)) as out:
            out.write(np.ones((2, 3), np.float32))
            raise error

    with pytest.raises(error):
        write()
    assert os.listdir(tmp_path) == (["y.npy"] if existing else [])
    assert not existing or path.read_bytes() == b"before"


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
def test_permissions(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    before = os.umask(0o027)
    try:
        for mode in (0o640, 0o604):  # the umask's, then the existing file's
            if mode == 0o604:
                path.chmod(mode)
            with create_array(path, (0,)):
                pass
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)


@posix
def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "y.npy"
    link.symlink_to(tmp_path / "real" / "z.npy")
    for _ in range(2):  # dangling, then not
        with create_array(link, (1,)) as out:
            out.write(np.ones(1, np.float32))
        assert link.is_symlink()
        assert os.listdir(tmp_path / "real") == ["z.npy"]


def test_a_name_of_any_length_and_suffix(tmp_path: Path) -> None:
    for name in ("y", "y.data", "y" * 250 + ".npy", "\N{SNOWMAN}" * 80):
        with create_array(tmp_path / name, (0, 2)):
            pass
        assert np.load(tmp_path / name).shape == (0, 2)


@posix
def test_a_device_is_written_directly() -> None:
    with create_array(Path("/dev/null"), (2,)) as out:
        out.write(np.ones(2, np.float32))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def enter(path: Path, shape: tuple[int, ...] = (1,)) -> Callable[[], object]:
    return lambda: create_array(path, shape).__enter__()


def test_outputs_that_cannot_be_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cannot = "the output cannot be created: "
    assert refused(enter(Path("no/y.npy"))) == (
        "CS120",
        cannot + "the folder 'no' does not exist",
        "create the folder first",
    )
    assert refused(enter(tmp_path)) == (
        "CS120",
        cannot + "this is a folder",
        "name a file in it, for example 'output.npy'",
    )
    for name, suffix, better in (
        ("y.npz", ".npz", "y.npy"),
        ("y.PNG", ".png", "y.npy"),
        ("a.b.csv", ".csv", "a.b.npy"),
    ):
        assert refused(enter(Path(name))) == (
            "CS120",
            f"{cannot}the result is a .npy file, but the name ends in '{suffix}'",
            f"name it '{better}'",
        )
    assert refused(enter(Path("a\0b"))) == (
        "CS120",
        cannot + "the path is not a valid file name",
        "check the path",
    )
    assert refused(enter(Path("y" * 300))) == (
        "CS120",
        cannot + "the name is too long",
        "check the path",
    )
    assert os.listdir(tmp_path) == []


@linux
def test_a_folder_that_takes_no_files() -> None:
    code, message, _ = refused(enter(Path("/proc/self/y.npy")))
    assert code == "CS120"
    assert message.startswith(
        "the output cannot be created: no file can be made in the folder '/proc/self' ("
    )


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("speccompiler.files.atomic_output.create_unfinished", deny)
    assert refused(enter(Path("y.npy"))) == (
        "CS120",
        "the output cannot be created: no file can be made in the folder '.' (permission denied)",
        "choose a folder that you may write to",
    )


def test_a_write_protected_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, b"keep", "y.npy")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert refused(enter(path)) == (
        "CS120",
        "the output cannot be created: a file of this name exists and is write-protected",
        "choose another name, or allow writing to it",
    )
    assert path.read_bytes() == b"keep"


# Full disks, killed processes, closed pipes, memory


def run_python(code: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from speccompiler.arrays.npy_output import create_array
from speccompiler.files import atomic_output
from speccompiler.diagnostics.core import Problem
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
if sys.argv[2] == "late":
    atomic_output._reserve = lambda *_: None
try:
    with create_array(Path(sys.argv[1]), (10, 100)) as out:
        print("entered")
        for _ in range(10):
            out.write(np.ones((1, 100), np.float32))
except Problem as problem:
    print(problem.code, problem.message, problem.hint, sep="|")
"""


@linux
def test_a_file_too_large_is_known_before_the_work(tmp_path: Path) -> None:
    run = run_python(LIMITED, tmp_path / "y.npy", "early")
    code, message, hint = run.stdout.strip().split("|")
    assert (code, hint) == ("CS121", "free some space, or write to another disk")
    assert message.startswith(
        "there is no room for the output: the file would be larger than is allowed here "
        "(4128 bytes needed, "
    )
    assert message.endswith(" free)")
    assert os.listdir(tmp_path) == []


@linux
def test_a_write_that_fails_later(tmp_path: Path) -> None:
    saved(tmp_path, b"before", "y.npy")
    run = run_python(LIMITED, tmp_path / "y.npy", "late")
    assert run.stdout.splitlines() == [
        "entered",
        "CS121|writing stopped after 2 of 10 samples: the file would be larger than is allowed "
        "here|free some space, or write to another disk",
    ]
    assert os.listdir(tmp_path) == ["y.npy"]
    assert (tmp_path / "y.npy").read_bytes() == b"before"


def test_an_output_beyond_any_disk(tmp_path: Path) -> None:
    for samples in (1 << 50, 1 << 64):
        code, message, _ = refused(enter(tmp_path / "y.npy", (samples,)))
        assert code == "CS121"
        assert f"({4 * samples + 128} bytes needed, " in message
    assert os.listdir(tmp_path) == []


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


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from speccompiler.arrays.npy_output import create_array
with create_array(Path(sys.argv[1]), (10, 100)) as out:
    out.write(np.ones((9, 100), np.float32))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@posix
@pytest.mark.parametrize("existing", [False, True])
def test_a_killed_process_leaves_no_file_under_the_final_name(
    tmp_path: Path, existing: bool
) -> None:
    path = tmp_path / "y.npy"
    if existing:
        path.write_bytes(b"before")
    assert run_python(KILLED, path).returncode == -signal.SIGKILL
    assert path.exists() == existing
    assert not existing or path.read_bytes() == b"before"


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
