"""NaN, infinities and -0 by Keras's formulas, on the CPU and by the reference."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.kernels.cpu import convolution
from speccompiler.kernels.cpu.runtime import executor
from tests.cases import build
from tests.special_values import INF, LAWS, NAN, Law, check, model_of


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_laws(law: Law, semantics: str, target: str) -> None:
    model, x = model_of(law, semantics)
    check(model.compile(target).run(x[0] if len(x) == 1 else x), law, semantics)


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize(
    ("layer", "kernel"),
    [
        ({"type": "Dense", "output_dim": 20}, "matmul"),
        ({"type": "Convolution1D", "nb_filter": 20, "filter_length": 2}, "conv"),
    ],
)
def test_relu_in_registers(layer, kernel, semantics, lanes, monkeypatch):
    """A sum of -infinity, in every product; a NaN; and sums of the other values."""
    monkeypatch.setattr(convolution, "SMALL", 0)
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    one = {**layer, "init": "one", "activation": "relu"}
    shape = (9, 17) if kernel == "conv" else (17,)
    model = build([one], shape, seed=1, semantics=semantics)
    x = np.full((4, *shape), -1, np.float32)
    x[0, ..., 3], x[1, ..., 5], x[2, ..., 7] = -INF, NAN, INF
    compiled = model.compile("cpu", math="precise")
    assert [step.kernel for step in compiled.plan.steps] == [kernel]
    y, judge = compiled.run(x), model.compile("reference").run(x)
    assert np.array_equal(y, judge, equal_nan=True)
    below = NAN if semantics == "theano" else 0.0
    np.testing.assert_array_equal(y.reshape(4, -1)[:, 0], [below, NAN, INF, 0.0])


@pytest.mark.parametrize("mode", ["Max", "Average"])
def test_padding_is_no_value(mode):
    """The last window of 'same' holds one value: an infinity or a NaN alone."""
    layer = {"type": f"{mode}Pooling1D", "border_mode": "same"}
    x = np.array([[1, 3, -INF], [1, 3, NAN], [1, 3, INF]], np.float32)[..., None]
    for target in ("reference", "cpu"):
        y = build([layer], (3, 1)).compile(target).run(x)
        np.testing.assert_array_equal(y[:, 1, 0], [-INF, NAN, INF])


def test_infinities_ask_nobody_for_a_backend():
    """Where the backends differ in these alone, a file need not say which it was."""
    from speccompiler.lowering.by_backend import both_backends
    from speccompiler.lowering.lower import lower
    from speccompiler.lowering.semantics import Semantics

    model = build([{"type": "Activation", "activation": "relu"}, {"type": "PReLU"}], (3,), seed=1)
    one, other = (lower(model.spec, s).graph for s in both_backends(model.spec))
    assert one == other
    theano = model.spec.semantics.model_copy(update={"profile": "theano"})
    assert lower(model.spec, Semantics.of(theano, model.spec)).graph != one
