"""Models whose lengths are open: bound by the arrays of each run."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest

import speccompiler
from speccompiler.running.open_model import LEAST_KEPT
from speccompiler.weights.files.file_state import file_state
from tests.models import OPEN, TWO, refusal


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


def test_only_so_many_shapes_are_kept(monkeypatch):
    monkeypatch.setattr("speccompiler.running.open_model.KEPT_BYTES", 1)
    plan = speccompiler.loads(OPEN).compile()
    for steps in range(3, 3 + LEAST_KEPT + 4):
        plan.run(np.zeros((1, steps, 2), np.float32))
    assert repr(plan) == f"<OpenModel 'open' for cpu: {LEAST_KEPT} shapes so far>"


def test_several_inputs_one_of_them_open():
    plan = speccompiler.loads(TWO).compile("reference")
    a, b = np.ones((2, 5, 2), np.float32), np.ones((2, 4), np.float32)
    f, t = plan.run({"a": a, "b": b})
    assert (f.shape, t.shape) == ((2, 4), (2, 5, 2))
    with pytest.raises(speccompiler.SpecError, match="no array for input 'b'"):
        plan.run({"a": a})


def test_a_weight_file_that_changes_meanwhile(tmp_path):
    """Weights in another order would be of another file."""
    layer = {"type": "Convolution1D", "name": "c", "nb_filter": 32, "filter_length": 3}
    spec = {"convspec": 1, "input_shape": [None, 16], "layers": [layer]}
    model, file = tmp_path / "model.json", tmp_path / "w.npz"
    model.write_text(json.dumps(spec), encoding="utf-8")

    def write(value: float) -> None:
        arrays = {"c/W": np.full((3, 1, 16, 32), value), "c/b": np.zeros(32)}
        np.savez(file, **arrays)
        os.utime(file, (1e9 + 0.5, 1e9 + 0.5 + value))
        while file_state(file) is None:
            time.sleep(0.01)

    write(1.0)
    plan = speccompiler.load(model, weights=file).compile()
    assert plan.run(np.ones((1, 5, 16), np.float32)).max() == 48
    write(2.0)
    # What was packed is there, for every length that wants it so.
    assert plan.run(np.ones((1, 6, 16), np.float32)).max() == 48
    found = refusal(lambda: plan.run(np.ones((1, 500, 16), np.float32)))
    assert (found.code, found.message, found.hint) == (
        "CS100",
        "weight file 'w.npz' has changed or gone since the model was compiled, and W is needed "
        "again",
        "a new size may need weights in another order: leave the file as it is while the model is "
        "used, or load and compile the model anew",
    )
