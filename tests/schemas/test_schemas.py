"""What a spec may say: Keras's arguments and defaults, strictly, and the same in JSON Schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic import ValidationError

from speccompiler.cli.main import run
from speccompiler.model import check
from speccompiler.schemas.constraint import MaxNorm, MinMaxNorm, NonNeg, UnitNorm, constraint_object
from speccompiler.schemas.jsonschema import native_schema
from speccompiler.schemas.model import ModelHeader
from speccompiler.schemas.registry import LAYERS, OTHER_KERAS_LAYERS, aliases
from speccompiler.schemas.regularizer import regularizer_object
from speccompiler.schemas.weights import MAX_INLINE
from speccompiler.source.files import read_document
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import to_data
from tests.completeness import assert_rows
from tests.places import ROOT

# --- the arguments of Keras 1.2.2, and what they are when nobody says

REQUIRED = object()
COMMON = {
    "name": None,
    "trainable": True,
    "input_shape": None,
    "batch_input_shape": None,
    "input_dtype": None,
}
KERNEL = {
    "init": "glorot_uniform",
    "activation": None,
    "weights": None,
    "W_regularizer": None,
    "b_regularizer": None,
    "activity_regularizer": None,
    "W_constraint": None,
    "b_constraint": None,
    "bias": True,
}
CONVOLUTION = {**KERNEL, "nb_filter": REQUIRED, "border_mode": "valid"}
SCALED = {
    "epsilon": 1e-3,
    "scale": True,
    "center": True,
    "weights": None,
    "beta_init": "zero",
    "gamma_init": "one",
    "gamma_regularizer": None,
    "beta_regularizer": None,
    "gamma_constraint": None,
    "beta_constraint": None,
}
POOLING_1D = {"pool_length": 2, "stride": None, "border_mode": "valid"}


STEPPING = {
    "init": "glorot_uniform",
    "inner_init": "orthogonal",
    "activation": "tanh",
    "weights": None,
    "W_regularizer": None,
    "U_regularizer": None,
    "b_regularizer": None,
    "dropout_W": 0.0,
    "dropout_U": 0.0,
    "return_sequences": False,
    "go_backwards": False,
    "stateful": False,
    # Keras 2's use_bias, and an argument of Keras 3
    "bias": True,
    "zero_output_for_mask": False,
}
RECURRENT = {
    **STEPPING,
    "output_dim": REQUIRED,
    "unroll": False,
    "consume_less": "cpu",
    "input_dim": None,
    "input_length": None,
}
GATED = {"inner_activation": "hard_sigmoid"}


def pooling(rank: int) -> dict[str, Any]:
    size = (2,) * rank
    return {
        "pool_size": size,
        "strides": None,
        "border_mode": "valid",
        "dim_ordering": "default",
    }


ARGUMENTS: dict[str, dict[str, Any]] = {
    "Convolution1D": {
        **CONVOLUTION,
        "init": "uniform",
        "filter_length": REQUIRED,
        "subsample_length": 1,
        "atrous_rate": 1,
        "groups": 1,
        "input_dim": None,
        "input_length": None,
    },
    "Convolution2D": {
        **CONVOLUTION,
        "nb_row": REQUIRED,
        "nb_col": REQUIRED,
        "subsample": (1, 1),
        "atrous_rate": (1, 1),
        "groups": 1,
        "dim_ordering": "default",
        "kernel_ordering": "default",
    },
    "Convolution3D": {
        **CONVOLUTION,
        "kernel_dim1": REQUIRED,
        "kernel_dim2": REQUIRED,
        "kernel_dim3": REQUIRED,
        "subsample": (1, 1, 1),
        "atrous_rate": (1, 1, 1),
        "groups": 1,
        "dim_ordering": "default",
        "kernel_ordering": "default",
    },
    "MaxPooling1D": POOLING_1D,
    "MaxPooling2D": pooling(2),
    "MaxPooling3D": pooling(3),
    "AveragePooling1D": POOLING_1D,
    "AveragePooling2D": pooling(2),
    "AveragePooling3D": pooling(3),
    "UpSampling1D": {"length": 2},
    "UpSampling2D": {"size": (2, 2), "interpolation": "nearest", "dim_ordering": "default"},
    "UpSampling3D": {"size": (2, 2, 2), "dim_ordering": "default"},
    "ZeroPadding1D": {"padding": 1},
    "ZeroPadding2D": {"padding": (1, 1), "dim_ordering": "default"},
    "ZeroPadding3D": {"padding": (1, 1, 1), "dim_ordering": "default"},
    "InputLayer": {"sparse": False},
    "Activation": {"activation": REQUIRED},
    "Dropout": {"p": REQUIRED, "noise_shape": None, "seed": None},
    "Flatten": {"channels_first": False},
    "Reshape": {"target_shape": REQUIRED},
    "Dense": {**KERNEL, "output_dim": REQUIRED, "input_dim": None},
    "Merge": {
        "mode": "sum",
        "mode_type": "raw",
        "concat_axis": -1,
        "dot_axes": -1,
        "normalize": False,
        "broadcast": False,
        "output_shape": None,
        "output_shape_type": "raw",
        "output_mask": None,
        "output_mask_type": "raw",
        "arguments": {},
    },
    "Cropping1D": {"cropping": (1, 1)},
    "Cropping2D": {"cropping": ((0, 0), (0, 0)), "dim_ordering": "default"},
    "Cropping3D": {"cropping": ((1, 1), (1, 1), (1, 1)), "dim_ordering": "default"},
    "GlobalMaxPooling1D": {"keepdims": False},
    "GlobalMaxPooling2D": {"keepdims": False, "dim_ordering": "default"},
    "GlobalMaxPooling3D": {"keepdims": False, "dim_ordering": "default"},
    "GlobalAveragePooling1D": {"keepdims": False},
    "GlobalAveragePooling2D": {"keepdims": False, "dim_ordering": "default"},
    "GlobalAveragePooling3D": {"keepdims": False, "dim_ordering": "default"},
    "Embedding": {
        "input_dim": REQUIRED,
        "output_dim": REQUIRED,
        "init": "uniform",
        "input_length": None,
        "weights": None,
        "W_regularizer": None,
        "activity_regularizer": None,
        "W_constraint": None,
        "mask_zero": False,
        "dropout": 0.0,
    },
    "Slice": {
        "axis": REQUIRED,
        "start": (None,),
        "stop": (None,),
        "step": (1,),
        "squeeze": False,
    },
    "Reduce": {"axis": REQUIRED, "mode": "sum", "keepdims": False},
    "Resize": {
        "size": None,
        "factor": (2, 2),
        "interpolation": "bilinear",
        "align_corners": False,
        "half_pixel": False,
        "dim_ordering": "default",
    },
    "LRN2D": {"alpha": 1e-4, "k": 2.0, "beta": 0.75, "n": 5, "dim_ordering": "default"},
    "Masking": {"mask_value": 0.0},
    "ActivityRegularization": {"l1": 0.0, "l2": 0.0},
    # transform_bias was taken until 1.1 (default -2); 1.2 fills b_carry with 1.
    "Highway": {**KERNEL, "input_dim": None, "transform_bias": 1.0},
    "MaxoutDense": {
        **{name: default for name, default in KERNEL.items() if name != "activation"},
        "output_dim": REQUIRED,
        "nb_feature": 4,
        "input_dim": None,
    },
    "TimeDistributedDense": {
        **KERNEL,
        "output_dim": REQUIRED,
        "input_dim": None,
        "input_length": None,
    },
    "TimeDistributed": {"layer": REQUIRED},
    "SimpleRNN": RECURRENT,
    "LSTM": {**RECURRENT, **GATED, "forget_bias_init": "one"},
    # reset_after is Keras 2's.
    "GRU": {**RECURRENT, **GATED, "reset_after": False},
    "Bidirectional": {"layer": REQUIRED, "merge_mode": "concat", "weights": None},
    "ConvLSTM2D": {
        **STEPPING,
        **GATED,
        "forget_bias_init": "one",
        "nb_filter": REQUIRED,
        "nb_row": REQUIRED,
        "nb_col": REQUIRED,
        "border_mode": "valid",
        "subsample": (1, 1),
        "dim_ordering": "default",
        "fused": False,
        "atrous_rate": (1, 1),
    },
    "Pick": {"index": REQUIRED},
    "State": {"index": 0},
    "Permute": {"dims": REQUIRED},
    "RepeatVector": {"n": REQUIRED},
    "SpatialDropout1D": {"p": REQUIRED},
    "SpatialDropout2D": {"p": REQUIRED, "dim_ordering": "default"},
    "SpatialDropout3D": {"p": REQUIRED, "dim_ordering": "default"},
    "GaussianDropout": {"p": REQUIRED},
    "GaussianNoise": {"sigma": REQUIRED},
    "LeakyReLU": {"alpha": 0.3},
    "ELU": {"alpha": 1.0},
    "ThresholdedReLU": {"theta": 1.0},
    "PReLU": {"init": "zero", "weights": None, "shared_axes": None},
    "ParametricSoftplus": {
        "alpha_init": 0.2,
        "beta_init": 5.0,
        "weights": None,
        "shared_axes": None,
    },
    "SReLU": {
        "t_left_init": "zero",
        "a_left_init": "glorot_uniform",
        "t_right_init": "glorot_uniform",
        "a_right_init": "one",
        "shared_axes": None,
        "weights": None,
    },
    "AtrousConvolution1D": {
        **CONVOLUTION,
        "filter_length": REQUIRED,
        "subsample_length": 1,
        "atrous_rate": 1,
        "input_dim": None,
        "input_length": None,
    },
    "AtrousConvolution2D": {
        **CONVOLUTION,
        "nb_row": REQUIRED,
        "nb_col": REQUIRED,
        "subsample": (1, 1),
        "atrous_rate": (1, 1),
        "dim_ordering": "default",
    },
    "Deconvolution2D": {
        **CONVOLUTION,
        "nb_row": REQUIRED,
        "nb_col": REQUIRED,
        "output_shape": None,
        "subsample": (1, 1),
        "atrous_rate": (1, 1),
        "output_padding": None,
        "dim_ordering": "default",
        "kernel_ordering": "default",
    },
    "SeparableConvolution2D": {
        **{name: default for name, default in CONVOLUTION.items() if not name.startswith("W_")},
        "nb_row": REQUIRED,
        "nb_col": REQUIRED,
        "subsample": (1, 1),
        "atrous_rate": (1, 1),
        "depth_multiplier": 1,
        "dim_ordering": "default",
        "kernel_ordering": "default",
        "depthwise_regularizer": None,
        "pointwise_regularizer": None,
        "depthwise_constraint": None,
        "pointwise_constraint": None,
    },
    "LocallyConnected1D": {
        **CONVOLUTION,
        "filter_length": REQUIRED,
        "subsample_length": 1,
        "input_dim": None,
        "input_length": None,
    },
    "LocallyConnected2D": {
        **CONVOLUTION,
        "nb_row": REQUIRED,
        "nb_col": REQUIRED,
        "subsample": (1, 1),
        "dim_ordering": "default",
    },
    "BatchNormalization": {
        "epsilon": 1e-3,
        "mode": 0,
        "axis": -1,
        "scale": True,
        "center": True,
        "momentum": 0.99,
        "weights": None,
        "beta_init": "zero",
        "gamma_init": "one",
        "gamma_regularizer": None,
        "beta_regularizer": None,
    },
    "DepthwiseConvolution1D": {
        **KERNEL,
        "filter_length": REQUIRED,
        "depth_multiplier": 1,
        "border_mode": "valid",
        "subsample_length": 1,
        "atrous_rate": 1,
    },
    "DepthwiseConvolution2D": {
        **KERNEL,
        "nb_row": REQUIRED,
        "nb_col": REQUIRED,
        "depth_multiplier": 1,
        "border_mode": "valid",
        "subsample": (1, 1),
        "atrous_rate": (1, 1),
        "dim_ordering": "default",
    },
    "SeparableConvolution1D": {
        **{name: default for name, default in CONVOLUTION.items() if not name.startswith("W_")},
        "filter_length": REQUIRED,
        "subsample_length": 1,
        "atrous_rate": 1,
        "depth_multiplier": 1,
        "depthwise_regularizer": None,
        "pointwise_regularizer": None,
        "depthwise_constraint": None,
        "pointwise_constraint": None,
    },
    "Deconvolution1D": {
        **CONVOLUTION,
        "filter_length": REQUIRED,
        "subsample_length": 1,
        "atrous_rate": 1,
        "output_padding": None,
    },
    "Deconvolution3D": {
        **CONVOLUTION,
        "kernel_dim1": REQUIRED,
        "kernel_dim2": REQUIRED,
        "kernel_dim3": REQUIRED,
        "subsample": (1, 1, 1),
        "atrous_rate": (1, 1, 1),
        "output_padding": None,
        "dim_ordering": "default",
    },
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "Softmax": {"axis": (-1,)},
    "LayerNormalization": {"axis": (-1,), **SCALED},
    "GroupNormalization": {"groups": 32, "axis": -1, **SCALED},
    "UnitNormalization": {"axis": (-1,), "epsilon": 1e-12},
    "Rescaling": {"scale": REQUIRED, "offset": (0.0,)},
    "Normalization": {
        "axis": (-1,),
        "mean": None,
        "variance": None,
        "invert": False,
        "weights": None,
    },
    "AlphaDropout": {"p": REQUIRED, "noise_shape": None, "seed": None},
}

LEAST: dict[str, dict[str, Any]] = {
    "Convolution1D": {"nb_filter": 2, "filter_length": 3},
    "Convolution2D": {"nb_filter": 2, "nb_row": 3, "nb_col": 3},
    "Convolution3D": {"nb_filter": 2, "kernel_dim1": 3, "kernel_dim2": 3, "kernel_dim3": 3},
    "Activation": {"activation": "relu"},
    "Dropout": {"p": 0.5},
    "Reshape": {"target_shape": [-1]},
    "Dense": {"output_dim": 2},
    "AtrousConvolution1D": {"nb_filter": 2, "filter_length": 3},
    "AtrousConvolution2D": {"nb_filter": 2, "nb_row": 3, "nb_col": 3},
    "Deconvolution2D": {
        "nb_filter": 2,
        "nb_row": 3,
        "nb_col": 3,
    },
    "DepthwiseConvolution1D": {"filter_length": 3},
    "DepthwiseConvolution2D": {"nb_row": 3, "nb_col": 3},
    "SeparableConvolution1D": {"nb_filter": 2, "filter_length": 3},
    "Deconvolution1D": {"nb_filter": 2, "filter_length": 3},
    "Deconvolution3D": {"nb_filter": 2, "kernel_dim1": 3, "kernel_dim2": 3, "kernel_dim3": 3},
    "Rescaling": {"scale": 2.0},
    "AlphaDropout": {"p": 0.5},
    "SeparableConvolution2D": {"nb_filter": 2, "nb_row": 3, "nb_col": 3},
    "LocallyConnected1D": {"nb_filter": 2, "filter_length": 3},
    "LocallyConnected2D": {"nb_filter": 2, "nb_row": 3, "nb_col": 3},
    "Embedding": {"input_dim": 2, "output_dim": 2},
    "MaxoutDense": {"output_dim": 2},
    "TimeDistributedDense": {"output_dim": 2},
    "TimeDistributed": {"layer": {"type": "Dense", "output_dim": 2}},
    "SimpleRNN": {"output_dim": 2},
    "LSTM": {"output_dim": 2},
    "GRU": {"output_dim": 2},
    "Bidirectional": {"layer": {"type": "LSTM", "output_dim": 2}},
    "ConvLSTM2D": {"nb_filter": 2, "nb_row": 3, "nb_col": 3},
    "Pick": {"index": 0},
    "State": {},
    "Slice": {"axis": [1]},
    "Reduce": {"axis": [1]},
    "Permute": {"dims": [1]},
    "RepeatVector": {"n": 2},
    "SpatialDropout1D": {"p": 0.5},
    "SpatialDropout2D": {"p": 0.5},
    "SpatialDropout3D": {"p": 0.5},
    "GaussianDropout": {"p": 0.5},
    "GaussianNoise": {"sigma": 0.5},
}
"""The required arguments, with some value."""

layers = pytest.mark.parametrize("layer", LAYERS)


def validate(layer: str, **arguments: Any) -> Any:
    """The layer with its required arguments and these; an inner layer is made first, as always."""
    given = {**LEAST.get(layer, {}), **arguments}
    if isinstance(inner := given.get("layer"), dict):
        given["layer"] = LAYERS[inner["type"]].model_validate(inner)
    return LAYERS[layer].model_validate({"type": layer, **given})


def refused(layer: str, **arguments: Any) -> list[str]:
    """The arguments that pydantic finds at fault."""
    try:
        validate(layer, **arguments)
    except ValidationError as error:
        return [str(item["loc"][0]) for item in error.errors()]
    return []


def test_every_layer_is_in_the_table() -> None:
    assert_rows("ARGUMENTS (tests/schemas/test_schemas.py)", ARGUMENTS, LAYERS)


@layers
def test_the_arguments_and_their_defaults(layer: str) -> None:
    wanted = {**COMMON, **ARGUMENTS[layer]}
    fields = {n: f for n, f in LAYERS[layer].model_fields.items() if n != "type"}
    found = {name: REQUIRED if f.is_required() else f.default for name, f in fields.items()}
    assert found == wanted
    # 1 == True and (1, 1) == [1, 1] would pass above.
    assert {n: type(v) for n, v in found.items()} == {n: type(v) for n, v in wanted.items()}


@layers
def test_the_required_arguments(layer: str) -> None:
    wanted = {name for name, default in ARGUMENTS[layer].items() if default is REQUIRED}
    assert set(LEAST.get(layer, {})) == wanted
    validate(layer)
    for name in wanted:
        rest = {k: v for k, v in LEAST[layer].items() if k != name}
        with pytest.raises(ValidationError) as caught:
            LAYERS[layer].model_validate({"type": layer, **rest})
        assert [(e["type"], e["loc"]) for e in caught.value.errors()] == [("missing", (name,))]


@layers
def test_a_default_may_be_written_out(layer: str) -> None:
    plain = validate(layer)
    written = {
        name: list(default) if isinstance(default, tuple) else default
        for name, default in {**COMMON, **ARGUMENTS[layer]}.items()
        if default is not REQUIRED
    }
    assert validate(layer, **written) == plain


@layers
def test_unknown_arguments_are_refused(layer: str) -> None:
    for name in ("filters", "nb_filters", "Name", "dtype"):
        assert refused(layer, **{name: 1}) == [name]


def test_the_aliases() -> None:
    assert aliases() == {
        "Conv1D": "Convolution1D",
        "Conv2D": "Convolution2D",
        "Conv3D": "Convolution3D",
        "AtrousConv1D": "AtrousConvolution1D",
        "AtrousConv2D": "AtrousConvolution2D",
        "Deconv2D": "Deconvolution2D",
        "SeparableConv2D": "SeparableConvolution2D",
        "DepthwiseConv1D": "DepthwiseConvolution1D",
        "DepthwiseConv2D": "DepthwiseConvolution2D",
        "SeparableConv1D": "SeparableConvolution1D",
    }
    for alias, layer in aliases().items():
        length = 7 if alias == "Deconv2D" else 9
        spec = {"convspec": 1, "dim_ordering": "tf", "input_shape": [length] * (int(layer[-2]) + 1)}
        made = {"type": alias, "name": "c", **LEAST[layer]}
        model, found = check(parse_document(json.dumps({**spec, "layers": [made]}), "t.json"))
        assert model is not None, found
        assert type(model.spec.layers[0]) is LAYERS[layer]


def test_other_layers_of_keras_are_known_by_name() -> None:
    assert OTHER_KERAS_LAYERS.isdisjoint([*LAYERS, *aliases()])
    assert {"Lambda"} == OTHER_KERAS_LAYERS


# --- strictness: a number is a number

MAY_BE_LESS = {
    ("ZeroPadding1D", "padding"), ("BatchNormalization", "mode"), ("GroupNormalization", "groups"),
}  # fmt: skip
WHOLE = [
    (layer, name)
    for layer, arguments in ARGUMENTS.items()
    for name, default in arguments.items()
    if (name in LEAST.get(layer, {}) and isinstance(LEAST[layer][name], int))
    or (type(default) is int and default >= 0 and (layer, name) not in MAY_BE_LESS)
    or name in {"input_dim", "input_length", "stride", "seed"}
]  # fmt: skip
LISTS = [
    (layer, name, len(default))
    for layer, arguments in ARGUMENTS.items()
    for name, default in arguments.items()
    if isinstance(default, tuple) and type(default[0]) is int and name not in {"axis", "step"}
]


@pytest.mark.parametrize(("layer", "name"), WHOLE)
def test_whole_numbers(layer: str, name: str) -> None:
    for value in (True, "3", 3.0, 3.5, math.inf, math.nan, [3], {"value": 3}, -1):
        assert refused(layer, **{name: value}) == [name], value
    assert refused(layer, **{name: 0}) == ([] if name in {"seed", "index"} else [name])
    assert getattr(validate(layer, **{name: 7}), name) == 7


@pytest.mark.parametrize(("layer", "name", "length"), LISTS)
def test_lists(layer: str, name: str, length: int) -> None:
    given = list(range(3, 3 + length))
    value = getattr(validate(layer, **{name: given}), name)
    assert value == tuple(given)
    assert type(value) is tuple
    for wrong in (3, "33", [3] * 5, [3], [], [3] * (length - 1) + ["3"], {"0": 3}, None):
        assert refused(layer, **{name: wrong}), wrong
    for item in (True, "3", 3.0, math.nan, None, -1):
        assert refused(layer, **{name: [item, *given[1:]]}), item
    assert refused(layer, **{name: [0, *given[1:]]}) == (
        [] if name in {"padding", "cropping"} else [name]
    )


@pytest.mark.parametrize(("layer", "axes"), [("Cropping2D", 2), ("Cropping3D", 3)])
def test_cuts_are_pairs(layer: str, axes: int) -> None:
    given = [[0, 1]] * axes
    assert validate(layer, cropping=given).cropping == ((0, 1),) * axes
    for wrong in (1, [1] * axes, given[:-1], [*given, [0, 1]], [[0, 1, 2]] * axes, [[-1, 0]] * axes,
                  [[True, 0]] * axes, [[0.0, 1]] * axes, None):  # fmt: skip
        assert refused(layer, cropping=wrong), wrong


@pytest.mark.parametrize("value", [True, "0.5", math.inf, math.nan, -0.1, 1.1, [0.5], None])
def test_a_share(value: object) -> None:
    assert refused("Dropout", p=value) == ["p"]


def test_sparse_is_false_or_nothing() -> None:
    assert validate("InputLayer", sparse=False).sparse is False
    for value in (True, 0, 0.0, None, "false"):
        assert refused("InputLayer", sparse=value) == ["sparse"], value


def test_shares_at_the_ends() -> None:
    assert [validate("Dropout", p=p).p for p in (0, 1, 0.25)] == [0.0, 1.0, 0.25]


@pytest.mark.parametrize("value", [1, 0, "true", "yes", None, [True]])
def test_a_boolean(value: object) -> None:
    assert refused("Convolution2D", bias=value) == ["bias"]
    assert refused("Flatten", trainable=value) == ["trainable"]


@pytest.mark.parametrize(
    ("layer", "name", "allowed"),
    [
        ("Convolution1D", "border_mode", ["valid", "same", "full"]),
        ("Convolution3D", "border_mode", ["valid", "same", "full"]),
        ("MaxPooling1D", "border_mode", ["valid", "same"]),
        ("AveragePooling3D", "border_mode", ["valid", "same"]),
        ("MaxPooling2D", "dim_ordering", ["th", "tf", "default"]),
        ("ZeroPadding3D", "dim_ordering", ["th", "tf", "default"]),
        (
            "Dense",
            "init",
            ["uniform", "normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "he_normal",
             "he_uniform", "orthogonal", "identity", "zero", "one"],
        ),
        (
            "Activation",
            "activation",
            ["linear", "relu", "elu", "softplus", "softsign", "tanh", "sigmoid", "hard_sigmoid",
             "softmax"],
        ),
        (
            "Flatten",
            "input_dtype",
            ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"],
        ),
    ],
)  # fmt: skip
def test_one_of_a_few(layer: str, name: str, allowed: list[str]) -> None:
    for value in allowed:
        assert getattr(validate(layer, **{name: value}), name) == value
    for wrong in ("other", allowed[0].upper(), allowed[0] + " ", "", 1, True, [allowed[0]]):
        assert refused(layer, **{name: wrong}) == [name], wrong


@pytest.mark.parametrize("name", ["input_shape", "batch_input_shape"])
def test_input_shapes(name: str) -> None:
    for value in ([3], [None, 3], [None, None, None], [2, 2, 2, 2, 2, 2]):
        assert getattr(validate("Flatten", **{name: value}), name) == tuple(value)
    for wrong in ([], [0], [-1], [True], ["3"], [3.0], 3, "3", [[3]], {}):
        assert refused("Flatten", **{name: wrong}) == [name], wrong


def test_names() -> None:
    for name in ("conv1", "a/b c", "größe", "層"):
        assert validate("Flatten", name=name).name == name
    for wrong in ("", " ", "a\nb", "\x1b", "a\u202eb", 1, True, ["a"]):
        assert refused("Flatten", name=wrong) == ["name"], wrong


# --- values with several forms


@pytest.mark.parametrize(
    ("value", "l1", "l2"),
    [
        ("l1", 0.01, 0.0),
        ("l2", 0.0, 0.01),
        ("l1l2", 0.01, 0.01),
        ("activity_l1", 0.01, 0.0),
        ("activity_l2", 0.0, 0.01),
        ("activity_l1l2", 0.01, 0.01),
        ("L1L2Regularizer", 0.0, 0.0),
        ("WeightRegularizer", 0.0, 0.0),
        ({"name": "l1", "l": 0.5}, 0.5, 0.0),
        ({"name": "l2", "l": 2}, 0.0, 2.0),
        ({"name": "l1l2", "l1": 0.5}, 0.5, 0.01),
        # Keras 1.2, then 1.0 and 1.1.
        ({"name": "L1L2Regularizer", "l1": 0.0, "l2": 9.999999747378752e-05}, 0.0, 1e-4),
        ({"name": "WeightRegularizer", "l1": 0.1, "l2": 0.0}, 0.1, 0.0),
        ({"name": "ActivityRegularizer", "l1": 0.1, "l2": 0.2}, 0.1, 0.2),
        # Later tools.
        ({"class_name": "L1L2Regularizer", "config": {"l1": 0.1, "l2": 0.2}}, 0.1, 0.2),
        ({"class_name": "l2", "config": {}}, 0.0, 0.01),
    ],
)
@pytest.mark.parametrize("argument", ["W_regularizer", "b_regularizer", "activity_regularizer"])
def test_regularizers(argument: str, value: Any, l1: float, l2: float) -> None:
    made = regularizer_object(getattr(validate("Convolution2D", **{argument: value}), argument))
    assert (made.l1, made.l2) == (l1, pytest.approx(l2, rel=1e-7))  # type: ignore[union-attr]


def test_the_eigenvalue_regularizer_needs_its_factor() -> None:
    layer = validate("Dense", W_regularizer={"name": "EigenvalueRegularizer", "k": 0.1})
    assert layer.W_regularizer.k == 0.1
    for wrong in ("EigenvalueRegularizer", {"name": "EigenvalueRegularizer"}):
        assert refused("Dense", W_regularizer=wrong) == ["W_regularizer"]


@pytest.mark.parametrize(
    "value",
    [
        "l3",
        "",
        0.01,
        True,
        ["l1"],
        {},
        {"l1": 0.1},
        {"name": "l2", "l": -1},
        {"name": "l2", "l": True},
        {"name": "l2", "l": "0.1"},
        {"name": "l2", "l": math.inf},
        {"name": "l2", "l2": 0.1},
        {"name": 3},
        {"name": ["l1"]},
        {"class_name": "l2", "config": {"l2": 1}},
        {"class_name": "l2", "config": 1},
        {"class_name": "l2", "config": {}, "more": 1},
    ],
)
def test_what_is_no_regularizer(value: object) -> None:
    assert refused("Dense", W_regularizer=value) == ["W_regularizer"]


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("maxnorm", MaxNorm(name="maxnorm", m=2, axis=0)),
        ("MaxNorm", MaxNorm(name="MaxNorm", m=2, axis=0)),
        ("nonneg", NonNeg(name="nonneg")),
        ("unitnorm", UnitNorm(name="unitnorm", axis=0)),
        ("MinMaxNorm", MinMaxNorm(name="MinMaxNorm", low=0, high=1, rate=1, axis=0)),
        (
            {"name": "MaxNorm", "m": 3, "axis": [0, 1, 2]},
            MaxNorm(name="MaxNorm", m=3, axis=(0, 1, 2)),
        ),
        ({"name": "MaxNorm", "axis": -1}, MaxNorm(name="MaxNorm", m=2, axis=-1)),
        ({"class_name": "UnitNorm", "config": {"axis": 1}}, UnitNorm(name="UnitNorm", axis=1)),
        ({"name": "NonNeg"}, NonNeg(name="NonNeg")),
        (
            {"name": "MinMaxNorm", "low": 0.1, "high": 2, "rate": 0.5, "axis": 0},
            MinMaxNorm(name="MinMaxNorm", low=0.1, high=2, rate=0.5, axis=0),
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("argument", ["W_constraint", "b_constraint"])
def test_constraints(argument: str, value: Any, made: object) -> None:
    assert constraint_object(getattr(validate("Dense", **{argument: value}), argument)) == made


@pytest.mark.parametrize(
    "value",
    [
        "max_norm",
        2,
        {"m": 2},
        {"name": "MaxNorm", "m": -1},
        {"name": "MaxNorm", "m": math.nan},
        {"name": "MaxNorm", "axis": []},
        {"name": "MaxNorm", "axis": [0.5]},
        {"name": "MaxNorm", "axis": True},
        {"name": "NonNeg", "axis": 0},
        {"name": "MinMaxNorm", "rate": 2},
        {"name": None},
    ],
)
def test_what_is_no_constraint(value: object) -> None:
    assert set(refused("Dense", W_constraint=value)) == {"W_constraint"}


@pytest.mark.parametrize(
    ("layer", "good", "bad"),
    [
        (
            "ZeroPadding1D",
            [0, 3, [1, 2], {}, {"left_pad": 1}, {"left_pad": 1, "right_pad": 0}],
            [-1, True, 1.0, "1", [1], [1, 2, 3], [1, 2, 3, 4], {"left": 1}, {"top_pad": 1}, None],
        ),
        (
            "ZeroPadding2D",
            [[1, 2], [1, 2, 3, 4], {}, {"top_pad": 1}, {"left_pad": 0, "bottom_pad": 2}],
            [1, True, [1], [1, 2, 3], [1, -2], [1, 2, 3, "4"], {"left": 1}, [[1, 2], [3, 4]], None],
        ),
        (
            "ZeroPadding3D",
            [[0, 1, 2], [[0, 1], [2, 0], [3, 4]]],
            [
                1,
                [1, 2],
                [1, 2, 3, 4],
                [[0, 1], [2, 0]],
                [[0, 1], [2, 0], 3],
                [[0, 1], [2, 0], [3]],
                [[0, 1], [2, 0], [3, -4]],
                {"left_pad": 1},
                None,
            ],
        ),
    ],
)
def test_padding(layer: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert refused(layer, padding=value) == [], value
    for value in bad:
        assert set(refused(layer, padding=value)) == {"padding"}, value


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ({"name": "uniform", "scale": 0.1}, True),
        ({"name": "normal"}, True),
        ({"name": "orthogonal", "scale": 1}, True),
        ({"name": "identity", "scale": None}, True),
        ({"name": "glorot_uniform"}, False),
        ({"name": "he_normal", "scale": 1.0}, False),
        ({"scale": 1.0}, False),
        ({"name": "uniform", "limit": 0.1}, False),
        ({"name": "uniform", "scale": True}, False),
        ({"name": "uniform", "scale": math.inf}, False),
        (3, False),
        (["uniform"], False),
    ],
)
def test_init(value: object, good: bool) -> None:
    assert (refused("Dense", init=value) == []) is good


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ({"expr": "x * sigmoid(x)"}, True),
        ({"expr": 1}, False),
        ({"expr": ["x"]}, False),
        ({}, False),
        ({"expr": "x", "more": 1}, False),
        (3, False),
        (["relu"], False),
    ],
)
def test_activation(value: object, good: bool) -> None:
    for layer in ("Activation", "Dense", "Convolution3D"):
        assert (refused(layer, activation=value) == []) is good
    assert refused("Activation", activation=None) == ["activation"]
    assert refused("Dense", activation=None) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["kernel.npy", "model.npz#d/b"], None),
        ([[[1, 2.5], [3, -4]], [0, 0]], None),
        ([[1] * MAX_INLINE], None),
        ([], None),
        (["", "x"], "an empty file reference"),
        ([" "], "an empty file reference"),
        ([3], "expected a file reference such as 'kernel.npy' or 'model.npz#conv1/W', or nested "
              "lists of numbers"),
        ([None], "expected a file reference such as"),
        ([{"file": "x"}], "expected a file reference such as"),
        ([[[1, 2], [3]]], "the inline array is ragged: lists at depth 2 differ in length"),
        ([[[1, 2], 3]], "the inline array is ragged: lists at depth 2 differ in length"),
        ([[1, [2]]], "the inline array holds something that is no number"),
        ([[]], "the inline array has an empty list"),
        ([[[], []]], "the inline array has an empty list"),
        ([[True]], "the inline array holds something that is no number"),
        ([["1"]], "the inline array holds something that is no number"),
        ([[None]], "the inline array holds something that is no number"),
        ([[math.nan]], "the inline array holds a number outside float32"),
        ([[1e39]], "the inline array holds a number outside float32"),
        ([[10**400]], "the inline array holds a number outside float32"),
        ([[1] * (MAX_INLINE + 1)], "has more than 65536 numbers; put it in a file"),
        ([[[1] * 300] * 300], "has more than 65536 numbers; put it in a file"),
        ("kernel.npy", "Input should be a valid list"),
        ({"W": "kernel.npy"}, "Input should be a valid list"),
    ],
)  # fmt: skip
def test_weights(value: object, message: str | None) -> None:
    if message is None:
        assert refused("Dense", weights=value) == []
        return
    with pytest.raises(ValidationError) as caught:
        validate("Dense", weights=value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "good"),
    [([-1], True), ([2, -1, 3], True), ([6], True), ([], False), ([0], False), ([-2], False),
     ([-1, -1], False), ([None], False), (6, False), ([True], False), ([2.0], False)],
)  # fmt: skip
def test_target_shape(value: object, good: bool) -> None:
    assert (refused("Reshape", target_shape=value) == []) is good


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("tensorflow", True),
        ("theano", True),
        ({"profile": "theano"}, True),
        ({"kernel": "convolve"}, True),
        ({"profile": "theano", "kernel": "correlate", "padding": "tensorflow"}, True),
        ({}, True),
        (None, True),
        ("th", False),
        ("Theano", False),
        ({"backend": "theano"}, False),
        ({"kernel": "flip"}, False),
        (["theano"], False),
        (1, False),
    ],
)
def test_semantics(value: object, good: bool) -> None:
    header = {"convspec": 1, "semantics": value}
    if good:
        ModelHeader.model_validate(header)
        return
    with pytest.raises(ValidationError) as caught:
        ModelHeader.model_validate(header)
    assert {e["loc"][0] for e in caught.value.errors()} == {"semantics"}


@pytest.mark.parametrize("value", [0, 2, "1", 1.0, True, None, [1]])
def test_the_version_is_the_number_1(value: object) -> None:
    with pytest.raises(ValidationError):
        ModelHeader.model_validate({"convspec": value})


# --- the JSON Schema says the same

SCHEMA = native_schema()
JUDGES = (Draft7Validator(SCHEMA), Draft202012Validator(SCHEMA))
"""Editors read draft 7, others the latest: both have to say the same."""


def wrong(spec: Any) -> list[str]:
    """What is wrong with a spec, by the one draft as by the other."""
    first, other = ([e.message for e in judge.iter_errors(spec)] for judge in JUDGES)
    assert first == other
    return first


def test_it_is_a_schema_of_its_dialect(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == SCHEMA
    assert printed["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(printed)
    Draft202012Validator.check_schema(printed)


def properties(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every property of every object in the schema, but those of a condition."""
    if isinstance(node, list):
        for i, item in enumerate(node):
            yield from properties(item, f"{path}[{i}]")
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "properties":
                for name, member in value.items():
                    yield f"{path}.{name}", member
                    yield from properties(member, f"{path}.{name}")
            elif key != "if":
                yield from properties(value, f"{path}.{key}")


def test_every_property_is_described() -> None:
    found = dict(properties(SCHEMA))
    assert len(found) > 200
    unsaid = [path for path, member in found.items() if not member.get("description")]
    assert unsaid == [".$defs.Layer.type"]  # each layer says what it is


def test_every_default_is_shown() -> None:
    for layer, arguments in ARGUMENTS.items():
        shown = SCHEMA["$defs"][layer]["properties"]
        for name, default in {**COMMON, **arguments}.items():
            if default is REQUIRED:
                assert name in SCHEMA["$defs"][layer]["required"]
                assert "default" not in shown[name]
            else:
                wanted = json.loads(json.dumps(default))
                # An editor would write a default that is null.
                assert shown[name].get("default") == wanted, (layer, name)


def test_every_layer_and_alias_is_offered() -> None:
    offered = SCHEMA["$defs"]["Layer"]["properties"]["type"]["enum"]
    assert offered == [*LAYERS, *aliases(), "Shared"]


def accepted(spec: Any) -> bool:
    """Whether the schemas take a spec: findings of later stages do not count."""
    _, found = check(parse_document(json.dumps(spec), "spec.json"))
    schema_codes = {"CS020", "CS021", "CS022", "CS023", "CS024", "CS025", "CS026", "CS027",
                    "CS028", "CS035", "CS079"}  # fmt: skip
    return not any(d.code in schema_codes for d in found)


def spec_with(layer: str, **arguments: Any) -> dict[str, Any]:
    made = {"type": layer, **LEAST.get(layer, {}), **arguments}
    return {"convspec": 1, "input_shape": [9, 9], "layers": [made]}


GOOD = [
    *(spec_with(layer) for layer in LAYERS),
    *(spec_with(alias, **LEAST[of]) for alias, of in aliases().items()),
    {**spec_with("Flatten"), "name": "a", "semantics": {"kernel": "convolve"}, "seed": 0},
    {**spec_with("Flatten"), "weights": "w.npz", "dim_ordering": "th", "input_dtype": "uint8"},
    {**spec_with("Flatten"), "semantics": None, "input_shape": None},
    spec_with("Flatten", input_shape=[None, 3], trainable=False, name="x"),
    spec_with("Dense", init={"name": "uniform", "scale": 0.1}, activation={"expr": "x"}),
    spec_with("Dense", W_regularizer="l2", b_regularizer={"name": "l1l2", "l1": 1}),
    spec_with("Dense", W_regularizer={"name": "WeightRegularizer", "l1": 0.1, "l2": 0}),
    spec_with("Dense", W_constraint="nonneg", b_constraint={"name": "MaxNorm", "axis": [0]}),
    spec_with("Dense", weights=["a.npy", [0, 1.5]], bias=True),
    spec_with("ZeroPadding1D", padding=[1, 2]),
    spec_with("ZeroPadding1D", padding={"right_pad": 2}),
    spec_with("ZeroPadding2D", padding=[1, 2, 3, 4]),
    spec_with("ZeroPadding2D", padding={"bottom_pad": 2}),
    spec_with("MaxPooling2D", strides=[1, 2], pool_size=[3, 3], border_mode="same"),
    spec_with("MaxPooling1D", stride=None),
    spec_with("Reshape", target_shape=[3, -1]),
    spec_with("Merge", mode="dot", dot_axes=[1, 2], concat_axis=3, inputs=["a", "b"]),
    spec_with("Flatten", inputs="a"),
    {
        "convspec": 1,
        "inputs": {"a": [4], "b": [None, 3]},
        "outputs": "a",
        "layers": [
            {"type": "Flatten", "name": "f", "inputs": "a"},
            {"type": "Shared", "layer": "f", "name": "g", "inputs": ["b"]},
        ],
    },
    {**spec_with("Flatten", name="f"), "outputs": ["f"]},
    spec_with("Slice", axis=[1, 2], start=[None, -3], stop=5, step=[-1, 2]),
    spec_with("Slice", axis=-1, start=0, stop=[1], squeeze=True),
    spec_with("Reduce", axis=[1, -1], mode="max", keepdims=True),
    spec_with("Reduce", axis=1, mode="prod"),
    spec_with("LRN2D", alpha=1, k=0, beta=0.5, n=1, dim_ordering="th"),
    {
        "convspec": 1,
        "model": "m.h5",
        "name": "a",
        "semantics": "theano",
        "seed": 1,
        "dim_ordering": "th",
        "input_shape": [3],
        "input_dtype": "uint8",
        "weights": "w.npz",
    },
    {
        "convspec": 1,
        "model": "m.h5",
        "replace": {
            "a": "x / 255",
            "b": {"type": "Flatten"},
            "c": ["x", {"type": "Slice", "axis": 1}],
        },
    },
]
BAD = [
    {},
    [],
    {"convspec": 1},
    {"convspec": 2, "layers": [{"type": "Flatten"}]},
    {"layers": [{"type": "Flatten"}]},
    {"convspec": 1, "layers": []},
    {"convspec": 1, "layers": {"type": "Flatten"}},
    {"convspec": 1, "layers": ["Flatten"]},
    {"convspec": 1, "layers": [{}]},
    {"convspec": 1, "layers": [{"type": "Attention"}]},
    {"convspec": 1, "layers": [{"type": "LSTMCell"}]},
    {**spec_with("Flatten"), "optimizer": "sgd"},
    {**spec_with("Flatten"), "seed": -1},
    {**spec_with("Flatten"), "seed": "1"},
    {**spec_with("Flatten"), "semantics": "torch"},
    {**spec_with("Flatten"), "semantics": {"flip": True}},
    {**spec_with("Flatten"), "input_shape": []},
    {**spec_with("Flatten"), "input_shape": [0]},
    {**spec_with("Flatten"), "inputs": {}},
    {**spec_with("Flatten"), "inputs": ["a"]},
    {**spec_with("Flatten"), "inputs": {"a": [0]}},
    {**spec_with("Flatten"), "outputs": []},
    {**spec_with("Flatten"), "outputs": [1]},
    spec_with("Flatten", inputs=[]),
    spec_with("Flatten", inputs=[1]),
    spec_with("Merge", mode="average"),
    spec_with("Merge", dot_axes=[1]),
    {"convspec": 1, "input_shape": [4], "layers": [{"type": "Shared"}]},
    {"convspec": 1, "input_shape": [4], "layers": [{"type": "Shared", "layer": "f", "p": 1}]},
    {**spec_with("Flatten"), "weights": ""},
    {**spec_with("Flatten"), "name": ""},
    {**spec_with("Flatten"), "name": " "},
    spec_with("Flatten", nb_filter=1),
    spec_with("Flatten", name=3),
    spec_with("Dense", output_dim="2"),
    spec_with("Dense", output_dim=True),
    spec_with("Dense", output_dim=2.5),
    spec_with("Dense", output_dim=0),
    spec_with("Dense", bias=1),
    spec_with("Dense", init="xavier"),
    spec_with("Dense", init={"name": "glorot_uniform", "scale": 1}),
    spec_with("Dense", activation="swoosh"),
    spec_with("Dense", activation={"expression": "x"}),
    spec_with("Dense", W_regularizer="l3"),
    spec_with("Dense", W_regularizer={"name": "l2", "l2": 1}),
    spec_with("Dense", W_regularizer={"l2": 1}),
    spec_with("Dense", W_regularizer="EigenvalueRegularizer"),
    spec_with("Dense", W_constraint="maxnrom"),
    spec_with("Dense", W_constraint={"name": "MaxNorm", "m": -1}),
    spec_with("Dense", W_constraint={"name": "MaxNorm", "axis": []}),
    spec_with("Dense", weights="a.npy"),
    spec_with("Dense", weights=[""]),
    spec_with("Dense", weights=[3]),
    spec_with("Dense", weights=[[]]),
    spec_with("Convolution2D", subsample=[1, 1, 1]),
    spec_with("Convolution2D", subsample=[1]),
    spec_with("Convolution2D", subsample=1),
    spec_with("Convolution2D", border_mode="SAME"),
    spec_with("MaxPooling2D", border_mode="full"),
    spec_with("ZeroPadding1D", padding=[1, 2, 3, 4]),
    spec_with("ZeroPadding1D", padding={"top_pad": 1}),
    spec_with("ZeroPadding2D", padding=1),
    spec_with("ZeroPadding2D", padding=[1, 2, 3]),
    spec_with("ZeroPadding3D", padding=[1, 2]),
    spec_with("InputLayer", sparse=True),
    spec_with("Dropout", p=1.5),
    spec_with("Dropout", p=None),
    spec_with("Dropout", noise_shape=[0]),
    spec_with("Reshape", target_shape=[]),
    spec_with("Reshape", target_shape=[0]),
    spec_with("Reshape", target_shape=[-2]),
    spec_with("UpSampling1D", length=-1),
    spec_with("Slice", axis=[]),
    spec_with("Slice", axis="1"),
    spec_with("Slice", start=0.5),
    spec_with("Slice", step=None),
    spec_with("Slice", stop=[]),
    spec_with("Reduce", axis=None),
    spec_with("Reduce", mode="min"),
    spec_with("LRN2D", n=0),
    spec_with("LRN2D", beta=-0.5),
    spec_with("Resize", size=[0, 3]),
    spec_with("Resize", factor=2),
    spec_with("Resize", interpolation="bicubic"),
    {"convspec": 1, "model": ""},
    {"convspec": 1, "model": "m.h5", "layers": [{"type": "Flatten"}]},
    {"convspec": 1, "model": "m.h5", "outputs": ["a"]},
    {"convspec": 1, "model": "m.h5", "replace": {}},
    {"convspec": 1, "model": "m.h5", "replace": {"a": []}},
    {"convspec": 1, "model": "m.h5", "replace": {"a": 3}},
    {"convspec": 1, "model": "m.h5", "seed": -1},
    {**spec_with("Flatten"), "replace": {"a": "x"}},
]


def spec_id(spec: Any) -> str:
    return json.dumps(spec)[:100].replace('"', "").replace("[", "(").replace("]", ")")


@pytest.mark.parametrize("spec", GOOD, ids=spec_id)
def test_both_take_it(spec: Any) -> None:
    assert accepted(spec)
    assert wrong(spec) == []


@pytest.mark.parametrize("spec", BAD, ids=spec_id)
def test_both_refuse_it(spec: Any) -> None:
    assert not accepted(spec)
    assert wrong(spec) != []


SPECS = sorted((ROOT / "examples" / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_schema_takes_the_examples(path: Path) -> None:
    document = read_document(path)
    assert document.root is not None
    data: Any = to_data(document.root)
    if "convspec" in data:
        assert wrong(data) == []


def test_the_page_of_the_native_form_is_the_schemas():
    """``make schema`` writes it; every layer and every argument is on it."""

    from speccompiler.schemas.reference import as_markdown

    page = ROOT / "docs" / "spec.md"
    assert page.read_text(encoding="utf-8") == as_markdown(), "run make schema"
    for name, layer in LAYERS.items():
        section = page.read_text(encoding="utf-8").split(f"### {name}\n")[1].split("###")[0]
        for argument in layer.model_fields.keys() - {"type", *COMMON}:
            assert f"`{argument}`" in section, f"{name}.{argument}"
