"""A native spec means what the mirrored documentation says: names, order, defaults, shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from speccompiler.model import Model, check
from speccompiler.schemas.arguments import own_arguments
from speccompiler.schemas.registry import LAYERS
from speccompiler.source.texts import parse_document
from tests.documented_layers import (
    EXAMPLES,
    LEAST,
    ONLY_THEANO,
    REQUIRED,
    SAME_ONLY_TENSORFLOW,
    SIGNATURES,
    SPATIAL,
    Example,
    arguments,
    kernel_shape,
    new_length,
    rank,
)

layers = pytest.mark.parametrize("layer", SIGNATURES)
LENGTHS = (7, 8, 9)
LATER = {
    "Convolution1D": ("atrous_rate", "groups"),
    "Convolution2D": ("atrous_rate", "groups", "kernel_ordering"),
    "Convolution3D": ("atrous_rate", "groups", "kernel_ordering"),
    "UpSampling2D": ("interpolation",),
}
"""Arguments that only later releases of Keras have, or none."""


def native(layers: Sequence[Mapping[str, Any]], input_shape: Sequence[int], **header: Any) -> Model:
    """A model whose spec says no more than it is given."""
    spec = {"convspec": 1, "seed": 1, "input_shape": input_shape, **header, "layers": layers}
    model, found = check(parse_document(json.dumps(spec), "t.json"))
    assert model is not None, found
    return model


def sample_shape(layer: str, channels: int, ordering: str) -> tuple[int, ...]:
    lengths = LENGTHS[: rank(layer)]
    first = ordering == "th" and rank(layer) > 1
    return (channels, *lengths) if first else (*lengths, channels)


def test_the_documented_layers_are_all_there() -> None:
    kinds = ("Convolution", "MaxPooling", "AveragePooling", "UpSampling", "ZeroPadding")
    assert set(SIGNATURES) == {f"{kind}{axes}D" for kind in kinds for axes in (1, 2, 3)}
    assert SPATIAL.keys() == SIGNATURES.keys()


@layers
def test_the_arguments_in_their_order(layer: str) -> None:
    own = [a for a in own_arguments(LAYERS[layer]) if a not in LATER.get(layer, ())]
    assert own == list(arguments(layer))


@layers
def test_what_is_required(layer: str) -> None:
    required = {name for name, default in arguments(layer).items() if default is REQUIRED}
    fields = LAYERS[layer].model_fields
    assert {name for name in arguments(layer) if fields[name].is_required()} == required
    assert set(LEAST.get(layer, {})) == required


@layers
def test_a_default_is_the_documented_one(layer: str) -> None:
    """The layer without an argument, and with its documented default, are one."""
    shape = sample_shape(layer, 2, "th")
    given = {"type": layer, "name": "l", **LEAST.get(layer, {})}
    plain = native([given], shape).spec.layers[0]
    for name, default in arguments(layer).items():
        if default is REQUIRED:
            continue
        written = native([{**given, name: default}], shape).spec.layers[0]
        if name == "activation":
            assert (plain.activation, written.activation) == (None, "linear")
            continue
        assert written == plain, name
        assert json.dumps(getattr(plain, name)) == json.dumps(default), name


def test_a_layer_without_an_activation_changes_nothing() -> None:
    x = np.linspace(-3, 3, 8, dtype=np.float32).reshape(1, 4, 2)
    layer = {"type": "Convolution1D", "name": "c", "nb_filter": 2, "filter_length": 3}
    plain = native([layer], (4, 2)).compile(target="reference").run(x)
    linear = native([{**layer, "activation": "linear"}], (4, 2)).compile(target="reference").run(x)
    assert np.array_equal(plain, linear)


@pytest.mark.parametrize("ordering", ["th", "tf", None])
@layers
def test_the_shapes(layer: str, ordering: str | None) -> None:
    """Channels come after the samples in 'th', which is the default, and last in 'tf'."""
    effective = ordering or "th"
    header = {} if ordering is None else {"dim_ordering": ordering}
    shape = sample_shape(layer, 5, effective)
    defaults = arguments(layer) | LEAST.get(layer, {})
    for changed in SPATIAL[layer]:
        given = defaults | changed
        model = native([{"type": layer, **LEAST.get(layer, {}), **changed}], shape, **header)
        lengths = [new_length(layer, given, i, n) for i, n in enumerate(LENGTHS[: rank(layer)])]
        channels = given.get("nb_filter", 5)
        first = effective == "th" and rank(layer) > 1
        assert model.graph.nodes[-1].shape == (
            (channels, *lengths) if first else (*lengths, channels)
        )
        stored = [w.stored_shape for w in model.graph.weights()]
        if "nb_filter" in given:
            assert stored == [kernel_shape(layer, given, 5, effective), (channels,)]
        else:
            assert stored == []


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_the_examples(example: Example) -> None:
    model = native(example.layers, example.input_shape)
    report = model.shapes()
    assert [row.output_shape for row in report.layers] == list(example.outputs)
    assert report.parameters == example.parameters


def test_the_first_example_has_1792_parameters() -> None:
    image = EXAMPLES["image"]
    model = native(image.layers[:1], image.input_shape)
    assert model.shapes().parameters == 1792
    assert model.graph.nodes[-1].shape == (64, 256, 256)


def test_input_dim_and_input_length_are_short_for_the_input_shape() -> None:
    layer = {"type": "Convolution1D", "nb_filter": 64, "filter_length": 3, "border_mode": "same"}
    spec = {"convspec": 1, "seed": 1, "layers": [{**layer, "input_dim": 128, "input_length": 10}]}
    model, found = check(parse_document(json.dumps(spec), "t.json"))
    assert model is not None, found
    assert model.spec.inputs[0].shape == (10, 128)
    assert model.graph.nodes[-1].shape == (10, 64)


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("layer", sorted({*ONLY_THEANO, *SAME_ONLY_TENSORFLOW}))
def test_what_one_backend_lacked_runs_under_both(
    layer: str, semantics: str, ordering: str, rng: np.random.Generator
) -> None:
    shape = sample_shape(layer, 2, ordering)
    same = {"border_mode": "same"} if layer in SAME_ONLY_TENSORFLOW else {}
    given = {"type": layer, **LEAST.get(layer, {}), **same}
    model = native([given], shape, semantics=semantics, dim_ordering=ordering)
    y = model.compile(target="reference").run(rng.normal(size=(2, *shape)).astype(np.float32))
    assert y.shape == (2, *model.graph.nodes[-1].shape)
    assert np.isfinite(y).all()


def test_a_3d_subsample_is_a_slice_of_the_dense_result(rng: np.random.Generator) -> None:
    """The note of Convolution3D: its strides were made by slicing."""
    shape = (2, *LENGTHS)
    given = {"type": "Convolution3D", "name": "c", **LEAST["Convolution3D"]}
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    dense = native([given], shape).compile(target="reference").run(x)
    strided = native([{**given, "subsample": [2, 3, 1]}], shape).compile(target="reference").run(x)
    np.testing.assert_allclose(strided, dense[:, :, ::2, ::3], rtol=1e-6)
