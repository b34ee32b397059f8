"""The other dim_ordering: the same numbers, or a refusal; and what the notes say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.convert.conversion import convert
from speccompiler.diagnostics.core import SpecError
from tests.cases import build
from tests.convert.conversions import (
    DENSE,
    FLATTEN,
    POOL,
    SINGLE,
    TO_IMAGE,
    WHOLE,
    arrays,
    assert_same,
    cases,
    expected,
    image,
    loaded,
    moved,
    refusal,
    results,
    written,
)


@pytest.mark.parametrize("folder", cases(WHOLE + SINGLE))
def test_the_other_ordering_gives_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    model = loaded(folder)
    orderings = {o for layer in model.spec.layers if (o := getattr(layer, "dim_ordering", None))}
    if len(orderings) != 1:
        pytest.skip("no layer has an ordering")
    here = orderings.pop()
    other: Any = "th" if here == "tf" else "tf"
    refused = refusal(model, dim_ordering=other)
    if refused is not None:
        assert {d.code for d in refused} == {"CS151"}
        return
    native = written(model, tmp_path, dim_ordering=other)
    inputs = arrays(folder, "input")
    found = results(native, [moved(x, other) for x in inputs])
    assert_same([moved(y, here) for y in found], expected(folder, model))
    back = written(native, tmp_path, dim_ordering=here)
    assert_same(results(back, inputs), expected(folder, model))
    stored = {(w.layer, w.tensor): a for w, a in back.weight_sources.read().items()}
    for weight, array in model.weight_sources.read().items():
        assert np.array_equal(stored[weight.layer, weight.tensor], array)


@pytest.mark.parametrize(
    ("layers", "shape", "added"),
    [
        # A segmentation's end: a class and a pixel are the axes of the softmax.
        ([image("c"), {"type": "Reshape", "name": "r", "target_shape": [3, -1]},
          {"type": "Permute", "name": "p", "dims": [2, 1]},
          {"type": "Activation", "name": "s", "activation": "softmax"}],
         [2, 4, 5], {"c_restored": (3, 1, 2)}),
        # A generator's beginning.
        ([{**DENSE, "output_dim": 40}, TO_IMAGE, image("c"), POOL],
         [6], {"r_moved": (2, 3, 1)}),
        # An input that no layer takes as an image goes in as before.
        ([TO_IMAGE, image("c"), POOL], [5, 4, 2], {"r_moved": (2, 3, 1)}),
        ([image("c"), DENSE, image("e"), POOL],
         [2, 4, 5], {"c_restored": (3, 1, 2), "d_moved": (2, 3, 1)}),
        ([image("c"), {"type": "BatchNormalization", "name": "b", "mode": 1}, image("e"), POOL],
         [2, 4, 5], {"c_restored": (3, 1, 2), "b_moved": (2, 3, 1)}),
        # One Permute for each value, however many read it.
        ([image("c"), {**TO_IMAGE, "target_shape": [3, 4, 5]}, {**DENSE, "inputs": "c"},
          {**DENSE, "name": "e", "inputs": "c"},
          {"type": "Merge", "name": "n", "mode": "dot", "inputs": ["d", "e"]},
          {"type": "Merge", "name": "m", "mode": "concat", "concat_axis": 1,
           "inputs": ["c", "r"]}, image("h"), POOL,
          {"type": "Flatten", "name": "f", "inputs": "n"},
          {"type": "Merge", "name": "o", "mode": "concat", "inputs": ["g", "f"]}],
         [2, 4, 5], {"c_restored": (3, 1, 2), "r_moved": (2, 3, 1)}),
        # Flat values that more than a Dense reads keep their order.
        ([image("c"), FLATTEN], [2, 4, 5], {"c_restored": (3, 1, 2)}),
        ([image("c"), FLATTEN, {"type": "RepeatVector", "name": "r", "n": 2}],
         [2, 4, 5], {"c_restored": (3, 1, 2)}),
        ([image("c"), FLATTEN, {**DENSE, "type": "MaxoutDense", "output_dim": 40}, TO_IMAGE,
          image("e"), POOL],
         [2, 4, 5], {"c_restored": (3, 1, 2), "r_moved": (2, 3, 1)}),
        # The name is taken.
        ([image("c"), {**FLATTEN, "name": "c_restored"}],
         [2, 4, 5], {"c_restored_": (3, 1, 2)}),
    ],
)  # fmt: skip
def test_what_reads_values_by_place_reads_them_as_before(
    layers: Any, shape: list[int], added: dict[str, Any], tmp_path: Path
) -> None:
    theano: Any = {"dim_ordering": "th", "semantics": "theano"}
    if any(layer.get("mode") == "dot" for layer in layers):
        layers = [{**x, "dot_axes": 1} if x.get("mode") == "dot" else x for x in layers]
    model = build(layers, shape, seed=1, **theano)
    native = written(model, tmp_path, dim_ordering="tf")
    names = {layer.name for layer in model.spec.layers}
    found = {x.name: getattr(x, "dims", None) for x in native.spec.layers if x.name not in names}
    assert found == added
    kept = layers[0] is TO_IMAGE
    x = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    wanted = results(model, [x])
    assert_same(results(native, [x if kept else moved(x, "tf")]), wanted)
    note = "No layer takes r as an image: it goes in as before."
    assert (note in (tmp_path / "m.yaml").read_text()) == kept
    assert_same(results(written(native, tmp_path, dim_ordering="th"), [x]), wanted)


@pytest.mark.parametrize(
    ("layers", "inputs", "outputs"),
    [([image("c")], False, False), ([image("c"), DENSE], False, True),
     ([{**DENSE, "output_dim": 5}, image("c")], True, False)],
)  # fmt: skip
def test_notes_say_what_keeps_its_layout(layers: Any, inputs: bool, outputs: bool) -> None:
    """A shape alone does not tell: that of a cube is the same when its channels have moved."""
    notes = convert(build(layers, [5, 5, 5], dim_ordering="th"), dim_ordering="tf").notes
    assert ("No layer takes d as an image: it goes in as before." in notes) == inputs
    assert ("No image any more, and so as before: what d gives." in notes) == outputs
    assert any("as before" in note for note in notes[1:2]) == (inputs or outputs)


def test_open_lengths_are_no_hindrance(tmp_path: Path) -> None:
    """The order of the flat values is not known, so that they are left in it."""
    layers = [image("c"), {"type": "MaxPooling2D", "name": "p"}, FLATTEN]
    native = written(build(layers, [2, None, 5], dim_ordering="th", seed=1), tmp_path,
                     dim_ordering="tf")  # fmt: skip
    assert [layer.name for layer in native.spec.layers] == ["c", "p", "p_restored", "f"]


def each(layer: dict[str, Any], name: str) -> dict[str, Any]:
    return {"type": "TimeDistributed", "name": name, "layer": layer}


def film(name: str, **others: Any) -> dict[str, Any]:
    return {**image(name), "type": "ConvLSTM2D", **others}


ALL = {"return_sequences": True}
POOLED = [
    each(image("e"), "t"),
    each({"type": "MaxPooling2D"}, "p"),
    each({"type": "Flatten"}, "f"),
]
SCANNED = {"type": "LSTM", "name": "s", "output_dim": 3}


@pytest.mark.parametrize(
    ("layers", "added"),
    [
        # The rows of what multiplies a step's values follow the order of these.
        ([*POOLED, SCANNED], {}),
        ([*POOLED, each(DENSE, "d"), SCANNED], {}),
        ([*POOLED, {"type": "Bidirectional", "name": "b", "layer": {
            "type": "GRU", "output_dim": 2, "consume_less": "gpu"}}], {}),
        ([*POOLED, {"type": "PReLU", "name": "r"}, SCANNED], {"p_restored": (1, 4, 2, 3)}),
        ([each(image("e"), "t"), each({"type": "BatchNormalization", "axis": 1}, "n"),
          each({"type": "GlobalAveragePooling2D"}, "g"), SCANNED], {}),
        ([film("a", **ALL), {"type": "BatchNormalization", "name": "n", "axis": 2},
          {"type": "Dropout", "name": "o", "p": 0.5}, film("b"), FLATTEN, DENSE], {}),
        ([film("a", **ALL), film("b", inputs="a", **ALL),
          {"type": "Merge", "name": "m", "mode": "concat", "concat_axis": 2, "inputs": ["a", "b"]},
          film("c"), FLATTEN, DENSE], {}),
        # A volume has its channels in front of the steps.
        ([film("a", **ALL), {"type": "PReLU", "name": "r"},
          {"type": "Convolution3D", "name": "c", "nb_filter": 2, "kernel_dim1": 1,
           "kernel_dim2": 2, "kernel_dim3": 2}, FLATTEN, DENSE],
         {"a_restored": (1, 4, 2, 3), "r_moved": (2, 3, 4, 1)}),
        ([{"type": "Bidirectional", "name": "b", "layer": film("a")}, FLATTEN, DENSE], {}),
    ],
)  # fmt: skip
def test_images_in_steps_move_their_own_channels(
    layers: Any, added: dict[str, Any], tmp_path: Path
) -> None:
    model = build(layers, [3, 2, 4, 5], seed=1, dim_ordering="th", semantics="theano")
    native = written(model, tmp_path, dim_ordering="tf")
    names = {layer.name for layer in model.spec.layers}
    found = {x.name: getattr(x, "dims", None) for x in native.spec.layers if x.name not in names}
    assert found == added
    x = np.random.default_rng(0).standard_normal((2, 3, 2, 4, 5)).astype(np.float32)
    kept = layers[0]["type"] == "Bidirectional"
    turned = x if kept else x.transpose(0, 1, 3, 4, 2)
    assert native.spec.inputs[0].shape == turned.shape[1:]
    wanted = results(model, [x])[0]
    assert_same(results(native, [turned])[:1], [wanted])
    assert_same(results(written(native, tmp_path, dim_ordering="th"), [x])[:1], [wanted])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([image("c"), {"type": "Reshape", "name": "r", "target_shape": [3, 5, 2]},
          {"type": "Permute", "name": "p", "dims": [1, 3, 2], "inputs": "c"},
          {"type": "Shared", "layer": "p", "inputs": "r"},
          {"type": "Merge", "name": "m", "inputs": ["p", "p@2"]}],
         "its calls would need different arguments"),
    ],
)  # fmt: skip
def test_what_has_no_equal_is_refused(layers: Any, message: str) -> None:
    model = build(layers, [4, 5, 2], dim_ordering="th")
    with pytest.raises(SpecError) as caught:
        convert(model, dim_ordering="tf")
    assert [d.message for d in caught.value.diagnostics] == [message]
    assert {d.code for d in caught.value.diagnostics} == {"CS151"}
