"""``convspec verify`` and ``convspec weights``: recorded arrays, and what tensors hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run
from speccompiler.diagnostics.core import SpecError
from speccompiler.options import CompileOptions
from speccompiler.running.verify import Recording, file_opener, recording_of, verify

SPEC = """\
convspec: 1
name: small
input_shape: [4, 1]
layers:
  - type: Convolution1D
    name: c
    nb_filter: 1
    filter_length: 2
    weights: [[[[[1]]], [[[10]]]], [1]]
  - {type: Activation, name: r, activation: relu}
  - {type: MaxPooling1D, name: p, pool_length: 3}
"""
X = np.array([[[1], [2], [3], [4]], [[-1], [-2], [1], [0]]], np.float32)
C = np.array([[[22], [33], [44]], [[-20], [9], [2]]], np.float32)  # x[i] + 10 x[i+1] + 1, by hand
P = np.array([[[44]], [[9]]], np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(SPEC)
    for name, array in (("x", X), ("c", C), ("r", np.maximum(C, 0)), ("p", P)):
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


VERIFY = ["verify", "m.yaml", "--input", "x.npy"]


def test_outputs_worked_by_hand_are_equal(folder: Path, capsys: Any) -> None:
    layers = ["--layer", "r=r.npy", "--layer", "c=c.npy"]
    assert run([*VERIFY, "--expect", "p.npy", *layers]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[2:5]] == ["c", "r", "p"]
    assert out.endswith("\nequal\n")


def test_the_first_layer_that_differs_is_named(folder: Path, capsys: Any) -> None:
    wrong = np.maximum(C, 0)
    wrong[1, 1, 0], wrong[1, 2, 0] = 9.5, 7
    np.save("r.npy", wrong)
    np.save("p.npy", P + 1)
    layers = ["--layer", "r=r.npy", "--layer", "c=c.npy", "--expect", "p.npy"]
    assert run([*VERIFY, *layers]) == 1
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()[2:4]]
    assert rows[0] == ["c", "(2,", "3,", "1)", "0", "0.0e+00"]
    assert rows[1] == ["r", "(2,", "3,", "1)", "5", "1.1e-01", "2"]
    assert (
        "m.yaml:10:12: error CS142: the output of 'r' differs from what was recorded: 2 of 6 "
        "values, first sample 1 at (1, 0): 9 instead of 9.5 [layer r]\n"
    ) in out
    assert "'p' differs" not in out
    assert run([*VERIFY, *layers, "--tolerance", "0.2"]) == 0


def test_the_same_as_data(folder: Path, capsys: Any) -> None:
    np.save("p.npy", np.array([[[44]], [[np.nan]]], np.float32))
    assert run([*VERIFY, "--expect", "p.npy", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["equal"] is False
    assert data["outputs"] == [
        {
            "name": "p",
            "shape": [2, 1, 1],
            "largest_difference": None,
            "scale": 44.0,
            "differing": 1,
            "first": {"sample": 1, "position": [0, 0], "expected": "nan", "found": "9.0"},
        }
    ]
    assert [d["code"] for d in data["diagnostics"]] == ["CS142"]


def test_batches_count_samples_through(folder: Path) -> None:
    x = np.tile(X, (50, 1, 1))
    p = np.tile(P, (50, 1, 1))
    p[73] = -1
    np.save("x.npy", x)
    np.save("p.npy", p)
    recording = Recording({"c": file_opener(Path("x.npy"))}, {"p": file_opener(Path("p.npy"))})
    model = speccompiler.load("m.yaml")
    assert model.input_names == ("c",)
    (found,) = verify(model, recording, CompileOptions("reference", batch_size=7))
    assert found.differing == 1
    assert found.first is not None
    assert (found.first.sample, found.first.position) == (73, (0, 0))
    assert not found.equal


VECTORS = """\
verify:
  input: x.npy
  expect: [[[44]], [[9]]]
  layers: {c: c.npy}
"""


def test_a_spec_may_carry_its_vectors(folder: Path, capsys: Any) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "m.yaml").write_text(VECTORS + SPEC)
    for name in ("x.npy", "c.npy"):
        (folder / name).rename(folder / "sub" / name)
    assert run(["verify", "sub/m.yaml"]) == 0
    assert run(["validate", "sub/m.yaml"]) == 0
    text = (VECTORS + SPEC).replace("[[9]]]", "[[8]]]\n  tolerance: 0.001")
    (folder / "sub" / "m.yaml").write_text(text)
    assert run(["verify", "sub/m.yaml"]) == 1
    assert run(["verify", "sub/m.yaml", "--tolerance", "0.5"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("input: {other: x.npy}\n  expect: p.npy", "the model has no input 'other'"),
        ("input: x.npy\n  layers: {q: p.npy}", "the model has no layer 'q'"),
        ("input: x.npy", "no output is recorded"),
        ("input: gone.npy\n  expect: p.npy", "the file does not exist"),
        ("input: p.npy\n  expect: p.npy", "the array has shape (2, 1, 1); the model takes"),
        ("input: x.npy\n  expect: c.npy", "the recorded output of 'p' has shape (2, 3, 1); the "
         "model gives (2, 1, 1)"),
    ],
)  # fmt: skip
def test_vectors_that_do_not_fit(folder: Path, written: str, message: str, capsys: Any) -> None:
    (folder / "m.yaml").write_text(f"verify:\n  {written}\n{SPEC}")
    assert run(["verify", "m.yaml"]) in {1, 2}
    err = capsys.readouterr().err
    assert message in err
    assert any(code in err for code in ("CS140", "CS141", "CS110", "CS117"))


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--expect", "p.npy"],
        ["--input", "x.npy"],
        ["--input", "x.npy", "--layer", "c"],
        ["--input", "x.npy", "--input", "x.npy", "--expect", "p.npy"],
        ["--input", "x.npy", "--expect", "p.npy", "--tolerance", "nan"],
        ["--input", "x.npy", "--expect", "p.npy", "--tolerance", "inf"],
    ],
)
def test_usage(folder: Path, options: list[str], capsys: Any) -> None:
    assert run(["verify", "m.yaml", *options]) == 2
    assert "Usage:" in capsys.readouterr().err


def keras_file(path: Path) -> Path:
    config = {"name": "c", "nb_filter": 1, "filter_length": 2, "batch_input_shape": [None, 4, 1]}
    layer = {"class_name": "Convolution1D", "config": config}
    path.write_text(json.dumps({"class_name": "Sequential", "config": [layer]}))
    np.savez(path.with_suffix(".npz"), c_W=np.array([[[[1]]], [[[10]]]]), c_b=np.array([1.0]))
    return path


def test_recorded_outputs_decide_the_semantics(folder: Path, capsys: Any) -> None:
    keras_file(folder / "k.json")
    command = ["verify", "k.json", "--weights", "k.npz", "--input", "x.npy", "--expect"]
    assert run([*command, "c.npy"]) == 0
    assert "equal under tensorflow semantics, not under theano: use --semantics tensorflow" in (
        capsys.readouterr().out
    )
    theano = 10 * X[:, :-1] + X[:, 1:] + 1
    np.save("t.npy", theano)
    assert run([*command, "t.npy", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {name: d["equal"] for name, d in data.items()} == {"tensorflow": False, "theano": True}
    np.save("t.npy", theano + 1)
    assert run([*command, "t.npy"]) == 1
    assert "equal under neither semantics" in capsys.readouterr().out


def test_vectors_by_name_and_alone() -> None:
    from tests.cases import build

    layer = {"type": "Flatten", "name": "f"}
    one = build([layer], [2], verify={"input": [[1, 2]], "expect": [[1, 2]]})
    recording = recording_of(one.spec, Path())
    assert recording is not None
    assert list(recording.inputs) == ["f"]
    assert verify(one, recording, CompileOptions("reference"))[0].equal
    assert recording_of(build([layer], [2]).spec, Path()) is None
    with pytest.raises(SpecError) as caught:
        build([layer], [2], verify={"expect": [[1, 2]]})
    assert [d.code for d in caught.value.diagnostics] == ["CS021"]


# --- convspec weights


def test_the_tensors_of_a_model(folder: Path, capsys: Any) -> None:
    w = np.zeros((2, 1, 1, 1), np.float32)
    w[0], w[1] = 3, -1
    np.savez("w.npz", c_W=w, c_b=np.array([np.nan], np.float32))
    constrained = SPEC.replace(
        "    weights: [[[[[1]]], [[[10]]]], [1]]", "    W_constraint: nonneg"
    )
    (folder / "w.yaml").write_text(constrained)
    assert run(["weights", "w.yaml", "--weights", "w.npz"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[2].split() == [
        "c/W", "(2,", "1,", "1,", "1)", "-1", "1", "3", "2", "w.npz#c_W"
    ]  # fmt: skip
    assert "2 tensors, 3 numbers (12 B as float32)" in out
    assert "CS096: W breaks its NonNeg constraint: 1 value is negative, the smallest -1" in out
    assert "CS097: b holds 1 values that are not finite, of 1" in out
    assert run(["weights", "w.yaml", "--weights", "w.npz", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["tensors"][0] == {
        "layer": "c", "tensor": "W", "shape": [2, 1, 1, 1], "source": "w.npz#c_W", "count": 2,
        "zeros": 0, "non_finite": 0, "min": -1.0, "max": 3.0, "mean": 1.0, "std": 2.0,
    }  # fmt: skip
    assert data["tensors"][1]["mean"] is None
    assert [d["code"] for d in data["diagnostics"]] == ["CS096", "CS097"]


def test_where_tensors_come_from(folder: Path, capsys: Any) -> None:
    assert run(["weights", "m.yaml"]) == 0
    assert capsys.readouterr().out.splitlines()[2].endswith("in the spec")
    drawn = SPEC.replace("    weights: [[[[[1]]], [[[10]]]], [1]]\n", "")
    (folder / "d.yaml").write_text(drawn)
    assert run(["weights", "d.yaml", "--seed", "4"]) == 0
    assert "drawn by uniform from seed 4" in capsys.readouterr().out
    assert run(["weights", "d.yaml"]) == 1
    assert "CS095" in capsys.readouterr().err
    old = np.zeros((1, 1, 2, 1), np.float32)
    np.savez("w.npz", c_W=old, c_b=np.zeros(1, np.float32))
    assert run(["weights", "d.yaml", "--weights", "w.npz"]) == 0
    assert "w.npz#c_W, old layout" in capsys.readouterr().out
    (folder / "none.yaml").write_text("convspec: 1\ninput_shape: [2]\nlayers: [{type: Flatten}]\n")
    assert run(["weights", "none.yaml"]) == 0
    assert capsys.readouterr().out == "none: no layer has weights\n"
