"""Zarr and HDF5 outputs of a run: their values, what they say of themselves, every refusal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import speccompiler
from speccompiler.cli import run_outputs
from speccompiler.cli.main import run
from speccompiler.weights.content_hashes import model_hash

SPEC = """\
convspec: 1
name: small
semantics: theano
dim_ordering: th
input_shape: [2, 12, 10]
seed: 3
layers:
  - {type: Convolution2D, name: conv, nb_filter: 3, nb_row: 3, nb_col: 3, activation: relu}
  - {type: Flatten, name: flat}
  - {type: Dense, name: dense, output_dim: 4}
"""
RUN = ["run", "m.yaml", "--input", "x.npy", "--target", "reference", "--batch-size", "4"]
X = np.random.default_rng(0).standard_normal((10, 2, 12, 10)).astype(np.float32)


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing but a spec and its input."""
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    Path("m.yaml").write_text(SPEC)
    np.save("x.npy", X)
    return folder / "here"


def expected() -> dict[str, Any]:
    plan = speccompiler.load("m.yaml").compile("reference", layers=["conv"])
    return dict(plan.run_all(X))


def good(*more: str) -> None:
    assert run([*RUN, *more]) == 0


def test_zarr_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    good("-o", "y.zarr", "--layer", "conv", "--chunks", "1,-1,5", "--shards", "2,-1,10",
         "--compression", "blosc:lz4:5", "--fill-value", "nan")  # fmt: skip
    assert "wrote y.zarr: (10, 4) float32, output of 'dense'\n" in capsys.readouterr().out
    for name, file in (("dense", "y.zarr"), ("conv", "y.conv.zarr")):
        array = zarr.open_array(file, mode="r")
        assert np.array_equal(array[...], expected()[name])
        assert np.isnan(array.fill_value)
    # An output of fewer axes takes the first numbers.
    assert zarr.open_array("y.zarr").shards == (2, 4)
    assert (array.chunks, array.shards) == ((1, 3, 5, 8), (2, 3, 10, 8))
    assert sorted(os.listdir()) == ["m.yaml", "x.npy", "y.conv.zarr", "y.zarr"]


def test_what_an_output_says_of_itself() -> None:
    good("-o", "y.zarr", "--layer", "conv", "--math", "precise")
    model = speccompiler.load("m.yaml")
    said = json.loads(Path("y.conv.zarr/zarr.json").read_text())
    assert said["attributes"] == {
        "convspec": {
            "version": speccompiler.__version__,
            "model": "small",
            "output": "conv",
            "model_hash": model_hash(model.graph),
            "weights_hash": model.weights_hash,
            "semantics": "theano",
            "math": "precise",
            "inputs": {"conv": "x.npy"},
        }
    }
    assert said["dimension_names"] == ["sample", "channel", "y", "x"]
    assert zarr.open_array("y.zarr").metadata.dimension_names == ("sample", "feature")
    (codec,) = zarr.open_array("y.zarr").compressors
    assert codec.to_dict()["name"] == "zstd"


def test_hdf5_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    good("-o", "y.h5::/run/y", "--layer", "conv", "--compression", "gzip:4", "--chunks", "2")
    assert "wrote y.h5::/run/y.conv: (10, 3, 10, 8) float32, output of 'conv'\n" in (
        capsys.readouterr().out
    )
    with h5py.File("y.h5") as opened:
        assert np.array_equal(opened["run/y"][...], expected()["dense"])
        conv = opened["run/y.conv"]
        assert np.array_equal(conv[...], expected()["conv"])
        assert (conv.chunks, conv.compression, conv.compression_opts) == ((2, 3, 10, 8), "gzip", 4)
        assert json.loads(conv.attrs["convspec"])["output"] == "conv"
        assert [axis.label for axis in conv.dims] == ["sample", "channel", "y", "x"]


def test_an_array_in_a_group() -> None:
    zarr.create_group("g.zarr")
    good("-o", "g.zarr/y", "--layer", "conv")
    group = zarr.open_group("g.zarr", mode="r")
    assert sorted(group.array_keys()) == ["y", "y.conv"]
    assert np.array_equal(group["y.conv"][...], expected()["conv"])


def test_a_url_of_this_machine(here: Path) -> None:
    good("-o", f"file://{here}/y.zarr")
    assert np.array_equal(zarr.open_array("y.zarr")[...], expected()["dense"])


def test_a_url() -> None:
    good("-o", "memory://chunked/y.zarr", "--layer", "conv")
    array = zarr.open_array("memory://chunked/y.conv.zarr")
    assert np.array_equal(array[...], expected()["conv"])
    assert "unfinished" not in array.attrs["convspec"]


def array_file() -> None:
    Path("y.zarr").write_text("mine")


def plain_folder() -> None:
    Path("y.zarr").mkdir()
    Path("y.zarr/notes.txt").write_text("mine")


def group() -> None:
    zarr.create_array("y.zarr/a", data=np.ones(3))
    zarr.create_group("y.zarr", overwrite=False)


def group_of_version_2() -> None:
    zarr.create_group("y.zarr", zarr_format=2)


def array_and_notes() -> None:
    zarr.create_array("y.zarr", data=np.ones(3))
    Path("y.zarr/notes.txt").write_text("mine")


@pytest.mark.parametrize(
    ("make", "why", "hint"),
    [
        (
            array_file,
            "a file of this name exists, and a Zarr array is a folder",
            "choose another name",
        ),
        (
            plain_folder,
            "this folder is no Zarr array, and is never replaced",
            "choose another name",
        ),
        (
            group,
            "this folder is a Zarr group, and is never replaced",
            "name an array in it, for example 'y.zarr/y'",
        ),
        (
            group_of_version_2,
            "this folder is a Zarr group, and is never replaced",
            "name an array in it, for example 'y.zarr/y'",
        ),
        (
            array_and_notes,
            "this folder holds 'notes.txt' beside a Zarr array, and is never replaced",
            "choose another name",
        ),
    ],
)
def test_what_is_never_replaced(
    capsys: pytest.CaptureFixture[str], make: Any, why: str, hint: str
) -> None:
    make()
    before = sorted(Path("y.zarr").rglob("*"))
    assert run([*RUN, "-o", "y.zarr"]) == 2
    assert capsys.readouterr().err.startswith(
        f"y.zarr: error CS120: the output cannot be created: {why}\n  hint: {hint}\n"
    )
    assert sorted(Path("y.zarr").rglob("*")) == before
    assert not Path("y.zarr.unfinished").exists()


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_is_replaced(version: Any) -> None:
    zarr.create_array("y.zarr", data=np.ones((3, 2)), chunks=(1, 2), zarr_format=version)
    good("-o", "y.zarr")
    assert np.array_equal(zarr.open_array("y.zarr")[...], expected()["dense"])
    assert sorted(os.listdir("y.zarr")) == ["c", "zarr.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("-o", "y.npy", "--chunks", "2"),
            "Error: --chunks is for outputs in chunks, such as y.zarr; 'y.npy' is stored as one "
            "piece\n",
        ),
        (
            ("--fill-value", "0"),
            "Error: --fill-value is for outputs in chunks, such as y.zarr; there is no --output\n",
        ),
        (
            ("-o", "y.h5::/y", "--shards", "2"),
            "Error: --shards is for Zarr outputs; an HDF5 file is one file\n",
        ),
        (
            ("-o", "y.h5::/y", "--compression", "zstd"),
            "Error: --compression zstd is for Zarr outputs; every HDF5 library reads none and "
            "gzip\n",
        ),
        (
            ("-o", "y.zarr", "--chunks", "2,x"),
            "Error: Invalid value for '--chunks': '2,x' is no list of lengths; write it as "
            "16,128,128\n",
        ),
        (
            ("-o", "y.zarr", "--shards", "2,0"),
            "Error: Invalid value for '--shards': '2,0' has a length below 1; -1 is a whole axis\n",
        ),
        (
            ("-o", "y.zarr", "--compression", "lzma"),
            "Error: Invalid value for '--compression': 'lzma' is none of none, zstd, gzip, blosc\n",
        ),
        (
            ("-o", "y.zarr", "--compression", "gzip:10"),
            "Error: Invalid value for '--compression': 'gzip:10' is not understood; write it as "
            "gzip[:LEVEL] with a level from 0 to 9\n",
        ),
        (
            ("-o", "y.zarr", "--compression", "blosc:lz5:1"),
            "Error: Invalid value for '--compression': 'blosc:lz5:1' is not understood; write it "
            "as blosc[:CODEC][:LEVEL[:SHUFFLE]] with a codec of zstd, lz4, lz4hc, zlib, blosclz, a "
            "level from 0 to 9, a shuffle of shuffle, bitshuffle, noshuffle\n",
        ),
        (
            ("-o", "y.zarr", "--fill-value", "none"),
            "Error: Invalid value for '--fill-value': 'none' is no number; nan is one\n",
        ),
        (
            ("-o", "y.zarr", "--fill-value", "1e39"),
            "Error: Invalid value for '--fill-value': '1e39' is larger than a float32 can be\n",
        ),
        (
            ("-o", "y.zarr", "--chunks", "1,2,3"),
            "y.zarr: error CS190: --chunks has 3 numbers; the output 'dense' has 2 axes\n"
            "  hint: its shape is (10, 4), samples first\n",
        ),
        (
            ("-o", "y.zarr", "--chunks", "3", "--shards", "4"),
            "y.zarr: error CS190: a shard of the output 'dense' is 4 long along axis 0 and its "
            "chunks 3: a shard is made of whole chunks\n"
            "  hint: give --shards a multiple of 3, or --chunks a divisor of 4\n",
        ),
        (
            ("-o", "y.h5"),
            "y.h5: error CS120: the output cannot be created: the result is a .npy file, but the "
            "name ends in '.h5'\n  hint: name it 'y.npy', or 'y.h5::/y' for a dataset\n",
        ),
        (
            ("-o", "y.h5::/"),
            "y.h5::/: error CS120: the output cannot be created: '/' is no name of a dataset\n"
            "  hint: write it as y.h5::/y\n",
        ),
        (
            ("-o", "y.npz::x"),
            "y.npz::x: error CS120: the output cannot be created: '::' names a dataset of an HDF5 "
            "file, and 'y.npz' is not named as one\n"
            "  hint: name it 'y.h5::/y', or leave '::' out\n",
        ),
        (
            ("-o", "no.zarr::/y"),
            "no.zarr/y: error CS120: the output cannot be created: the folder 'no.zarr' does not "
            "exist\n  hint: create the folder first\n",
        ),
        (
            ("-o", "s3://bucket/y.npy"),
            "s3://bucket/y.npy: error CS120: the output cannot be created: only Zarr arrays are "
            "written to URLs\n  hint: name it .zarr, or write a file and copy it\n",
        ),
        (
            ("-o", "https://host/y.zarr"),
            "https://host/y.zarr: error CS120: the output cannot be created: https:// can only be "
            "read\n  hint: give the address of the store behind it: s3://, gs://\n",
        ),
        (
            ("-o", "no/y.zarr"),
            "no/y.zarr: error CS120: the output cannot be created: the folder 'no' does not exist\n"
            "  hint: create the folder first\n",
        ),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_refusals(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run([*RUN, *arguments]) == 2
    assert said in capsys.readouterr().err
    assert sorted(os.listdir()) == ["m.yaml", "x.npy"]


def test_an_array_in_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    good("-o", "y.zarr")
    assert run([*RUN, "-o", "y.zarr/z"]) == 2
    assert (
        "the folder 'y.zarr' is a Zarr array, in which no other can be\n" in capsys.readouterr().err
    )


def test_the_input_is_never_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    zarr.create_array("x.zarr", data=X)
    arguments = ["run", "m.yaml", "--input", "x.zarr", "-o", "x.zarr", "--target", "reference"]
    assert run(arguments) == 2
    assert np.array_equal(zarr.open_array("x.zarr")[...], X)


def test_warnings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from speccompiler.arrays import chunk_layout

    monkeypatch.setattr(chunk_layout, "MANY_CHUNKS", 9)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 100))
    good("-o", "y.zarr", "--chunks", "1")
    assert (
        "y.zarr: warning CS193: the output is stored in 10 files\n"
        "  hint: put many chunks into one with --shards, or give larger --chunks\n"
        "\n"
        "y.zarr: warning CS194: the output may not fit: 160 bytes before compression, 100 free\n"
        "  hint: free some space, or write to another disk\n"
    ) in capsys.readouterr().err
    assert run([*RUN, "-o", "y.zarr", "--compression", "none"]) == 2
    assert "error CS121: there is no room for the output: the disk is full (160 bytes needed, " in (
        capsys.readouterr().err
    )


def test_another_disk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("far").mkdir()
    Path("y.conv.npy").symlink_to(Path("far/y.npy").resolve())
    real = os.stat

    def stat(path: Any, **more: Any) -> Any:
        found = real(path, **more)
        if str(path).endswith("far"):
            return os.stat_result([*found[:2], 99, *found[3:]])
        return found

    monkeypatch.setattr(run_outputs.os, "stat", stat)
    assert run([*RUN, "-o", "y.npy", "--layer", "conv"]) == 2
    assert capsys.readouterr().err.startswith(
        "y.conv.npy: error CS120: the output cannot be created: it would lie on another disk than "
        "'y.npy', and outputs of one run appear together\n"
        "  hint: replace the symbolic link by a file of the same disk\n"
    )


@pytest.mark.parametrize("package", ["zarr", "h5py", "fsspec"])
def test_a_package_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    import importlib.util

    from speccompiler.arrays import remote_place, zarr_target
    from speccompiler.files import hdf5_files

    real = importlib.util.find_spec

    def find(name: str) -> Any:
        return None if name == package else real(name)

    for module in (remote_place, zarr_target, hdf5_files):
        monkeypatch.setattr(module, "find_spec", find)
    output, extra, what = {
        "zarr": ("y.zarr", "zarr", "Zarr arrays"),
        "h5py": ("y.h5::/y", "hdf5", "HDF5 files"),
        "fsspec": ("memory://b/y.zarr", "remote", "URLs"),
    }[package]
    assert run([*RUN, "-o", output]) == 2
    assert capsys.readouterr().err.startswith(
        f"{output}: error CS104: {what} need the package {package}, which is not installed\n"
        f'  hint: pip install "convspec[{extra}]"\n'
    )
