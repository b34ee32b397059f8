"""Arrays that are opened from files, streams and memory; what is refused, and in what words."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import stat
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.arrays.npy_input import from_array, open_array
from speccompiler.arrays.npy_output import create_array
from tests.arrays.npy_files import (
    npy_bytes,
    opened,
    plain_header,
    posix,
    read_all,
    refused,
    saved,
    with_header,
)


def test_an_array_in_memory_is_not_copied() -> None:
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert all(np.shares_memory(batch, x) for batch in from_array(x, "x").batches(2))
    turned = from_array(np.asfortranarray(x), "x")
    assert turned.fortran_order
    np.testing.assert_array_equal(read_all(turned), x)
    np.testing.assert_array_equal(read_all(from_array(x[::-1, ::2], "x")), x[::-1, ::2])


def test_zero_samples_are_opened(tmp_path: Path) -> None:
    with opened(saved(tmp_path, npy_bytes(np.empty((0, 3, 0))))) as source:
        assert source.samples == 0
        assert list(source.batches(4)) == []


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
