"""BatchNormalization: what running_std holds by release and backend; batch statistics."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.diagnostics.core import Severity
from speccompiler.model import check, load
from speccompiler.source.texts import parse_document
from tests.cases import build
from tests.lowering.formulas import NORM, TARGETS, assert_gives, keras


def test_a_release_that_is_not_named_is_no_secret(tmp_path):
    """A model_config copied out of an HDF5 file reads like one of Keras 1.0.3."""
    config = {"batch_input_shape": [None, 1], "epsilon": 0.5}
    layers = [("BatchNormalization", {**config, "name": "one", "mode": 0}),
              ("BatchNormalization", {**config, "name": "two", "mode": 1}),
              ("BatchNormalization", {**config, "name": "three", "mode": 0})]  # fmt: skip
    (tmp_path / "m.json").write_text(keras(layers, None))
    (warning,) = load(tmp_path / "m.json").diagnostics
    assert (warning.code, warning.severity, warning.layer) == ("CS053", Severity.WARNING, "one")
    assert "running_std of 'one' and 1 more is taken as the standard deviation" in warning.message
    assert '"keras_version": "1.2.2"' in warning.hint
    (tmp_path / "m.json").write_text(keras(layers[1:2], None))
    assert not load(tmp_path / "m.json").diagnostics
    (tmp_path / "m.json").write_text(keras(layers, "1.0.5"))
    assert not load(tmp_path / "m.json").diagnostics


@pytest.mark.parametrize(
    ("version", "backend", "scale"),
    [(None, "tensorflow", 1 / 4.5), ("1.0.5", "theano", 1 / 4.5), ("1.0.6", "theano", 1 / 4.5),
     ("1.0.6", "tensorflow", 4.5**-0.5), ("1.0.7", "tensorflow", 4.5**-0.5),
     ("1.0.7", "theano", 1 / 2.5), ("1.0.8", "theano", 4.5**-0.5), ("1.2.2", "theano", 4.5**-0.5)],
)  # fmt: skip
def test_running_std_by_version(version, backend, scale, tmp_path):
    """4 is a deviation, a variance, or a variance whose root epsilon is added to."""
    config = {"name": "n", "batch_input_shape": [None, 1], "epsilon": 0.5, "mode": 0, "axis": -1}
    (tmp_path / "m.json").write_text(keras([("BatchNormalization", config)], version))
    np.savez(tmp_path / "w.npz", n_gamma=[3.0], n_beta=[1.0], n_running_mean=[2.0],
             n_running_std=[4.0])  # fmt: skip
    model = load(tmp_path / "m.json", weights=tmp_path / "w.npz", semantics=backend)
    x = np.array([[7.0]], np.float32)
    for target in TARGETS:
        y = model.compile(target).run(x)
        np.testing.assert_allclose(y, [[5 * scale * 3 + 1]], 1e-6)


def test_running_std_can_be_said():
    layer = {"type": "BatchNormalization", "epsilon": 0.5,
             "weights": [[1.0], [0.0], [0.0], [4.0]]}  # fmt: skip
    x = np.array([[9.0]])
    for said, wanted in [("variance", 9 / 4.5**0.5), ("root_variance", 9 / 2.5),
                         ("deviation", 2)]:  # fmt: skip
        assert_gives([layer], x, [[wanted]], semantics={"running_std": said})


def test_the_backend_of_1_0_6_and_1_0_7_is_asked_for():
    config = {"name": "n", "batch_input_shape": [None, 1], "epsilon": 1e-6, "mode": 0}
    for version, asked in [("1.0.5", ()), ("1.0.6", ("n",)), ("1.0.7", ("n",)), ("1.0.8", ())]:
        text = keras([("BatchNormalization", config)], version)
        model, _ = check(parse_document(text, "m.json"))
        assert model is not None
        assert model.undecided() == asked


def test_batch_statistics_warn_and_take_batches_of_32(rng):
    model = build([NORM | {"mode": 2, "name": "n"}], [5])
    assert [(d.code, d.layer) for d in model.diagnostics] == [("CS056", "n")]
    compiled = model.compile("cpu")
    assert compiled.batch_size == 32
    x = rng.standard_normal((50, 5)).astype(np.float32)
    y = compiled.run(x)
    for part in (slice(0, 32), slice(32, 50)):
        wanted = (x[part] - x[part].mean(0)) / np.sqrt(x[part].var(0) + 1e-3)
        np.testing.assert_allclose(y[part], wanted, 1e-4, 1e-5)
