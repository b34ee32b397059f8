"""Every diagnostic as a user meets it: a broken file, a command, and the text it prints.

The folder ``transcripts`` holds the broken specs and, under the same name with ``.txt``, what
``convspec validate`` says of each. ``COMMANDS`` are the cases that take more than a spec.
Texts are written anew with ``pytest --update-golden``.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import h5py
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import speccompiler
from speccompiler.cli.main import run
from speccompiler.comparing.codes import CODES as CHANGES
from speccompiler.diagnostics.codes import CODES, as_markdown, exit_status, is_of_the_gpu
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.system.available_memory import Room
from tests.completeness import assert_rows
from tests.diagnostics.onnx_models import write_onnx_models
from tests.places import ROOT, TESTS

FOLDER = Path(__file__).resolve().parent / "transcripts"
Golden = Callable[[Path, str], None]


@dataclass(frozen=True)
class Command:
    """A command that ends in a finding; its first word that holds a code names it."""

    name: str
    line: str

    def __str__(self) -> str:
        return self.name


SPECS = sorted(p.name for p in FOLDER.iterdir() if p.suffix in {".yaml", ".json"})

COMMANDS = (
    Command("cs001_missing_file", "validate qxqxqxqxqxqx"),
    Command("cs002_latin1", "validate latin1.yaml"),
    Command("cs002_utf16", "validate utf16.yaml"),
    Command("cs002_utf16_no_mark", "validate utf16_be.yaml"),
    Command("cs002_utf32", "validate utf32.yaml"),
    Command("cs002_utf32_no_mark", "validate utf32_le.json"),
    Command("cs015_no_repository", "diff --git main"),
    Command("cs077_no_such_layer", "validate cs082_several.json --replace lambda_2=x"),
    Command("cs077_runs_as_it_is", "validate bn.yaml --replace bn=x"),
    Command("cs078_part", "shapes cs082_byte_code.json --replace lambda_1=x[0]-x"),
    Command("cs080_empty", "validate empty.h5"),
    Command("cs080_git_lfs", "validate pointer.h5"),
    Command("cs080_html", "validate page.h5"),
    Command("cs080_text", "validate text.h5"),
    Command("cs081_weights", "validate weights.h5"),
    Command("cs002_control_character", "validate control.yaml"),
    Command("cs005_too_large", "validate large.yaml"),
    Command("cs006_too_deep", "validate deep.json"),
    Command("cs007_alias_bomb", "validate bomb.yaml"),
    Command("cs033_expression_too_large", "validate long_expression.yaml"),
    Command("cs033_size_too_large", "validate many_strides.yaml"),
    Command("cs050_run_undecided", "run keras.json --input images.npy --seed 1"),
    Command("cs052_plan_open", "plan open.yaml"),
    Command("cs087_validate", "validate normalized.yaml --weights negative.npz"),
    Command("cs087_weights", "weights normalized.yaml --weights negative.npz"),
    Command("cs095_no_weights", "run dense.yaml --input x2.npy"),
    Command("cs100_no_such_file", "validate dense.yaml --weights nowhere.npz"),
    Command("cs100_folder", "validate dense.yaml --weights folder.npz"),
    Command("cs100_extension", "validate dense.yaml --weights weights.pkl"),
    Command("cs101_not_npz", "validate dense.yaml --weights text.npz"),
    Command("cs101_truncated", "validate dense.yaml --weights truncated.npz"),
    Command("cs101_other_format", "validate dense.yaml --weights pickle.npy"),
    Command("cs101_safetensors", "validate dense.yaml --weights text.safetensors"),
    Command("cs101_hdf5", "validate dense.yaml --weights text.h5"),
    Command("cs101_git_lfs", "validate dense.yaml --weights pointer.h5"),
    Command("cs102_complex", "validate dense.yaml --weights complex.npz"),
    Command("cs102_objects", "validate dense.yaml --weights objects.npz"),
    Command("cs102_too_large", "run dense.yaml --input x2.npy --weights huge.npz"),
    Command("cs105_missing_and_unused", "validate dense.yaml --weights other.npz"),
    Command("cs105_foreign_names", "validate dense.yaml --weights foreign.safetensors"),
    Command("cs105_given_twice", "validate dense.yaml --weights twice.npz"),
    Command("cs105_one_array", "validate dense.yaml --weights one.npy"),
    Command("cs106_shape", "validate dense.yaml --weights shape.npz"),
    Command("cs106_other_ordering", "validate conv.yaml --weights th.npz"),
    Command("cs110_missing", "run dense.yaml --seed 1 --input nowhere.npy"),
    Command("cs110_folder", "run dense.yaml --seed 1 --input folder.npz"),
    Command("cs111_text", "run dense.yaml --seed 1 --input dense.yaml"),
    Command("cs111_empty", "run dense.yaml --seed 1 --input empty.npy"),
    Command("cs111_npz", "run dense.yaml --seed 1 --input text.npz"),
    Command("cs111_pickle", "run dense.yaml --seed 1 --input pickle.npy"),
    Command("cs112_truncated", "run dense.yaml --seed 1 --input truncated.npy"),
    Command("cs112_trailing", "run dense.yaml --seed 1 --input trailing.npy"),
    Command("cs113_complex", "run dense.yaml --seed 1 --input complex.npy"),
    Command("cs113_objects", "run dense.yaml --seed 1 --input objects.npy"),
    Command("cs113_records", "run dense.yaml --seed 1 --input records.npy"),
    Command("cs114_no_axis", "run dense.yaml --seed 1 --input number.npy"),
    Command("cs116_rank", "run conv.yaml --seed 1 --input x2.npy"),
    Command("cs116_rank_channel", "run conv.yaml --seed 1 --input grey.npy"),
    Command("cs117_channels_first", "run conv.yaml --seed 1 --input images_th.npy"),
    Command("cs117_shape", "run conv.yaml --seed 1 --input images_9x9.npy"),
    Command("cs118_empty", "run dense.yaml --seed 1 --input none.npy"),
    Command("cs119_one_sample", "run conv.yaml --seed 1 --input image.npy"),
    Command("cs124_member", "run dense.yaml --seed 1 --input weights.npz"),
    Command("cs125_samples", "run two.yaml --seed 1 --input a=x2.npy --input b=x2_three.npy"),
    Command("cs120_folder_missing", "run dense.yaml --seed 1 --input x2.npy --output no/out.npy"),
    Command("cs120_other_format", "run dense.yaml --seed 1 --input x2.npy --output out.png"),
    Command("cs185_another_size", "run conv.yaml --seed 1 --input pictures/*.png"),
    Command("cs185_no_picture", "run conv.yaml --seed 1 --input pictures/*2.jpg"),
    Command("cs186_not_over_a_network", "run dense.yaml --seed 1 --input s3://bucket/x.npz"),
    Command("cs180_dense", "plan conv.yaml --tile 4"),
    Command("cs180_one_axis", "plan rows.yaml --tile 16"),
    Command("cs181_vectors", "plan dense.yaml --tile 2"),
    Command("cs182_sizes", "plan conv.yaml --tile 4,4,4"),
    Command(
        "cs190_shards",
        "run dense.yaml --seed 1 --input x2.npy --target reference -o y.zarr --chunks 2 --shards 3",
    ),
    Command("cs195_unfinished", "run dense.yaml --seed 1 --input x2.npy --output left.npy"),
    Command("cs197_another_format", "run dense.yaml --seed 1 --input x2.npy --output old.npy"),
    Command("cs192_in_the_way", "run dense.yaml --seed 1 --input x2.npy --output taken.zarr"),
    Command("cs245_no_config", "validate empty.keras"),
    Command("cs245_out_of_it", "validate elsewhere.keras"),
    Command("cs250_nothing_left", "convert nothing.yaml -o m.onnx"),
    Command("cs251_local", "convert local.yaml -o m.keras"),
    Command("cs260_cut", "validate cut.onnx"),
    Command("cs261_operations", "validate operations.onnx"),
    Command("cs262_kernel", "shapes kernel.onnx"),
    Command("cs263_joined", "validate joined.onnx"),
    Command("cs264_complex", "validate complex.onnx"),
    Command("cs265_outside", "validate outside.onnx"),
    Command("cs266_constant", "validate constant.onnx"),
    Command("cs267_steps", "validate steps.onnx"),
    Command("cs268_weights", "validate sound.onnx --weights weights.npz"),
    Command("cs269_parted", "validate parted.onnx"),
    Command("cs270_convert", "convert sound.onnx"),
    Command("cs160_not_toml", "validate dense.yaml --config broken.toml"),
    Command("cs161_settings", "validate dense.yaml --config wrong.toml"),
    Command("cs165_not_there", "diff dense.yaml dense.yaml --config accepting.toml --fail-on none"),
    Command("cs162_not_json", "validate dense.yaml --baseline dense.yaml"),
    Command("cs162_version", "validate dense.yaml --baseline later.baseline"),
)


def write_files(folder: Path) -> None:
    """What is too large or too odd to be kept in the repository as text."""
    specs = {
        "latin1.yaml": "convspec: 1\nname: größe\n".encode("latin-1"),
        "utf16.yaml": "convspec: 1\n".encode("utf-16"),
        "utf16_be.yaml": "convspec: 1\nname: gr\u00f6\u00dfe\n".encode("utf-16-be"),
        "utf32.yaml": "convspec: 1\n".encode("utf-32"),
        "utf32_le.json": '{"convspec": 1}'.encode("utf-32-le"),
        "normalized.yaml": b"convspec: 1\ninput_shape: [2]\nlayers:\n"
        b"  - {type: BatchNormalization, name: bn}\n",
        "control.yaml": b"convspec: 1\nname: a\x1b[31mb\n",
        "large.yaml": b"# " + b"x" * (16 << 20) + b"\n",
        "deep.json": b'{"convspec": 1, "layers": ' + b"[" * 100 + b"]" * 100 + b"}",
        "bomb.yaml": b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 9)
        ),
        "hundred.yaml": b"convspec: 1\n" + b"seed: 1\n" * 200,
        "long_expression.yaml": b"convspec: 1\ninput_shape: [4]\nlayers:\n"
        b"  - {type: Activation, activation: {expr: " + b"x + " * 600 + b"x}}\n",
        "many_strides.yaml": b"convspec: 1\ninput_shape: [null, 2]\nlayers:\n"
        + b"  - {type: MaxPooling1D}\n  - {type: UpSampling1D, length: 3}\n" * 60,
        "big_batch.yaml": b"convspec: 1\ndim_ordering: tf\ninput_shape: [1000, 1000, 1]\nlayers:\n"
        b"  - {type: Convolution2D, nb_filter: 1, nb_row: 2, nb_col: 2, name: c}\n"
        b"  - {type: Activation, activation: relu}\n  - {type: MaxPooling2D}\n",
        "local.yaml": b"convspec: 1\ninput_shape: [5, 2]\nseed: 1\nlayers:\n"
        b"  - {type: LocallyConnected1D, name: own, nb_filter: 3, filter_length: 2}\n",
        "nothing.yaml": b"convspec: 1\ninput_shape: [4, 2]\nseed: 1\nlayers:\n"
        b"  - {type: Cropping1D, cropping: [2, 2]}\n  - {type: Flatten, name: flat}\n",
        "rows.yaml": b"convspec: 1\ndim_ordering: tf\ninput_shape: [64, 24, 2]\nlayers:\n"
        b"  - {type: Convolution2D, nb_filter: 4, nb_row: 3, nb_col: 3, border_mode: same}\n"
        b"  - {type: TimeDistributed, name: each, layer: {type: Flatten}}\n"
        b"  - {type: Dense, output_dim: 3, name: rows}\n",
        "bn.yaml": b"convspec: 1\ninput_shape: [4]\nlayers:\n"
        b"  - {type: BatchNormalization, name: bn}\n",
        "two.yaml": b"convspec: 1\ninputs: {a: [2], b: [2]}\nlayers:\n"
        b"  - {type: Merge, inputs: [a, b]}\n",
        "broken.toml": b"# settings\n[severity\nCS050 = 'off'\n",
        "accepting.toml": b'[[diff.ignore]]\ncodes = ["CD301"]\nreason = "for later"\n',
        "wrong.toml": b"[severity]\nCS050 = 'warn'\nCS5O = 'off'\n\n[[ignore]]\ncodes = ['CS12']\n",
        "later.baseline": b'{"format_version": 2, "findings": []}',
        "weights.pkl": b"\x80\x04.",
        "text.npz": b"no archive\n",
        "text.safetensors": b"no tensors\n",
        "text.h5": b"no HDF5\n",
        "empty.h5": b"",
        "page.h5": b"<!DOCTYPE html>\n<title>404</title>\n",
        "pointer.h5": b"version https://git-lfs.github.com/spec/v1\nsize 14\n",
        "empty.npy": b"",
        "pickle.npy": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00.",
    }
    for name, data in specs.items():
        (folder / name).write_bytes(data)
    (folder / "folder.npz").mkdir()
    (folder / "taken.zarr.unfinished").mkdir()
    (folder / "taken.zarr.unfinished" / "notes").write_text("mine")
    w, b = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    np.savez(folder / "weights.npz", **{"d/W": w, "d/b": b})
    np.savez(folder / "other.npz", **{"d/W": w, "e/W": w, "e/b": b})
    np.savez(folder / "twice.npz", **{"d/W": w, "d_W": w, "d/b": b})
    np.savez(folder / "shape.npz", **{"d/W": np.ones((3, 2), np.float32), "d/b": b})
    np.savez(folder / "complex.npz", **{"d/W": w * 1j, "d/b": b})
    np.savez(folder / "objects.npz", **{"d/W": w.astype(object), "d/b": b})
    np.savez(folder / "huge.npz", **{"d/W": np.eye(2) * 1e300, "d/b": b})
    std = np.array([1, -0.5], np.float32)
    tensors = {"bn/gamma": b + 1, "bn/beta": b, "bn/running_mean": b, "bn/running_std": std}
    np.savez(folder / "negative.npz", **tensors)
    np.savez(folder / "nan.npz", **{"d/W": w * np.float32("nan"), "d/b": b})
    np.save(folder / "one.npy", w)
    np.savez(
        folder / "th.npz",
        **{"conv/W": np.ones((2, 3, 3, 2), "f4"), "conv/b": b, "d/W": np.ones((84, 2)), "d/b": b},
    )
    save_file({"dense.kernel": w, "dense.bias": b}, folder / "foreign.safetensors")
    with h5py.File(folder / "weights.h5", "w") as file:
        file["d/W"], file["d/b"] = w, b
    (folder / "truncated.npz").write_bytes((folder / "weights.npz").read_bytes()[:-60])
    for name, member in (("empty", "metadata.json"), ("elsewhere", "../config.json")):
        with zipfile.ZipFile(folder / f"{name}.keras", "w") as archive:
            archive.writestr(member, "{}")

    images = np.zeros((4, 8, 8, 3), np.float32)
    arrays = {
        "images": images,
        "image": images[0],
        "grey": images[..., 0],
        "images_th": np.moveaxis(images, -1, 1),
        "images_9x9": np.zeros((4, 9, 9, 3), np.float32),
        "x2": np.zeros((5, 2), np.float32),
        "x2_double": np.zeros((5, 2)),
        "x2_three": np.zeros((3, 2), np.float32),
        "big": np.zeros((1, 1000, 1000, 1), np.float32),
        "x4": np.zeros((5, 4), np.float32),
        "none": np.zeros((0, 2), np.float32),
        "number": np.float32(1),
        "complex": np.zeros((5, 2), np.complex64),
        "objects": np.array([[None, 1]], object),
        "records": np.zeros(5, [("a", "f4"), ("b", "f4")]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    for name, form in (("left", 1), ("old", 9)):
        grid = {"samples": 5, "task": 1, "piece": 1, "batch": 1, "tiles": [], "box": []}
        lines = [{"format": form, "run": {}, "grid": grid}, {"task": 0, "run": 1, "non_finite": 0}]
        text = [json.dumps(line).encode() for line in lines]
        place = folder / f"{name}.npy.unfinished"
        place.mkdir()
        (place / "lock").touch()
        (place / "journal").write_bytes(b"".join(b"%08x %s\n" % (crc32(t), t) for t in text))
    (folder / "pictures").mkdir()
    for name, side in (("0.png", 8), ("1.png", 9)):
        Image.new("RGB", (side, side)).save(folder / "pictures" / name)
    (folder / "pictures" / "2.jpg").write_text("hello")
    write_onnx_models(folder)
    whole = (folder / "x2.npy").read_bytes()
    (folder / "truncated.npy").write_bytes(whole[:-9])
    (folder / "trailing.npy").write_bytes(whole + b"more")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagnostics")
    for file in (*FOLDER.glob("*.yaml"), *FOLDER.glob("*.json"), *FOLDER.glob("models/*")):
        shutil.copy(file, folder)
    write_files(folder)
    return folder


@pytest.fixture
def in_folder(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(files)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    before = set(os.listdir(files))
    yield files
    assert set(os.listdir(files)) == before, "a command that fails leaves nothing behind"


def transcript(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The command, what it prints, and how it ends."""
    status = run(line.split())
    out, err = capsys.readouterr()
    return f"$ convspec {line}\n{out}{err}[exit status {status}]\n"


@pytest.mark.parametrize("spec", SPECS)
def test_a_broken_spec(
    spec: str, golden: Golden, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = transcript(f"validate {spec}", capsys)
    assert f" {spec[:5].upper()}: " in text
    golden((FOLDER / spec).with_suffix(".txt"), text)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_broken_command(
    command: Command, golden: Golden, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = transcript(command.line, capsys)
    assert f" {command.name[:5].upper()}: " in text
    golden(FOLDER / f"{command.name}.txt", text)


# --- findings that take more than a file, or whose text is long


def found(line: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Severity and code of every finding, in the order shown."""
    run(line.split())
    out, err = capsys.readouterr()
    return re.findall(r"^.*?: (error|warning|note) (CS\d{3}): ", out + err, re.MULTILINE)


def test_a_hundred_findings_are_enough(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "hundred.yaml"]) == 1
    out = capsys.readouterr().out
    assert out.count("error CS004: the key 'seed' is already used on line 2") == 100
    assert "note CS014: reading stopped after 100 findings; more may follow" in out
    assert out.endswith("\nfound 100 errors, 1 note in 1 file\n")


def test_the_optional_package_is_named(
    in_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert run(["validate", "dense.yaml", "--weights", "weights.h5"]) == 2
    assert capsys.readouterr().out == (
        "weights.h5: error CS104: HDF5 files need the package h5py, which is not installed\n"
        '  hint: pip install "convspec[hdf5]"\n'
        "\n"
        "found 1 error in 1 file\n"
    )


def test_notes_and_warnings_of_a_run(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "run dense.yaml --input x2_double.npy --target reference"
    assert found(f"{line} --seed 3", capsys) == [("note", "CS094"), ("note", "CS123")]
    assert found(f"{line} --weights nan.npz", capsys) == [
        ("warning", "CS097"),
        ("note", "CS123"),
        ("warning", "CS098"),
    ]


def test_an_instruction_set_that_does_not_exist(
    in_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSPEC_ISA", "x86-64-v9")
    assert found("run dense.yaml --input x2.npy --seed 1", capsys) == [("error", "CS136")]
    assert found("compile dense.yaml", capsys) == [("error", "CS136")]


def test_too_little_memory(
    in_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(300 << 20, 512 << 20, "/sys/fs/cgroup/memory.max")
    monkeypatch.setattr("speccompiler.planning.memory_limits.tightest_room", lambda: room)
    line = "run big_batch.yaml --seed 1 --input big.npy --batch-size 2000"
    assert run(line.split()) == 2
    assert capsys.readouterr().err == (
        "big_batch.yaml: error CS130: a batch of 2000 needs 16.7 GiB of memory; "
        "300 MiB are available, of the 512 MiB that /sys/fs/cgroup/memory.max allows\n"
        "  hint: use --batch-size 34 or less\n"
        "\n"
        "found 1 error\n"
    )


def test_a_target_that_is_none(in_folder: Path) -> None:
    model = speccompiler.load("dense.yaml", weights="weights.npz")
    with pytest.raises(SpecError) as caught:
        model.compile("gpu")
    assert str(caught.value) == (
        "dense.yaml: error CS131: no target 'gpu'; targets: cpu, cuda, cuda:N, reference"
    )


def test_findings_as_json(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "cs022_misspelt.yaml", "dense.yaml", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "format_version": 1,
        "files": ["cs022_misspelt.yaml", "dense.yaml"],
        "diagnostics": [
            {
                "code": "CS022",
                "severity": "error",
                "message": "Convolution2D has no argument 'boarder_mode'",
                "file": "cs022_misspelt.yaml",
                "line": 9,
                "column": 5,
                "end_line": 9,
                "end_column": 17,
                "layer": None,
                "hint": "did you mean 'border_mode'?",
                "fix": {
                    "title": "rename 'boarder_mode' to 'border_mode'",
                    "safe": True,
                    "edits": [
                        {
                            "line": 9,
                            "column": 5,
                            "end_line": 9,
                            "end_column": 17,
                            "text": "border_mode",
                        }
                    ],
                },
                "fingerprint": sha256(
                    b"cs022_misspelt.yaml\0CS022\0\0\0Convolution2D has no argument 'boarder_mode'"
                ).hexdigest()[:16],
            }
        ],
        "fixed": 0,
        "hidden": [],
    }


# --- the table of codes


CODE_TEXTS = ROOT / "speccompiler" / "diagnostics" / "codes"
USAGE_AND_IO = {
    *("CS001", "CS015", "CS080", "CS100", "CS104", "CS110", "CS120", "CS121", "CS130", "CS131"),
    *("CS133", "CS134", "CS135", "CS136", "CS160", "CS161", "CS162", "CS182", "CS186"),
    *("CS190", "CS191", "CS192", "CS195", "CS196", "CS197", "CS198"),
    *("CS201", "CS202", "CS203", "CS204"),
}
"""The codes that end a command with 2, as in the releases before codes had a kind."""


def source_codes() -> dict[str, set[Path]]:
    """For each code that a source file names on its own, the files that do."""
    named: dict[str, set[Path]] = {}
    for folder in ("speccompiler", "schemas", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for code in re.findall(r"\bCS\d{3}\b", node.value):
                        named.setdefault(code, set()).add(file)
    return named


def test_every_code_in_the_sources_is_documented() -> None:
    assert_rows("CODES (speccompiler/diagnostics/codes/)", CODES, source_codes())


def test_every_documented_code_can_be_emitted() -> None:
    emitted = {
        code
        for code, files in source_codes().items()
        if any(file.parent != CODE_TEXTS for file in files)
    }
    assert_rows("what raises it", emitted, CODES)


def test_every_code_is_in_some_test() -> None:
    tests = TESTS
    text = "".join(
        p.read_text(encoding="utf-8") for p in (*tests.rglob("*.py"), *tests.rglob("*.txt"))
    )
    tested = [code for code in CODES if code in text]
    assert_rows("tests/diagnostics/transcripts, or COMMANDS here", tested, CODES)


def test_the_exit_status_of_every_code() -> None:
    for code in CODES:
        for severity in Severity:
            status = 2 if code in USAGE_AND_IO else int(severity is Severity.ERROR)
            assert exit_status([Diagnostic(code, "message", severity)]) == status
    assert exit_status([]) == 0
    warning = Diagnostic("CS022", "message", Severity.WARNING)
    error, io = Diagnostic("CS022", "message"), Diagnostic("CS001", "message")
    assert exit_status([warning, error]) == 1
    assert exit_status([warning, error, io]) == 2
    assert {code for code in CODES if is_of_the_gpu(code)} == {"CS133", "CS134", "CS135"}


def test_a_module_of_codes_is_named_after_its_first() -> None:
    """So that the text of CS045 is found in one guess."""
    modules = sorted(CODE_TEXTS.glob("cs*.py"))
    starts = [int(module.name[2:5]) for module in modules]
    for module, first, after in zip(modules, starts, [*starts[1:], 1000], strict=True):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        keys = next(node.keys for node in ast.walk(tree) if isinstance(node, ast.Dict))
        numbers = [int(ast.literal_eval(key)[2:]) for key in keys if key is not None]
        assert first // 10 == numbers[0] // 10, module.name
        assert all(first <= number < after for number in numbers), module.name


def test_codes_are_in_order_and_worded_for_people() -> None:
    assert list(CODES) == sorted(CODES)
    for code in CODES.values():
        assert not code.title.endswith(".")
        assert code.title[0].islower() or code.title[:2].isupper()
        assert code.why[0].isupper() or code.why[0] == "'"
        assert code.why.endswith(".")
        assert len(code.fix) > 10


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "run make schema"


@pytest.mark.parametrize("code", ["CS012", "cs012", "cs12", "12"])
def test_explain(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", code]) == 0
    assert capsys.readouterr().out == (
        "CS012: empty document\n"
        "\n"
        "The text holds no value at all.\n"
        "\n"
        "Write a spec in it; it starts with 'convspec: 1'.\n"
    )


def test_explain_lists_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    assert [line[:5] for line in capsys.readouterr().out.splitlines()] == [*CODES, *CHANGES]


def test_explain_an_unknown_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "CS999"]) == 2
    assert "no diagnostic 'CS999'" in capsys.readouterr().err
