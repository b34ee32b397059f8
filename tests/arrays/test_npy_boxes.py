"""Boxes of .npy files and stored .npz members: NumPy's values, in few reads, from threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.arrays.npy_boxes import read_box
from speccompiler.arrays.npy_header import NpyHeader
from speccompiler.arrays.npy_input import from_array, open_array
from speccompiler.arrays.npz_input import open_file
from speccompiler.arrays.positioned import LOCAL_GAP
from speccompiler.system import facilities
from tests.arrays.npy_files import opened, read_all, refused

TYPES = ["<f4", ">f8", "<f2", "<i2", ">u4", "|b1", "|u1"]


@st.composite
def arrays_and_boxes(draw):
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    values = np.arange(np.prod(shape)).reshape(shape) % 251
    array = values.astype(draw(st.sampled_from(TYPES)))
    if draw(st.booleans()):
        array = np.asfortranarray(array)
    box = []
    for length in shape:
        first = draw(st.integers(0, length))
        box.append((first, draw(st.integers(first, length))))
    return array, tuple(box)


@settings(max_examples=150, deadline=None)
@given(arrays_and_boxes())
def test_a_box_is_what_numpy_cuts_out(tmp_path_factory: pytest.TempPathFactory, drawn) -> None:
    array, box = drawn
    folder = tmp_path_factory.mktemp("boxes")
    np.save(folder / "x.npy", array)
    np.savez(folder / "x.npz", x=array)
    expected = array[tuple(slice(*pair) for pair in box)].astype(np.float32)
    with open_array(folder / "x.npy", "x") as file, open_file(folder / "x.npz", "x") as member:
        for source in (file, member, from_array(array, "memory")):
            found = source.box(box)
            assert found.dtype == np.float32
            assert found.flags.c_contiguous
            assert np.array_equal(found, expected)
            assert np.array_equal(read_all(source), array.astype(np.float32))


@dataclass
class Counting:
    """Bytes in memory that count how they are read."""

    data: bytes
    gap: int = LOCAL_GAP
    reads: list[int] = field(default_factory=list)

    def read_at(self, view: memoryview, offset: int) -> int:
        part = self.data[offset : offset + len(view)]
        view[: len(part)] = part
        self.reads.append(len(part))
        return len(part)


@pytest.mark.parametrize(
    ("box", "fortran", "reads", "bytes_read"),
    [
        # Whole samples lie in one piece.
        (((3, 7), (0, 64), (0, 512)), False, 1, 4 * 64 * 512 * 4),
        # Long runs far apart: one read each, nothing between them.
        (((0, 10), (0, 16), (0, 512)), False, 10, 10 * 16 * 512 * 4),
        # Short runs side by side: one stretch, of which most is dropped.
        (((0, 1), (0, 64), (8, 16)), False, 1, (63 * 512 + 8) * 4),
        # In Fortran order samples lie side by side.
        (((0, 10), (0, 64), (100, 110)), True, 1, 10 * 64 * 10 * 4),
    ],
)
def test_it_takes_few_reads_and_few_bytes(box, fortran, reads, bytes_read) -> None:
    x = np.arange(10 * 64 * 512, dtype=np.float32).reshape(10, 64, 512)
    source = Counting(x.tobytes("F" if fortran else "C"))
    header = NpyHeader(x.shape, x.dtype, fortran, 0)
    assert np.array_equal(read_box(source, header, box), x[tuple(slice(*b) for b in box)])
    assert len(source.reads) == reads
    assert sum(source.reads) == bytes_read


def test_many_threads_read_one_file(tmp_path: Path) -> None:
    x = np.arange(64 * 100, dtype=np.float32).reshape(64, 100)
    np.save(tmp_path / "x.npy", x)
    with open_array(tmp_path / "x.npy", "x") as source, ThreadPoolExecutor(32) as pool:
        boxes = [((i % 64, i % 64 + 1), (i % 50, 100)) for i in range(2000)]
        for box, found in zip(boxes, pool.map(source.box, boxes), strict=True):
            assert np.array_equal(found, x[tuple(slice(*pair) for pair in box)])
        assert np.array_equal(read_all(source), x)


def test_a_file_that_is_cut_off_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((10, 4), np.float32))
    with opened(path) as source:
        os.truncate(path, 128 + 100)
        assert source.box(((0, 6), (0, 4))).shape == (6, 4)
        assert refused(lambda: source.box(((6, 8), (0, 4)))) == (
            "CS112",
            "the data is cut off: the header announces 160 bytes (shape (10, 4), float32), but "
            "only 100 bytes follow",
            "write or copy the whole file again",
        )


def test_what_has_no_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "packed.npz", x=np.ones((3, 2), np.float32))
    with open_file(tmp_path / "packed.npz", "x") as source:
        assert not source.has_boxes
        assert source.identity is None
    np.save(tmp_path / "x.npy", np.ones((3, 2), np.float32))
    monkeypatch.setattr(type(facilities.POSITIONED_READS), "here", False)
    with opened(tmp_path / "x.npy") as source:
        assert not source.has_boxes
        assert read_all(source).shape == (3, 2)


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_the_checksum_of_a_stored_member_is_compared(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "x.npz"
    x = np.zeros((100, 1000), np.float32)
    np.savez(path, x=x)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refusal = ("CS112", "member 'x.npy' cannot be unpacked (Bad CRC-32 for file 'x.npy')")
    with open_file(path, "x") as source:
        assert refused(lambda: read_all(source, rows))[:2] == refusal
    with open_file(path, "x") as source:
        boxes = [((i, min(i + rows, 100)), (0, 1000)) for i in range(0, 100, rows)]
        assert refused(lambda: [source.box(box) for box in boxes])[:2] == refusal
    with open_file(path, "x") as source:  # in another order nothing is compared
        assert [source.box(box).shape[1] for box in reversed(boxes[1:])] == [1000] * len(boxes[1:])


def test_the_identity_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((3, 2), np.float32))
    with opened(path) as source:
        first = source.identity
    with opened(path) as source:
        assert source.identity == first
    os.utime(path, ns=(1, 1))
    with opened(path) as source:
        assert source.identity != first
    np.save(path, np.zeros((2, 3), np.float32))
    os.utime(path, ns=(1, 1))
    with opened(path) as source:
        assert source.identity is not None
        assert source.identity.endswith("changed at 1, <f4 (2, 3) C at 128")


def test_a_member_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "two.npz"
    np.savez(path, left=np.zeros((3, 2), np.float32), right=np.ones((3, 2), np.float32))
    with open_file(path, "two.npz", "right") as source:
        assert read_all(source).min() == 1
    assert refused(lambda: open_file(path, "two.npz", "rigth")) == (
        "CS124",
        "the archive has no member 'rigth'; it holds 'left', 'right'",
        "did you mean 'right'?",
    )
    assert refused(lambda: open_file(path, "two.npz")) == (
        "CS124",
        "the archive holds 2 arrays: 'left', 'right'",
        "give a file of one array, as numpy.save writes it, or name one: two.npz::left",
    )
