"""Element types: which are converted, and what is said of it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from speccompiler.arrays.npy_input import from_array, open_array
from tests.arrays.npy_files import npy_bytes, opened, plain_header, read_all, saved, with_header


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


@pytest.mark.filterwarnings("error")
def test_nan_and_infinity_pass_and_too_large_becomes_infinite(tmp_path: Path) -> None:
    path = saved(tmp_path, npy_bytes(np.array([np.nan, np.inf, -np.inf, 1e300])))
    with opened(path) as source:
        np.testing.assert_array_equal(
            read_all(source), np.array([np.nan, np.inf, -np.inf, np.inf], np.float32)
        )


@pytest.mark.parametrize("descr", ["?", "|b1"])
def test_both_spellings_of_bool(descr: str) -> None:
    stream = io.BytesIO(with_header(plain_header(descr), b"\x01\x00"))
    assert read_all(open_array(stream, "-")).tolist() == [1, 0]
