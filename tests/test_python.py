"""The Python interface: names, texts, one line of repr, pickles."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convspec
import speccompiler
from speccompiler.compiled import CompiledModel
from tests.models import FIXED, OPEN, TWO
from tests.places import ROOT


def test_a_text_as_layers_is_one_name():
    model = speccompiler.loads(FIXED)
    x = np.ones((2, 6, 2), np.float32)
    of_text = model.compile("reference", layers="c").run_all(x)
    of_list = model.compile("reference", layers=["c"]).run_all(x)
    assert list(of_text) == ["f", "c"]
    assert all(np.array_equal(of_text[name], of_list[name]) for name in of_list)


@pytest.mark.parametrize(
    ("keyword", "value", "code", "message"),
    [
        ("target", None, "CS024", "'target' is null, not a name"),
        ("batch_size", 2.5, "CS024", "batch_size is 2.5, not a whole number"),
        ("batch_size", True, "CS024", "batch_size is true, not a whole number"),
        ("batch_size", 0, "CS025", "batch_size is 0; it must be 1 or more"),
        ("threads", "2", "CS024", "threads is '2', not a whole number"),
        ("samples", -1, "CS025", "samples is -1; it must be 1 or more"),
        ("layers", None, "CS024", "'layers' is null, not a list of names"),
        ("layers", [3], "CS024", "'layers' is a list of 1, not a list of names"),
    ],
)
def test_what_compile_cannot_take(keyword, value, code, message):
    with pytest.raises(speccompiler.SpecError) as caught:
        speccompiler.loads(FIXED).compile(**{"target": "reference", keyword: value})
    assert [(d.code, d.message) for d in caught.value.diagnostics] == [(code, message)]


@pytest.mark.parametrize("path", [None, 3, b"m.yaml"])
def test_a_path_that_is_none(path):
    with pytest.raises(speccompiler.SpecError, match=f"the path is a {type(path).__name__}, not"):
        speccompiler.load(path)


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
