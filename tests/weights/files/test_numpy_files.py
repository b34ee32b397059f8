"""Weights in .npy and .npz files, hand-made, damaged and lying ones."""

from __future__ import annotations

import builtins
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from speccompiler.files.tensor_info import TensorInfo
from speccompiler.weights.files.weight_file import open_weights
from tests.weights.stored_tensors import KERNEL, refused, write


def test_npy_is_named_by_its_stem(tmp_path):
    file = open_weights(write(tmp_path / "kernel.npy"))
    assert file.tensors == {"kernel": TensorInfo("kernel", (3, 3, 2, 4), "float32")}
    assert file.unnamed
    assert np.array_equal(file.read("kernel"), KERNEL)


@pytest.mark.parametrize("ending", [".npy", ".npz"])
@pytest.mark.parametrize("array", [np.asfortranarray(KERNEL), KERNEL.T, np.float32(3), KERNEL[:0]])
def test_any_order_and_any_rank(tmp_path, ending, array):
    path = tmp_path / f"w{ending}"
    if ending == ".npy":
        np.save(path, array)
    else:
        np.savez_compressed(path, w=array)
    found = open_weights(path).read("w")
    assert found.shape == np.shape(array)
    assert found.flags.c_contiguous
    assert np.array_equal(found, array)


class Bomb:
    def __reduce__(self):
        return (builtins.exec, ("raise SystemExit('a pickle was run')",))


def test_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "w.npy"
    np.save(path, np.array([Bomb()], dtype=object), allow_pickle=True)
    file = open_weights(path)
    assert file.tensors["w"].dtype == "object"
    refused("CS102", file.read, "w")
    path.write_bytes(pickle.dumps(Bomb()))
    refused("CS101", open_weights, path)


def npy_bytes(descr: str = "'<f4'", shape: str = "(4,)", data: bytes = bytes(16)) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def test_a_hand_made_npy_is_read(tmp_path):
    (tmp_path / "w.npy").write_bytes(npy_bytes())
    assert open_weights(tmp_path / "w.npy").read("w").tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "tensor 'w' does not begin as a .npy array does"),
        (b"\x93NUMPY", "tensor 'w' ends inside its header"),
        (b"\x93NUMPY\x02\x00\x10", "tensor 'w' ends inside its header"),
        (b"\x93NUMPY\x09\x00", "tensor 'w' has an unknown .npy format version"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\x7f",
            "tensor 'w' has a header of 2147483647 bytes; allowed 10000",
        ),
        (npy_bytes()[:40], "tensor 'w' ends inside its header"),
        (
            npy_bytes(data=bytes(15)),
            "tensor 'w' of shape (4,) needs 16 bytes of float32, but 15 are stored",
        ),
        (
            npy_bytes(data=bytes(17)),
            "tensor 'w' of shape (4,) needs 16 bytes of float32, but 17 are stored",
        ),
        (
            npy_bytes(shape="(1000000, 1000000)"),
            "tensor 'w' of shape (1000000, 1000000) needs 4000000000000 bytes of float32, "
            "but 16 are stored",
        ),
        (npy_bytes(shape=f"(0, {2**62}, {2**62})"), "tensor 'w' declares an impossible shape"),
        (npy_bytes(shape="(-1,)"), "tensor 'w' has a header without a proper shape"),
        (npy_bytes(shape="(True,)"), "tensor 'w' has a header without a proper shape"),
        (npy_bytes(shape="4"), "tensor 'w' has a header without a proper shape"),
        (npy_bytes(shape="__import__('os')"), "tensor 'w' has a header without a proper shape"),
        (npy_bytes(shape="(" * 5000), "tensor 'w' has a header without a proper shape"),
        (npy_bytes(shape="-" * 9000 + "1"), "tensor 'w' has a header without a proper shape"),
        (
            npy_bytes().replace(b"False", b"0"),
            "tensor 'w' has a header without a proper fortran_order",
        ),
        (npy_bytes("4"), "tensor 'w' has a header without a proper descr"),
        (npy_bytes().replace(b"}", b" "), "tensor 'w' has a header that cannot be parsed"),
        (npy_bytes().replace(b"shape", b"forms"), "tensor 'w' has a header that cannot be parsed"),
    ],
)
def test_damaged_and_lying_npy_files(tmp_path, content, reason):
    path = tmp_path / "w.npy"
    path.write_bytes(content)
    problem = refused("CS101", open_weights, path)
    assert problem.message == f"'{path}' is not a valid weight file: {reason}"
    assert problem.hint == "write or copy the file again"


def test_a_npy_written_under_python_2_is_read(tmp_path):
    (tmp_path / "w.npy").write_bytes(npy_bytes(shape="(2L, 2L)"))
    assert open_weights(tmp_path / "w.npy").read("w").tolist() == [[0.0, 0.0]] * 2


@pytest.mark.parametrize(
    ("descr", "name"),
    [
        ("'<f4[us]'", "unknown"),  # numpy.dtype raises on it
        ("'no such type'", "unknown"),
        ("'<f16'", "extended float"),
        ("'<M8[25s]'", "date"),
        ("'|a3'", "text"),
        (r"""[("it's", '<f4'), ('}], \\\'', '|V4', (2,)), (('title', 'n'), '|O')]""", "structured"),
    ],
)
@pytest.mark.parametrize("shape", ["()", "(2, 3)"])
def test_a_npy_of_another_dtype_is_listed_and_not_read(tmp_path, descr, name, shape):
    (tmp_path / "w.npy").write_bytes(npy_bytes(descr, shape))
    file = open_weights(tmp_path / "w.npy")
    assert file.tensors == {"w": TensorInfo("w", () if shape == "()" else (2, 3), name)}
    refused("CS102", file.read, "w")


def zip_of(path: Path, members: list[tuple[str, bytes]], method=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_a_zip_bomb_is_refused_by_its_sizes(tmp_path):
    path = zip_of(tmp_path / "w.npz", [("w.npy", npy_bytes(data=bytes(10_000_000)))])
    problem = refused("CS101", open_weights, path)
    assert problem.message.endswith(
        "tensor 'w' of shape (4,) needs 16 bytes of float32, but 10000000 are stored"
    )


def test_a_member_that_lies_about_its_size_is_caught_when_read(tmp_path):
    """The directory promises 160 bytes of data, the packed stream holds 16."""
    honest = npy_bytes(shape="(40,)", data=bytes(16))
    path = zip_of(tmp_path / "w.npz", [("w.npy", honest)])
    raw = path.read_bytes()
    short, long = struct.pack("<I", len(honest)), struct.pack("<I", len(honest) + 144)
    assert raw.count(short) == 2
    path.write_bytes(raw.replace(short, long))
    file = open_weights(path)
    assert "tensor 'w' " in refused("CS101", file.read, "w").message


def test_a_changed_byte_is_caught_by_the_checksum(tmp_path):
    path = write(tmp_path / "w.npz", {"w": np.zeros(100_000, np.float32)})
    raw = bytearray(path.read_bytes())
    raw[200_000] ^= 1
    path.write_bytes(raw)
    assert (
        "cannot be unpacked (Bad CRC-32" in refused("CS101", open_weights(path).read, "w").message
    )


@pytest.mark.parametrize(
    ("members", "method", "reason"),
    [
        ([("notes.txt", b"hello")], 0, "member 'notes.txt' is not a .npy array"),
        ([("w.npy", npy_bytes())], zipfile.ZIP_BZIP2, "by a method .npz files do not use"),
        ([("w\n\x1b[31m.npy", b"junk")], 0, r"tensor 'w\n\x1b[31m' does not begin"),
    ],
)
def test_strange_members(tmp_path, members, method, reason):
    path = zip_of(tmp_path / "w.npz", members, method)
    assert reason in refused("CS101", open_weights, path).message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path):
    path = zip_of(tmp_path / "w.npz", [("w.npy", npy_bytes()), ("w.npy", npy_bytes())])
    assert "two members 'w.npy'" in refused("CS101", open_weights, path).message
