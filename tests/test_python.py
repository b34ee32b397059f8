"""The Python interface: names, texts, one line of repr, pickles, open lengths."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convspec
import speccompiler
from speccompiler.compiled import CompiledModel
from speccompiler.running.open_model import MOST_KEPT
from tests.places import ROOT

FIXED = """\
convspec: 1
name: fixed
input_shape: [6, 2]
seed: 3
layers:
  - {type: Convolution1D, name: c, nb_filter: 3, filter_length: 3, activation: tanh}
  - {type: Flatten, name: f}
"""
OPEN = """\
convspec: 1
name: open
input_shape: [null, 2]
seed: 3
layers:
  - {type: Convolution1D, name: c, nb_filter: 3, filter_length: 3, activation: tanh}
  - {type: GlobalMaxPooling1D, name: g}
"""
TWO = """\
convspec: 1
name: two
inputs: {a: [null, 2], b: [4]}
seed: 3
layers:
  - {type: Flatten, name: f, inputs: b}
  - {type: Activation, name: t, activation: tanh, inputs: a}
"""


def test_a_text_as_layers_is_one_name():
    model = speccompiler.loads(FIXED)
    x = np.ones((2, 6, 2), np.float32)
    of_text = model.compile("reference", layers="c").run_all(x)
    of_list = model.compile("reference", layers=["c"]).run_all(x)
    assert list(of_text) == ["f", "c"]
    assert all(np.array_equal(of_text[name], of_list[name]) for name in of_list)


def test_all_names_are_there_and_the_same_under_both_packages():
    assert sorted(speccompiler.__all__) == sorted(convspec.__all__)
    for name in speccompiler.__all__:
        assert getattr(speccompiler, name) is getattr(convspec, name)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = convspec.lod
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = speccompiler.lod


def test_importing_loads_neither_numpy_nor_pydantic():
    code = "import sys, convspec, speccompiler; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "numba", "pydantic", "yaml"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("module", ["speccompiler", "convspec"])
def test_the_command_as_a_module(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "explain", "CS999"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no diagnostic 'CS999'" in done.stderr


def test_repr_is_one_line():
    fixed, several = speccompiler.loads(FIXED), speccompiler.loads(TWO)
    assert repr(fixed) == "<Model 'fixed': 2 layers, input (6, 2)>"
    assert repr(several) == "<Model 'two': 4 layers, input (T, 2), (4,)>"
    plan = fixed.compile("reference", batch_size=4, threads=1)
    assert repr(plan) == "<CompiledModel 'fixed' for reference: batches of 4, 1 threads>"
    network = speccompiler.load(ROOT / "examples/specs/resnet50.yaml")
    assert len(repr(network)) < 100


def test_a_report_is_its_table():
    report = speccompiler.loads(TWO.replace("name: t,", 'name: "<t>",')).shapes()
    text, page = str(report), report._repr_html_()
    assert text.splitlines()[0] == "two: inputs a (N, T, 2), b (N, 4), tensorflow semantics"
    assert "<t>      Activation" in text
    assert "&lt;t&gt;" in page
    assert "<t>" not in page
    assert "<b>two: inputs a (N, T, 2), b (N, 4), tensorflow semantics</b>" in page
    assert speccompiler.loads(TWO)._repr_html_().count("<tr>") == 1 + 4


def test_a_text_is_a_model(tmp_path):
    assert speccompiler.loads(FIXED).shapes().parameters == 3 * 2 * 3 + 3
    with pytest.raises(speccompiler.SpecError) as caught:
        speccompiler.loads("convspec: 1\nlayers: []\n", file="mine.yaml")
    assert caught.value.diagnostics[0].file == "mine.yaml"
    with pytest.raises(speccompiler.SpecError, match="the text is a bytes, not a str"):
        speccompiler.loads(b"convspec: 1")
    weights = {"c/W": np.ones((3, 1, 2, 3), np.float32), "c/b": np.zeros(3, np.float32)}
    np.savez(tmp_path / "w.npz", **weights)
    text = FIXED.replace("seed: 3", "weights: w.npz")
    model = speccompiler.loads(text, file=str(tmp_path / "m.yaml"))
    y = model.compile("reference").run(np.full((1, 6, 2), 0.1, np.float32))
    np.testing.assert_allclose(y, np.full((1, 12), np.tanh(0.6)), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.compile("gpu"), "no target 'gpu'"),
        (lambda m: m.compile("reference", layers=["nope"]), "no layer 'nope'"),
        (lambda m: m.compile("reference", batch_size=0), "batch_size is 0"),
        (lambda m: speccompiler.loads(FIXED, semantics="caffe"), "'semantics' is 'caffe'"),
        (lambda m: speccompiler.loads(FIXED, dim_ordering="last"), "'dim_ordering' is 'last'"),
        (lambda m: speccompiler.loads(FIXED, seed=-1), "'seed' is -1"),
        (lambda m: m.compile("reference", math="quick"), "'math' is 'quick'"),
    ],
)
def test_wrong_keywords_are_value_errors(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call(speccompiler.loads(FIXED))
    assert isinstance(caught.value, speccompiler.SpecError)


def _ends(plan: CompiledModel, x: np.ndarray) -> np.ndarray:
    return plan.run(x)


def test_models_pickle_by_their_sources(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    weights = {"c/W": rng.normal(size=(3, 1, 2, 3)), "c/b": rng.normal(size=3)}
    monkeypatch.chdir(tmp_path)
    np.savez("w.npz", **{name: w.astype(np.float32) for name, w in weights.items()})
    Path("m.yaml").write_text(FIXED)
    model = speccompiler.load("m.yaml", weights="w.npz")
    plan = model.compile("reference", layers=["c"])
    x = rng.normal(size=(5, 6, 2)).astype(np.float32)
    sent = pickle.dumps(model), pickle.dumps(plan)
    assert max(map(len, sent)) < 2000
    Path("m.yaml").unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again, plan_again = map(pickle.loads, sent)
    assert again.spec == model.spec
    assert plan_again.output_names == ("f", "c")
    np.testing.assert_array_equal(plan_again.run(x), plan.run(x))
    np.testing.assert_array_equal(again.compile("reference").run(x), plan.run(x))
    (tmp_path / "w.npz").unlink()
    with pytest.raises(speccompiler.SpecError, match=r"w\.npz"):
        pickle.loads(sent[1])


def test_a_saved_keras_file_pickles(tmp_path):
    folder = ROOT.parent / "shared" / "golden" / "digits" / "tensorflow-tf"
    if not folder.exists():
        pytest.skip("no golden data here")
    model = speccompiler.load(folder / "model.h5", semantics="tensorflow")
    again = pickle.loads(pickle.dumps(model))
    assert again.spec == model.spec
    x = np.load(folder / "images.npy")[:4]
    plan = pickle.loads(pickle.dumps(again.compile("reference")))
    np.testing.assert_allclose(plan.run(x), np.load(folder / "predictions.npy")[:4], atol=1e-5)


def test_a_plan_goes_to_another_process():
    plan = speccompiler.loads(OPEN).compile("reference")
    x = np.linspace(-1, 1, 2 * 9 * 2, dtype=np.float32).reshape(2, 9, 2)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(_ends, (plan, x)), plan.run(x))


def test_errors_cross_processes_with_their_findings():
    with pytest.raises(speccompiler.SpecError) as caught:
        speccompiler.loads("convspec: 2")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.diagnostics == caught.value.diagnostics
    assert str(again) == str(caught.value)


def by_hand(x: np.ndarray, model: speccompiler.Model) -> np.ndarray:
    """tanh of the correlation, and the largest over the steps."""
    (w, b) = (s.read() for s in model.weight_sources.sources.values())
    steps = x.shape[1] - 2
    sums = sum(x[:, k : k + steps] @ w[k, 0] for k in range(3)) + b
    return np.tanh(sums).max(axis=1)


def test_open_lengths_are_bound_by_the_arrays():
    model = speccompiler.loads(OPEN)
    rng = np.random.default_rng(1)
    plan = model.compile("reference")
    assert plan.output_names == ("g",)
    for steps in (3, 8, 5, 8):
        x = rng.normal(size=(2, steps, 2)).astype(np.float32)
        np.testing.assert_allclose(plan.run(x), by_hand(x, model), atol=1e-6)
        np.testing.assert_array_equal(model.run(x), model.compile(input_shape=(steps, 2)).run(x))
    out = np.empty((2, 3), np.float32)
    assert plan.run(x, out=out) is out
    assert plan.run(x.tolist()).shape == (2, 3)
    assert plan.bound_to(x) is plan.bound_to(x)
    tapped = model.compile("reference", layers=["c"])
    assert {name: y.shape for name, y in tapped.run_all(x).items()} == {
        "g": (2, 3),
        "c": (2, 6, 3),
    }


def test_what_hangs_on_the_length_says_so():
    plan = speccompiler.loads(OPEN).compile("reference")
    for ask in (lambda: plan.plan, lambda: plan.batch_size, lambda: plan.output_shapes(3)):
        with pytest.raises(speccompiler.SpecError, match=r"has open lengths.*bound_to\(x\)"):
            ask()
    with pytest.raises(AttributeError, match="no attribute 'shape_of'"):
        _ = plan.shape_of
    with pytest.raises(speccompiler.SpecError, match="no layer 'x'"):
        speccompiler.loads(OPEN).compile("reference", layers=["x"])
    with pytest.raises(speccompiler.SpecError, match="CS117"):
        plan.run(np.zeros((1, 8, 3), np.float32))


def test_only_so_many_shapes_are_kept():
    plan = speccompiler.loads(OPEN).compile("reference")
    for steps in range(3, 3 + MOST_KEPT + 4):
        plan.run(np.zeros((1, steps, 2), np.float32))
    assert repr(plan) == f"<OpenModel 'open' for reference: {MOST_KEPT} shapes so far>"


def test_several_inputs_one_of_them_open():
    plan = speccompiler.loads(TWO).compile("reference")
    a, b = np.ones((2, 5, 2), np.float32), np.ones((2, 4), np.float32)
    f, t = plan.run({"a": a, "b": b})
    assert (f.shape, t.shape) == ((2, 4), (2, 5, 2))
    with pytest.raises(speccompiler.SpecError, match="no array for input 'b'"):
        plan.run({"a": a})


def _spec_files(folder: Path) -> list[str]:
    (folder / "spec.yaml").write_text(FIXED)
    (folder / "broken.json").write_text('{"convspec": 1, "layers": [{"type": "Flaten"}]}')
    (folder / "ci.yml").write_text("on: push\n")
    (folder / "package.json").write_text(json.dumps({"layers": 3}))
    return sorted(str(file) for file in folder.iterdir())


def test_the_hook_knows_specs_by_their_content(tmp_path):
    files = _spec_files(tmp_path)
    command = [sys.executable, "-m", "speccompiler", "validate", "--specs-only"]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 1
    assert "unknown layer type 'Flaten'" in done.stdout
    assert f"{tmp_path / 'spec.yaml'}: ok, 2 layers" in done.stdout
    assert "ci.yml" not in done.stdout
    others = [file for file in files if Path(file).name in ("ci.yml", "package.json")]
    done = subprocess.run([*command, *others], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "entry: convspec validate --specs-only\n" in hook


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run", "m.yaml", "--target", "c"], ["plain,cpu", "plain,cuda", "plain,cuda:0"]),
        (["explain", "cs05"], [f"plain,CS05{n}" for n in range(10)]),
        (["validate", "ex"], ["file,ex"]),
        (["shapes", "ex"], ["file,ex"]),
        (["run", "m.yaml", "-o", "out"], ["file,out"]),
        (["layers", "upsa"], ["plain,UpSampling1D", "plain,UpSampling2D", "plain,UpSampling3D"]),
    ],
)
def test_shells_complete(words, wanted):
    environment = os.environ | {
        "_CONVSPEC_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["convspec", *words]),
        "COMP_CWORD": str(len(words)),
    }
    code = "from speccompiler.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[:-1] == wanted
