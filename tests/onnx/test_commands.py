"""What the commands say of ONNX models."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run
from tests.onnx.made_models import model, node, onnxruntime_gives, random


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files of a small network, of which the second has a larger kernel and no padding."""
    monkeypatch.chdir(tmp_path)
    constants = {"w": random(4, 1, 3, 3), "b": random(4), "t": np.array([0, -1])}
    constants |= {"f": random(64, 5)}
    nodes = [
        node("Conv", "x w b", "c", name="conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", "c", "r"),
        node("Reshape", "r t", "flat"),
        node("MatMul", "flat f", "scores", name="classify"),
    ]
    made = model(nodes, {"x": ["N", 1, 8, 8]}, ["scores"], constants)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    nodes[0] = node("Conv", "x w b", "c", name="conv1", strides=[2, 2])
    other = model(nodes, {"x": ["N", 1, 8, 8]}, ["scores"], constants | {"f": random(36, 5)})
    (tmp_path / "other.onnx").write_bytes(other.SerializeToString())
    x = random(3, 1, 8, 8)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "wanted.npy", onnxruntime_gives(made, {"x": x})[0])
    return tmp_path


def told(line: str, capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    assert run(line.split()) == status
    out, err = capsys.readouterr()
    return out + err


def test_validate(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told("validate m.onnx", capsys) == "m.onnx: ok, 5 layers\n"


def test_shapes(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(told("shapes m.onnx --format json", capsys))
    rows = [(r["name"], r["type"], r["output_shape"], r["parameters"]) for r in report["layers"]]
    assert rows == [
        ("x", "InputLayer", [1, 8, 8], 0),
        ("conv1", "Conv", [4, 4, 4], 40),
        ("relu_1", "Relu", [4, 4, 4], 0),
        ("reshape_2", "Reshape", [64], 0),
        ("scores", "MatMul", [5], 320),
    ]
    assert report["semantics"] is None
    assert report["outputs"] == ["scores"]


def test_plan(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told("plan m.onnx", capsys)
    assert "convolution 3x3 stride 2x2, 4 filters, pad 1, bias, relu" in said
    assert "matrix product, 5 outputs" in said


def test_run(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "output of 'scores'" in told("run m.onnx --input x.npy --output y.npy", capsys)
    np.testing.assert_allclose(np.load("y.npy"), np.load("wanted.npy"), rtol=0, atol=1e-4)


def test_weights(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(told("weights m.onnx --format json", capsys))
    tensors = [(t["layer"], t["tensor"], t["shape"]) for t in report["tensors"]]
    assert tensors == [
        ("conv1", "w", [4, 1, 3, 3]),
        ("conv1", "b", [4]),
        ("scores", "f", [64, 5]),
    ]


def test_diff(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told("diff m.onnx m.onnx", capsys).startswith("no change")
    said = told("diff m.onnx other.onnx", capsys, 1)
    assert "attributes {pads: [1, 1, 1, 1], strides: [2, 2]} -> {strides: [2, 2]}" in said
    assert "output (N, 4, 4, 4) -> (N, 4, 3, 3)" in said
    assert "old weights do not fit: f (64, 5) -> (36, 5), because of 'conv1'" in said


def test_layout_is_left_alone(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (network / "m.onnx").read_bytes()
    assert told("fmt m.onnx", capsys) == "m.onnx: left alone; it is an ONNX model\n"
    told("validate --fix m.onnx", capsys)
    assert (network / "m.onnx").read_bytes() == before


def test_semantics_change_nothing(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "note CS267: an ONNX model says itself what it computes: --semantics changes nothing"
    ) in told("validate m.onnx --semantics theano", capsys)


def test_orderings_change_nothing(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "note CS267: an ONNX model says itself how its axes lie: --dim-ordering changes nothing"
    ) in told("validate m.onnx --dim-ordering th", capsys)


def test_standard_input_is_text(
    network: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from speccompiler.source.files import decode_document

    document = decode_document((network / "m.onnx").read_bytes(), "<stdin>")
    (found,) = document.diagnostics
    assert (found.code, found.message, found.hint) == (
        "CS002",
        "this is an ONNX model, not text",
        "name the file itself instead of sending it as a stream",
    )


def test_any_name_does(network: Path) -> None:
    (network / "m.onnx").rename(network / "model.bin")
    assert len(speccompiler.load("model.bin").spec.layers) == 5


def test_what_is_only_named_so(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.onnx").write_text("version https://git-lfs.github.com/spec/v1\nsize 14\n")
    assert "a Git LFS pointer" in told("validate p.onnx", capsys, 1)
    Path("e.onnx").write_bytes(b"")
    assert "sound ONNX model: it holds no graph" in told("validate e.onnx", capsys, 1)
    Path("g.onnx").write_bytes(bytes(range(256)))
    assert "g.onnx: error CS260: this is no sound ONNX model" in told("validate g.onnx", capsys, 1)


def test_a_model_goes_to_other_processes(network: Path) -> None:
    model = speccompiler.load("m.onnx")
    again = pickle.loads(pickle.dumps(model))
    assert again.weights_hash == model.weights_hash
    x = np.load("x.npy")
    np.testing.assert_array_equal(again.run(x), model.run(x))
