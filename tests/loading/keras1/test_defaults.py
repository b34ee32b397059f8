"""What a Keras file leaves out takes the default of the release that wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.model import Model, check
from speccompiler.schemas.fields import Layer
from speccompiler.source.texts import parse_document

REQUIRED: dict[str, dict[str, Any]] = {
    "Convolution1D": {"nb_filter": 2, "filter_length": 3},
    "AtrousConvolution1D": {"nb_filter": 2, "filter_length": 3},
    "LocallyConnected1D": {"nb_filter": 2, "filter_length": 3},
    "Convolution2D": {"nb_filter": 2, "nb_row": 3, "nb_col": 3, "dim_ordering": "th"},
    "Dense": {"output_dim": 2},
}


def saved(
    kind: str, version: str | None, /, *shape: int, **config: Any
) -> tuple[Model, list[Diagnostic]]:
    config = {"name": "l", "batch_input_shape": [None, *shape], **REQUIRED.get(kind, {}), **config}
    file: dict[str, Any] = {
        "class_name": "Sequential",
        "config": [{"class_name": kind, "config": config}],
    }
    if version is not None:
        file["keras_version"] = version
    model, found = check(parse_document(json.dumps(file), "k.json"))
    assert model is not None, found
    return model, [d for d in found if "does not say" in d.message]


def layer(kind: str, version: str | None, /, *shape: int, **config: Any) -> Layer:
    return saved(kind, version, *shape, **config)[0].spec.layers[0]


@pytest.mark.parametrize(
    ("version", "init"),
    [
        (None, "uniform"), ("1.0.4", "uniform"), ("1.0.8", "uniform"), ("1.1.0", "uniform"),
        ("1.1.1", "uniform"), ("1.1.2", "glorot_uniform"), ("1.2.0", "glorot_uniform"),
        ("1.2.2", "glorot_uniform"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["Convolution1D", "AtrousConvolution1D", "LocallyConnected1D"])
def test_the_init_of_1d_layers(kind: str, version: str | None, init: str) -> None:
    assert layer(kind, version, 9, 4).init == init  # type: ignore[attr-defined]
    # What the file says counts, and what no release changed stays.
    assert layer(kind, version, 9, 4, init="zero").init == "zero"  # type: ignore[attr-defined]
    assert layer("Convolution2D", version, 3, 9, 9).init == "glorot_uniform"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("version", "epsilon", "momentum"),
    [
        (None, 1e-6, 0.9), ("1.0.4", 1e-6, 0.9), ("1.0.6", 1e-6, 0.9), ("1.0.7", 1e-6, 0.99),
        ("1.0.8", 1e-5, 0.99), ("1.1.2", 1e-5, 0.99), ("1.2.0", 1e-3, 0.99),
        ("1.2.2", 1e-3, 0.99),
    ],
)  # fmt: skip
def test_the_epsilon_of_normalisation(version: str | None, epsilon: float, momentum: float) -> None:
    model, notes = saved("BatchNormalization", version, 4)
    (read,) = model.spec.layers
    assert (read.epsilon, read.momentum) == (epsilon, momentum)  # type: ignore[attr-defined]
    writer = f"Keras {version}" if version else "this Keras (before 1.0.4)"
    assert [(d.code, d.severity, d.message, d.layer) for d in notes] == (
        []
        if epsilon == 1e-3
        else [
            ("CS053", "note", f"the file does not say epsilon of 'l': {writer} took {epsilon:g}, "
             "and so does this", "l")
        ]
    )  # fmt: skip
    model, notes = saved("BatchNormalization", version, 4, epsilon=0.25, momentum=0.5)
    (read,) = model.spec.layers
    assert (read.epsilon, read.momentum) == (0.25, 0.5)  # type: ignore[attr-defined]
    assert notes == []


@pytest.mark.parametrize(
    ("version", "bias"), [(None, -2.0), ("1.0.8", -2.0), ("1.1.2", -2.0), ("1.2.0", 1.0)]
)
def test_what_fills_the_carry_gate_of_a_highway(version: str | None, bias: float) -> None:
    assert layer("Highway", version, 4).transform_bias == bias  # type: ignore[attr-defined]


def test_a_wrapped_layer_has_its_defaults_too() -> None:
    inner = {"class_name": "BatchNormalization", "config": {"name": "b"}}
    model, (note,) = saved("TimeDistributed", "1.0.8", 3, 4, layer=inner)
    assert model.spec.layers[0].inner.epsilon == 1e-5  # type: ignore[attr-defined]
    assert note.layer == "l"


def test_a_native_spec_takes_the_defaults_of_its_page() -> None:
    layers = [
        {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3},
        {"type": "BatchNormalization"},
    ]
    text = json.dumps({"convspec": 1, "input_shape": [9, 4], "layers": layers})
    model, found = check(parse_document(text, "t.json"))
    assert model is not None
    assert found == ()
    conv, norm = model.spec.layers
    assert conv.init == "uniform"  # type: ignore[attr-defined]
    assert norm.epsilon == 1e-3  # type: ignore[attr-defined]
