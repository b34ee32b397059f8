"""Weight files: header first, nothing executed, clear refusals; names matched to a model."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from speccompiler.diagnostics.core import Problem
from speccompiler.files.tensor_info import TensorInfo, non_finite_count
from speccompiler.weights.files.references import Reference, resolve_reference
from speccompiler.weights.files.weight_file import open_weights
from speccompiler.weights.matching.by_name import match_by_name
from speccompiler.weights.matching.wanted_tensors import (
    StoredTensor,
    WantedTensor,
    old_conv1d_kernel,
)
from tests.places import GOLDEN

RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((3, 3, 2, 4)).astype(np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)
TENSORS = {"conv1/W": KERNEL, "conv1/b": BIAS}
READABLE = ["<f2", ">f4", "<f8", "?", "i1", "<i2", ">i4", "<i8", "u1", "<u2", "<u4", "<u8"]


def refused(code: str, call, *args) -> Problem:
    with pytest.raises(Problem) as caught:
        call(*args)
    assert caught.value.code == code, caught.value.message
    return caught.value


def write(path: Path, tensors=TENSORS) -> Path:
    match path.suffix:
        case ".npy":
            np.save(path, next(iter(tensors.values())))
        case ".npz":
            np.savez(path, **tensors)
        case ".safetensors":
            save_file(tensors, path)
        case _:
            h5py = pytest.importorskip("h5py")
            with h5py.File(path, "w") as file:
                for name, value in tensors.items():
                    file[name] = value
    return path


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".h5", ".hdf5", ".NPZ"])
def test_every_format_gives_names_shapes_and_numbers(tmp_path, ending):
    file = open_weights(write(tmp_path / "w.npz" if ending == ".NPZ" else tmp_path / f"w{ending}"))
    assert set(file.tensors) == set(TENSORS)
    assert file.tensors["conv1/W"] == TensorInfo("conv1/W", (3, 3, 2, 4), "float32")
    for name, value in TENSORS.items():
        found = file.read(name)
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        assert np.array_equal(found, value)


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


@pytest.mark.parametrize("ending", [".npz", ".h5"])
@pytest.mark.parametrize("dtype", READABLE)
def test_floats_integers_and_booleans_become_float32(tmp_path, ending, dtype):
    values = np.array([[0, 1], [1, 100]]).astype(dtype)
    file = open_weights(write(tmp_path / f"w{ending}", {"w": values}))
    assert file.tensors["w"].dtype == np.dtype(dtype).name
    found = file.read("w")
    assert found.dtype == np.float32
    assert np.array_equal(found, values.astype(np.float32))


@pytest.mark.parametrize("ending", [".npz", ".h5"])
@pytest.mark.parametrize(
    ("values", "name"),
    [
        (np.array([1j]), "complex"),
        (np.array([b"abc"]), "text"),
        (np.zeros(2, [("a", "<f4"), ("b", "<i4")]), "structured"),
    ],
)
def test_other_dtypes_are_refused_when_read(tmp_path, ending, values, name):
    file = open_weights(write(tmp_path / f"w{ending}", {"good": BIAS, "bad": values}))
    problem = refused("CS102", file.read, "bad")
    assert problem.message == (
        f"tensor 'bad' has dtype {name}; weights are floats, integers or booleans"
    )
    assert np.array_equal(file.read("good"), BIAS)


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


def test_float64_beyond_float32_is_refused(tmp_path):
    path = write(tmp_path / "w.npy", {"w": np.array([1.0, -1e300, np.inf, np.nan])})
    problem = refused("CS102", open_weights(path).read, "w")
    assert problem.message == (
        "tensor 'w' holds the float64 value -1e+300, which does not fit float32"
    )
    good = open_weights(write(path, {"w": np.array([1.0, 3e38, np.inf, np.nan])})).read("w")
    assert non_finite_count(good) == 2


def safetensors_bytes(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_bfloat16_is_widened_and_float8_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    header = {
        "w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]},
        "small": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [6, 8]},
    }
    path.write_bytes(safetensors_bytes(header, bytes.fromhex("803f0040c0bf0000")))
    file = open_weights(path)
    assert file.tensors["w"] == TensorInfo("w", (3,), "bfloat16")
    assert file.read("w").tolist() == [1.0, 2.0, -1.5]
    assert "dtype f8_e4m3" in refused("CS102", file.read, "small").message


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


@pytest.mark.parametrize("ending", [".npy", ".npz", ".safetensors", ".h5"])
@pytest.mark.parametrize("content", [b"", b"junk", bytes(100), b"PK\x03\x04" + bytes(50)])
def test_junk_is_not_a_weight_file(tmp_path, ending, content):
    path = tmp_path / f"w{ending}"
    path.write_bytes(content)
    problem = refused("CS101", open_weights, path)
    assert problem.message.startswith(f"'{path}' is not a valid weight file: ")


@pytest.mark.parametrize("ending", [".npy", ".npz", ".safetensors", ".h5"])
@pytest.mark.parametrize(
    "name",
    ["w", "w.h5f", "w.hd5", "w.hdf", "w.h5py", "w.weights", "w.weight", "w.model", "w.keras",
     "w.npz", "w.npy", "w.json", "w.txt", "w.safetensors", "w.h5", "w.H5", "w.pkl", "w.1.2", "#w"],
)  # fmt: skip
def test_the_content_says_the_format_whatever_the_name(tmp_path, ending, name):
    tensors = {"w": KERNEL} if ending == ".npy" else TENSORS
    path = write(tmp_path / f"from{ending}", tensors).rename(tmp_path / name)
    file = open_weights(path)
    assert len(file.tensors) == len(tensors)
    for key, values in tensors.items():
        key = path.stem if ending == ".npy" else key
        assert np.array_equal(file.read(key), values)
    if ending != ".npy":
        reference = resolve_reference(f"{name}#conv1/W", tmp_path)
        assert reference == Reference(path, "conv1/W")
        assert open_weights(reference.path).find(reference.key).shape == KERNEL.shape


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_anywhere_is_a_problem_or_harmless(tmp_path, data):
    """Cut or changed files give a Problem or an array of the announced shape."""
    ending = data.draw(st.sampled_from([".npy", ".npz", ".safetensors"]))
    path = write(tmp_path / f"w{ending}")
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with contextlib.suppress(Problem):
        file = open_weights(path)
        for name, info in file.tensors.items():
            assert file.read(name).shape == info.shape


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "none.npz"
    assert refused("CS100", open_weights, path).message == (
        f"cannot read weight file '{path}': no such file"
    )
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    assert refused("CS100", open_weights, folder).message == (
        f"cannot read weight file '{folder}': it is a folder"
    )
    foreign = tmp_path / "model.pt"
    foreign.write_bytes(b"")
    problem = refused("CS100", open_weights, foreign)
    assert problem.message == f"cannot read weight file '{foreign}': it is empty"
    assert problem.hint == "weights are read from .npy, .npz, .safetensors, .h5 and .hdf5 files"
    foreign.rename(tmp_path / "weights").write_bytes(b"\1\2\3 who knows")
    assert refused("CS100", open_weights, tmp_path / "weights").message == (
        f"cannot read weight file '{tmp_path / 'weights'}': a name without extension, and its "
        "first bytes are of no known format"
    )
    refused("CS100", open_weights, tmp_path / "nul\0.npy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "w.npz")
    assert refused("CS100", open_weights, tmp_path / "w.npz").message.endswith(
        "it is not an ordinary file"
    )


def test_a_missing_h5py_is_named(tmp_path, monkeypatch):
    path = tmp_path / "w.h5"
    path.write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    problem = refused("CS104", open_weights, path)
    assert problem.message == "HDF5 files need the package h5py, which is not installed"
    assert problem.hint == 'pip install "convspec[hdf5]"'


def test_hdf5_links_are_not_followed(tmp_path):
    h5py = pytest.importorskip("h5py")
    write(tmp_path / "other.h5")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["g/real"] = BIAS
        file["g/soft"] = h5py.SoftLink("/g/real")
        file["outside"] = h5py.ExternalLink("other.h5", "/conv1/W")
        file["g/loop"] = file["g"]
    assert list(open_weights(tmp_path / "w.h5").tensors) == ["g/real"]


@pytest.mark.parametrize("kind", ["external", "virtual"])
def test_hdf5_numbers_in_another_file_are_refused(tmp_path, kind):
    h5py = pytest.importorskip("h5py")
    write(tmp_path / "other.h5")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        if kind == "external":
            file.create_dataset("w", (4,), "f4", external=[(tmp_path / "raw", 0, 16)])
        else:
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "conv1/b", (4,))
            file.create_virtual_dataset("w", layout)
    assert refused("CS101", open_weights, tmp_path / "w.h5").message.endswith(
        "tensor 'w' keeps its data in another file"
    )


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"chunks": (1000, 1000)}])
def test_hdf5_shapes_without_numbers_are_refused(tmp_path, options):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("w", (10**6, 10**6), "f4", **options)
    assert refused("CS101", open_weights, tmp_path / "w.h5").message.endswith(
        "needs 4000000000000 bytes of float32, but 0 are stored"
    )


def test_hdf5_compression_and_strange_datasets(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("packed", data=np.zeros((300, 300), "f4"), compression="gzip")
        file["words"] = "a string of any length"
        file["nothing"] = h5py.Empty("f4")
        file["scalar"] = 2.5
    opened = open_weights(tmp_path / "w.h5")
    assert {n: i.dtype for n, i in opened.tensors.items()} == {
        "nothing": "empty",
        "packed": "float32",
        "scalar": "float64",
        "words": "object",
    }
    assert opened.read("packed").shape == (300, 300)
    assert opened.read("scalar") == np.float32(2.5)
    refused("CS102", opened.read, "words")
    refused("CS102", opened.read, "nothing")


def test_references():
    base = Path("/specs")
    assert resolve_reference("kernel.npy", base) == Reference(Path("/specs/kernel.npy"), None)
    assert resolve_reference("sub/m.npz#conv1/W", base) == Reference(
        Path("/specs/sub/m.npz"), "conv1/W"
    )
    assert resolve_reference("m.h5#a/b#c", base) == Reference(Path("/specs/m.h5"), "a/b#c")
    assert resolve_reference("run#3/m.npz#W", base) == Reference(Path("/specs/run#3/m.npz"), "W")
    assert resolve_reference("/data/m.safetensors#W", base).path == Path("/data/m.safetensors")


def test_references_that_name_nothing():
    problem = refused("CS103", resolve_reference, "m.npz#", Path())
    assert problem.message == "reference 'm.npz#' ends in '#' and names no tensor"


def test_finding_a_tensor_in_a_file(tmp_path):
    file = open_weights(write(tmp_path / "m.npz"))
    assert file.find("conv1/W").shape == (3, 3, 2, 4)
    problem = refused("CS103", file.find, None)
    assert problem.message == (
        "weight file 'm.npz' holds 2 tensors and the reference names none of them"
    )
    assert problem.hint == "write 'm.npz#NAME', where NAME is 'conv1/W' or 'conv1/b'"
    problem = refused("CS103", file.find, "conv/W")
    assert problem.message == "weight file 'm.npz' holds no tensor 'conv/W'"
    assert problem.hint == "did you mean 'conv1/W' or 'conv1/b'?"
    assert refused("CS103", file.find, "zzz").hint == "it holds 'conv1/W' or 'conv1/b'"
    single = open_weights(write(tmp_path / "k.npy"))
    assert single.find(None) is single.find("k")


# --- names ---------------------------------------------------------------------------------

WANTED = {
    ("conv1", "W"): WantedTensor((3, 3, 2, 4)),
    ("conv1", "b"): WantedTensor((4,)),
}


def infos(**shapes):
    return {n: TensorInfo(n, s, "float32") for n, s in shapes.items()}


def matched(wanted, shapes, **options):
    return match_by_name(wanted, infos(**shapes), **options)


@pytest.mark.parametrize(
    "form",
    [
        "{0}/{1}",
        "{0}_{1}",
        "{0}_{1}:0",
        "{0}/{0}_{1}",
        "{0}/{0}_{1}:0",
        "{0}.{1}",
        "model_weights/{0}/{0}_{1}",
        "model_weights/{0}/{0}_{1}:0",
        "model_weights/enclosing_1/{0}_{1}:0",
    ],
)
def test_every_accepted_form(form):
    keys = {name: form.format(*name) for name in WANTED}
    found = matched(WANTED, {keys[n]: w.shape for n, w in WANTED.items()})
    assert found == {name: StoredTensor(key) for name, key in keys.items()}


def test_optimizer_state_of_a_whole_model_file_is_passed_over():
    shapes = {
        "model_weights/conv1/conv1_W": (3, 3, 2, 4),
        "model_weights/conv1/conv1_b": (4,),
        "optimizer_weights/param_0": (),
    }
    assert len(matched(WANTED, shapes)) == 2


def test_a_npy_file_serves_a_model_of_one_tensor():
    wanted = {("conv1", "W"): WantedTensor((2, 2))}
    assert matched(wanted, {"k": (2, 2)}, unnamed=True) == {("conv1", "W"): StoredTensor("k")}
    assert refused("CS105", match_by_name, wanted, infos(k=(2, 2))).code == "CS105"
    with pytest.raises(Problem, match="conv1/W is stored as"):
        matched(wanted, {"k": (2, 3)}, unnamed=True)


def test_all_missing_and_unused_tensors_are_listed_at_once():
    wanted = {
        **WANTED,
        ("conv2", "W"): WantedTensor((1, 1, 4, 5)),
        ("conv2", "b"): WantedTensor((5,)),
    }
    shapes = {"conv1_W": (3, 3, 2, 9), "conv1_b": (4,), "extra_W": (7,), "extra_b": ()}
    with pytest.raises(Problem) as caught:
        matched(wanted, shapes)
    assert caught.value.code == "CS105"
    assert caught.value.message == (
        "missing from the weight file: conv2/W (1, 1, 4, 5), conv2/b (5,); "
        "in the weight file but not used: 'extra_W' (7,), 'extra_b' (); "
        "wrong shapes: conv1/W is stored as (3, 3, 2, 9), expected (3, 3, 2, 4)"
    )
    assert caught.value.hint == (
        "the names come from the layers' names: check that the file belongs to this model"
    )


def test_a_foreign_naming_shows_its_first_keys():
    with pytest.raises(Problem) as caught:
        matched(WANTED, {f"arr_{i}": (i,) for i in range(9)})
    assert caught.value.message == (
        "missing from the weight file: conv1/W (3, 3, 2, 4), conv1/b (4,); "
        "in the weight file but not used: 'arr_0' (0,), 'arr_1' (1,), 'arr_2' (2,), "
        "'arr_3' (3,), 'arr_4' (4,), 'arr_5' (5,) and 3 more"
    )
    assert caught.value.hint == (
        "the file names its tensors in another way; rename them like 'conv1/W' or 'conv1_W'"
    )


def test_an_empty_file_and_a_model_without_weights():
    assert matched({}, {}) == {}
    with pytest.raises(Problem, match="missing from the weight file: conv1/W") as caught:
        matched(WANTED, {})
    assert caught.value.hint == "the weight file holds no tensors"
    with pytest.raises(Problem, match="in the weight file but not used: 'W'"):
        matched({}, {"W": (1,)})


def test_one_tensor_under_two_names():
    with pytest.raises(Problem) as caught:
        matched(WANTED, {"conv1/W": (3, 3, 2, 4), "conv1_W:0": (3, 3, 2, 4), "conv1/b": (4,)})
    assert caught.value.code == "CS105"
    assert caught.value.message == "conv1/W is given 2 times: 'conv1/W', 'conv1_W:0'"


def test_all_wrong_shapes_are_listed_at_once():
    with pytest.raises(Problem) as caught:
        matched(WANTED, {"conv1/W": (3, 3, 2, 5), "conv1/b": (5,)})
    assert caught.value.code == "CS106"
    assert caught.value.message == (
        "wrong shapes: conv1/W is stored as (3, 3, 2, 5), expected (3, 3, 2, 4); "
        "conv1/b is stored as (5,), expected (4,)"
    )
    assert caught.value.hint == "check that the file belongs to this model"


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        ((3, 5, 2, 4), (4, 2, 3, 5)),
        ((4, 2, 3, 5), (3, 5, 2, 4)),
        ((3, 5, 7, 2, 4), (4, 2, 3, 5, 7)),
        ((4, 2, 3, 5, 7), (3, 5, 7, 2, 4)),
    ],
)
def test_a_kernel_of_the_other_ordering_is_recognised(wanted, stored):
    with pytest.raises(Problem) as caught:
        matched({("c", "W"): WantedTensor(wanted)}, {"c/W": stored})
    assert caught.value.code == "CS106"
    assert caught.value.hint == (
        "this looks like a kernel in the other dim_ordering ('th' against 'tf'): "
        "check dim_ordering, or transpose the kernel"
    )


def test_old_convolution1d_kernels_are_transposed():
    wanted = {("c", "W"): old_conv1d_kernel((3, 1, 5, 7))}
    assert matched(wanted, {"c_W": (3, 1, 5, 7)})["c", "W"].transpose is None
    assert matched(wanted, {"c_W": (7, 5, 3, 1)})["c", "W"].transpose == (2, 3, 1, 0)
    with pytest.raises(Problem) as caught:
        matched(wanted, {"c_W": (7, 5, 3)})
    assert caught.value.message == (
        "wrong shapes: c/W is stored as (7, 5, 3), expected (3, 1, 5, 7) or (7, 5, 3, 1)"
    )


OLD = sorted(GOLDEN.glob("keras-1.0.8-*/conv1d_*/weights.npz"))[:6]


@pytest.mark.skipif(not OLD, reason="no golden data")
@pytest.mark.parametrize("old", OLD, ids=lambda p: f"{p.parents[1].name}/{p.parent.name}")
def test_old_and_new_keras_files_give_the_same_kernel(old):
    backend = old.parents[1].name.rpartition("-")[2]
    new = GOLDEN / f"keras-1.2.2-{backend}" / old.parent.name / "weights.npz"
    before, after = open_weights(old), open_weights(new)
    kernel = after.read(next(iter(after.tensors)))
    wanted = {("convolution1d_1", "W"): old_conv1d_kernel(kernel.shape)}
    if len(after.tensors) == 2:
        wanted["convolution1d_1", "b"] = WantedTensor((kernel.shape[-1],))
    found = match_by_name(wanted, before.tensors)["convolution1d_1", "W"]
    stored = before.read(found.key)
    assert np.array_equal(stored.transpose(found.transpose or (0, 1, 2, 3)), kernel)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden data")
@pytest.mark.parametrize("folder", ["tensorflow-tf", "theano-th"])
def test_a_real_model_file_and_its_weights_file_hold_the_same(folder):
    pytest.importorskip("h5py")
    weights = open_weights(GOLDEN / "digits" / folder / "weights.h5")
    model = open_weights(GOLDEN / "digits" / folder / "model.h5")
    wanted = {}
    for key, info in weights.tensors.items():
        layer, _, last = key.partition("/")
        tensor = last.removesuffix(":0").removeprefix(f"{layer}_")
        wanted[layer, tensor] = WantedTensor(info.shape)
    assert len(wanted) == 11
    first = match_by_name(wanted, weights.tensors)
    second = match_by_name(wanted, model.tensors)
    for name in wanted:
        assert second[name].key == f"model_weights/{first[name].key}"
        assert np.array_equal(weights.read(first[name].key), model.read(second[name].key))


def test_headers_are_known_without_reading_data(tmp_path):
    """Opening a large file reads a few bytes of it."""
    path = tmp_path / "w.npy"
    with path.open("wb") as stream:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": (2**38,)}
        )
        stream.write(header.getvalue())
        try:
            stream.truncate(len(header.getvalue()) + 2**40)
        except OSError:
            pytest.skip("no sparse files here")
    assert open_weights(path).tensors["w"].shape == (2**38,)
