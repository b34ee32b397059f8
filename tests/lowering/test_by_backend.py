"""What nothing decides is found by lowering a model once by each backend."""

from __future__ import annotations

from speccompiler.convert.conversion import convert
from speccompiler.lowering import by_backend as module
from tests.models import checked, keras, refusal

CONVOLUTION = {"nb_filter": 2, "filter_length": 3, "batch_input_shape": [None, 9, 2]}


def test_a_model_is_lowered_once_by_each_backend(monkeypatch):
    lowered = []
    lower = module.lower
    monkeypatch.setattr(module, "lower", lambda *given: lowered.append(given) or lower(*given))
    model, _ = checked(keras(("Convolution1D", CONVOLUTION)), seed=1)
    assert model is not None
    assert lowered == []
    assert model.undecided() == ("convolution1d_1",)
    finding = model.undecided_finding()
    for ask in (lambda: model.compile("reference"), model.plan, lambda: convert(model)):
        assert refusal(ask) == finding
    assert len(lowered) == 2


def test_other_shapes_are_lowered_for_themselves(monkeypatch):
    lowered = []
    lower = module.lower
    open_length = {**CONVOLUTION, "batch_input_shape": [None, None, 2]}
    model, _ = checked(keras(("Convolution1D", open_length)), seed=1)
    assert model is not None
    monkeypatch.setattr(module, "lower", lambda *given: lowered.append(given) or lower(*given))
    assert refusal(lambda: model.compile("reference", input_shape=(9, 2))).code == "CS050"
    assert refusal(lambda: model.compile("reference")).code == "CS050"
    assert len(lowered) == 4
