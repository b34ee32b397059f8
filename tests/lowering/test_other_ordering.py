"""What fits only, or rather, the other dim_ordering is told the one line that mends it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.graph.dims import symbol
from speccompiler.graph.shapes import format_shape
from speccompiler.model import Model, check
from speccompiler.source.texts import parse_document

SAME = {"type": "Convolution2D", "name": "c", "nb_filter": 4, "nb_row": 3, "nb_col": 3,
        "border_mode": "same"}  # fmt: skip
VALID = {**SAME, "border_mode": "valid"}
VOLUME = {"type": "MaxPooling3D", "name": "p", "border_mode": "same"}
FLATTEN = {"type": "Flatten", "name": "f"}


def checked(
    shape: list[int | None], *layers: dict[str, Any], weights: Path | None = None, **header: Any
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    spec = {"convspec": 1, **header, "input_shape": shape, "layers": layers}
    return check(parse_document(json.dumps(spec), "t.json"), weights=weights)


@pytest.mark.parametrize(
    ("shape", "layers", "axes"),
    [
        ([224, 224, 3], [SAME], ("(channels, rows, columns)", "(rows, columns, channels)")),
        ([28, 28, 1], [{"type": "Activation", "activation": "relu"}, SAME],
         ("(channels, rows, columns)", "(rows, columns, channels)")),
        ([64, 48, 4], [{"type": "MaxPooling2D", "border_mode": "same"}],
         ("(channels, rows, columns)", "(rows, columns, channels)")),
        ([16, 112, 112, 3], [VOLUME],
         ("(channels, dim1, dim2, dim3)", "(dim1, dim2, dim3, channels)")),
    ],
)  # fmt: skip
def test_a_picture_with_its_channels_last(
    shape: list[int | None], layers: list[dict[str, Any]], axes: tuple[str, str]
) -> None:
    model, (found,) = checked(shape, *layers)
    assert model is not None
    assert model.diagnostics == (found,)
    assert (found.code, found.severity) == ("CS039", "warning")
    assert found.message == (
        f"{shape} is read as {axes[0]}, in the ordering 'th', and looks like {axes[1]}"
    )
    assert found.hint == (
        "write dim_ordering: tf at the top of the spec; "
        "dim_ordering: th in the layer itself confirms what is read now"
    )
    # Each of the two lines silences it.
    assert checked(shape, *layers, dim_ordering="tf")[1] == ()
    confirmed = [
        {**layer, "dim_ordering": "th"} if layer["type"].endswith("D") else layer
        for layer in layers
    ]
    assert checked(shape, *confirmed)[1] == ()


def test_a_time_distributed_layer_reads_pictures_too() -> None:
    layer = {"type": "TimeDistributed", "name": "t", "layer": {**SAME, "name": "inner"}}
    _, (found,) = checked([5, 32, 32, 3], layer)
    assert found.message.startswith("[32, 32, 3] is read as (channels, rows, columns)")
    assert found.hint is not None
    assert found.hint.startswith("write dim_ordering: tf")


def test_what_the_spec_says_is_doubted_only_where_it_is_square() -> None:
    _, (found,) = checked([3, 224, 224], SAME, dim_ordering="tf")
    assert found.code == "CS039"
    assert found.hint == (
        "write dim_ordering: th at the top of the spec; "
        "dim_ordering: tf in the layer itself confirms what is read now"
    )
    # A layer that says it for itself is taken at its word.
    assert checked([3, 224, 224], {**SAME, "dim_ordering": "tf"})[1] == ()
    assert checked([3, 224, 200], SAME, dim_ordering="tf")[1] == ()


@pytest.mark.parametrize(
    ("shape", "header"),
    [
        ([3, 224, 224], {}),  # as documented
        ([1, 28, 28], {}),
        ([64, 20, 20], {}),  # feature maps
        ([3, 4, 4], {}),
        ([3, 3, 3], {}),
        ([4, 40, 3], {}),  # few on both sides: th, as it says
        ([1, 100, 64], {"dim_ordering": "tf"}),  # a text of one row
        ([300, 100, 1], {"dim_ordering": "th"}),  # one column of 300 channels
        ([28, 28, 1], {"dim_ordering": "th"}),
        ([256, 14, 14], {"dim_ordering": "th"}),
        ([224, 224, 3], {"dim_ordering": "tf"}),
        ([3, None, None], {}),
    ],
)
def test_right_specs_are_told_nothing(shape: list[int | None], header: dict[str, Any]) -> None:
    model, found = checked(shape, SAME, **header)
    assert model is not None
    assert found == ()


def test_steps_and_flat_values_have_no_ordering() -> None:
    steps = {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3}
    assert checked([100, 3], steps)[1] == ()
    assert checked([224, 224, 3], FLATTEN, {"type": "Dense", "output_dim": 2})[1] == ()


@pytest.mark.parametrize(
    ("code", "shape", "layers"),
    [
        ("CS044", [28, 28, 1], [VALID]),
        ("CS044", [224, 224, 3], [VALID, VALID]),  # a later layer
        ("CS045", [None, None, 3], [SAME]),
        ("CS046", [8, 8, 3], [SAME, {"type": "Reshape", "target_shape": [8, 8, 4]},
                              {"type": "Reshape", "target_shape": [256]}]),
        ("CS044", [16, 20, 20, 1], [{**VOLUME, "border_mode": "valid"}]),
    ],
)  # fmt: skip
def test_the_error_of_what_fits_only_the_other(
    code: str, shape: list[int | None], layers: list[dict[str, Any]]
) -> None:
    unnamed = [{k: v for k, v in layer.items() if k != "name"} for layer in layers]
    model, found = checked(shape, *unnamed, dim_ordering="th")
    assert model is None
    assert [d.code for d in found] == [code]
    assert found[0].hint == (
        "write dim_ordering: tf at the top of the spec: with it everything fits"
    )
    assert checked(shape, *unnamed, dim_ordering="tf")[0] is not None
    # A spec that says no ordering is read in the one that it fits.
    model, found = checked(shape, *unnamed)
    assert model is not None
    assert model.diagnostics == found
    assert [d.code for d in found] == ["CS039"]
    assert found[0].message == (
        "the spec says no dim_ordering, and is read in the ordering 'tf': in 'th', the "
        "documented default, it does not fit"
    )
    assert found[0].hint == "write dim_ordering: tf at the top of the spec"
    assert format_shape(model.graph.inputs[0].shape) == _named(shape)


def _named(shape: list[int | None]) -> str:
    """A shape of 'tf': open lengths are called by their axes."""
    return format_shape(tuple(n or symbol(name) for n, name in zip(shape, "HWC_", strict=False)))


def test_what_fits_neither_keeps_its_own_hint() -> None:
    _, (found,) = checked([9, 9, 3], {**VALID, "nb_row": 12})
    assert found.hint == "use a smaller window, border_mode 'same', or a larger input"


def test_the_weights_decide(tmp_path: Path) -> None:
    last, first = tmp_path / "last.npz", tmp_path / "first.npz"
    np.savez(last, **{"c/W": np.zeros((3, 3, 3, 4), "f4"), "c/b": np.zeros(4, "f4")})
    np.savez(first, **{"c/W": np.zeros((4, 24, 3, 3), "f4"), "c/b": np.zeros(4, "f4")})
    # Read as 24 channels of 24 x 3, kernels of 3 channels do not fit; in 'tf' they do.
    model, (found,) = checked([24, 24, 3], SAME, weights=last)
    assert model is not None
    assert found.message == (
        "the spec says no dim_ordering, and is read in the ordering 'tf': in 'th', the "
        "documented default, the weights do not fit"
    )
    model, (found,) = checked([24, 24, 3], SAME, weights=last, dim_ordering="th")
    assert model is None
    assert found.code == "CS106"
    assert found.message == "wrong shapes: c/W is stored as (3, 3, 3, 4), expected (4, 24, 3, 3)"
    assert found.hint == (
        "the weights are stored as dim_ordering 'tf' has them: "
        "write dim_ordering: tf at the top of the spec"
    )
    assert checked([24, 24, 3], SAME, weights=last, dim_ordering="tf")[1] == ()
    # Kernels of 24 channels say that it is read rightly, whatever it looks like.
    assert checked([24, 24, 3], SAME, weights=first)[1] == ()
    # Kernels of 'th' beside a shape that has its channels last.
    three = tmp_path / "three.npz"
    np.savez(three, **{"c/W": np.zeros((4, 3, 3, 3), "f4"), "c/b": np.zeros(4, "f4")})
    _, (found,) = checked([24, 20, 3], SAME, weights=three)
    assert found.hint == (
        "channels come first, and the weights fit then: write input_shape: [3, 24, 20]"
    )
    assert checked([3, 24, 20], SAME, weights=three)[1] == ()
    # The kernels are of the other ordering, and so is not the input: no line mends it.
    _, (found,) = checked([3, 24, 24], SAME, weights=last)
    assert found.hint is not None
    assert found.hint.startswith("this looks like a kernel in the other dim_ordering")


def test_a_keyword_is_named_where_it_decided() -> None:
    spec = {"convspec": 1, "input_shape": [28, 28, 1], "layers": [VALID]}
    document = parse_document(json.dumps(spec), "t.json")
    assert check(document, dim_ordering="tf")[0] is not None
    _, (found,) = check(document, dim_ordering="th")
    assert found.hint == "pass --dim-ordering tf: with it everything fits"


def test_a_keras_file_is_told_the_option() -> None:
    config = [
        {"class_name": "ZeroPadding2D", "config": {"batch_input_shape": [None, 3, 32, 32]}},
        {"class_name": "UpSampling2D", "config": {}},
    ]
    text = json.dumps({"class_name": "Sequential", "keras_version": "1.2.2", "config": config})
    _, (found,) = check(parse_document(text, "k.json"), dim_ordering="tf")
    assert found.code == "CS039"
    assert found.hint is not None
    assert found.hint.startswith("pass --dim-ordering th; ")
    assert check(parse_document(text, "k.json"), dim_ordering="th")[1] == ()


@pytest.mark.parametrize(
    ("shape", "header", "named"),
    [
        ([3, None, None], {}, "(3, H, W)"),
        ([None, None, 3], {"dim_ordering": "tf"}, "(H, W, 3)"),
    ],
)
def test_open_lengths_are_called_what_they_are(
    shape: list[int | None], header: dict[str, Any], named: str
) -> None:
    model, _ = checked(shape, SAME, **header)
    assert model is not None
    assert format_shape(model.graph.inputs[0].shape) == named
    steps, _ = checked([None, *shape], {"type": "TimeDistributed", "layer": SAME}, **header)
    assert steps is not None
    assert format_shape(steps.graph.inputs[0].shape) == f"(T, {named[1:]}"
