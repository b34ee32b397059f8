"""The one case table: every layer, every argument, and what changing it changes.

``test_lowering`` drives each row through schema, lowering, shapes, both targets and
the report. A new layer joins by adding its ``Case``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.ir import Graph
from speccompiler.model import Model, check
from speccompiler.source.texts import parse_document


@dataclass(frozen=True)
class Variant:
    """One argument with another value.

    ``changes`` names what differs from the layer without it: output, shape, name,
    parameters, trainable, penalty, weights (after --apply-constraints); or the code of
    the diagnostic that refuses it, for an argument that a forward pass never reads.
    ``given`` is added on both sides.
    """

    argument: str
    value: Any
    changes: str
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the value is one that no spec may give."""
        return self.changes.startswith("CS")


@dataclass(frozen=True)
class Case:
    """A layer with its required arguments, an input, and a variant of every argument."""

    layer: str
    arguments: Mapping[str, Any]
    input_shape: tuple[int, ...]
    variants: tuple[Variant, ...]
    before: tuple[Mapping[str, Any], ...] = ()
    """Layers in front, for one that no model begins with."""
    inputs: tuple[str, ...] = ()
    """What it reads of them, where that is not the last."""

    def layers(self, **arguments: Any) -> list[dict[str, Any]]:
        """The layer last, with further arguments."""
        layer = {"type": self.layer, **self.arguments, **arguments}
        if self.inputs:
            layer["inputs"] = list(self.inputs)
        return [*map(dict, self.before), layer]


DECLARES_INPUT = {"input_shape", "batch_input_shape", "input_dim", "input_length"}


def spec(layers: Sequence[Mapping[str, Any]], input_shape: Any = None, **header: Any) -> str:
    """The text of a native spec, with channels last unless the header says otherwise."""
    shape = {} if input_shape is None else {"input_shape": input_shape}
    head = {"convspec": 1, **shape, "dim_ordering": "tf", **header}
    return json.dumps({**head, "layers": list(layers)})


def build(
    layers: Sequence[Mapping[str, Any]],
    input_shape: Any = None,
    *,
    weights: Any = None,
    **header: Any,
) -> Model:
    """A model from its layers; raises ``SpecError``. Random weights unless told otherwise."""
    header.setdefault("seed", 1)
    model, found = check(
        parse_document(spec(layers, input_shape, **header), "t.json"), weights=weights
    )
    if model is None:
        raise SpecError(found)
    return model


def tapped(model: Model, layers: Sequence[str]) -> Graph:
    """The lowered graph with more layers as outputs."""
    extra = tuple(name for name in layers if name not in model.graph.outputs)
    return replace(model.graph, outputs=(*model.graph.outputs, *extra))


def variant_layers(case: Case, variant: Variant | None) -> tuple[list[dict[str, Any]], Any]:
    """The layers and the header's input shape of a case, with a variant or without."""
    shape: Any = case.input_shape
    if variant is None:
        return case.layers(), shape
    declares = variant.argument in DECLARES_INPUT or "input_shape" in variant.given
    if declares and not variant.refused:
        shape = None
    return case.layers(**{**variant.given, variant.argument: variant.value}), shape


def without(case: Case, variant: Variant) -> tuple[list[dict[str, Any]], Any]:
    """What a variant is compared with: the case, and what is given on both sides."""
    layers = case.layers(**variant.given)
    return layers, None if "input_shape" in variant.given else case.input_shape


def array(*shape: int, seed: int = 0) -> list[Any]:
    """Inline numbers in [-1, 1] of this shape."""
    values: list[Any] = np.random.default_rng(seed).uniform(-1, 1, shape).round(3).tolist()
    return values


def _common(input_shape: tuple[int, ...], changes: str = "shape") -> tuple[Variant, ...]:
    """The arguments of every layer, for a layer that works on any first length."""
    longer = [input_shape[0] + 3, *input_shape[1:]]
    return (
        Variant("name", "given_name", "name"),
        Variant("trainable", False, "trainable"),
        Variant("input_shape", longer, changes),
        Variant("batch_input_shape", [None, *longer], changes),
        Variant("input_dtype", "int32", "output"),
    )


def _kernel(w: tuple[int, ...], b: tuple[int, ...]) -> tuple[Variant, ...]:
    """The arguments of every layer with a kernel and a bias."""
    bias = [0.5 * (-1) ** i for i in range(b[0])]
    given = {"weights": [array(*w), bias]}
    return (
        Variant("init", "he_normal", "output"),
        Variant("init", {"name": "uniform", "scale": 0.2}, "output"),
        Variant("activation", "sigmoid", "output"),
        Variant("activation", {"expr": "where(x > 0, x, 0.3 * x)"}, "output"),
        Variant("weights", given["weights"], "output"),
        Variant("W_regularizer", {"name": "l2", "l": 0.1}, "penalty"),
        Variant("b_regularizer", {"name": "WeightRegularizer", "l1": 0.5}, "penalty", given),
        Variant("activity_regularizer", "activity_l1l2", "penalty"),
        Variant("W_constraint", {"name": "MaxNorm", "m": 0.01}, "weights"),
        Variant("b_constraint", "nonneg", "weights", given),
        Variant("bias", False, "parameters"),
    )


def _pool(layer: str, spatial: tuple[int, ...]) -> Case:
    rank = len(spatial)
    shape = (*spatial, 2)
    if rank == 1:
        own = (Variant("pool_length", 3, "shape"), Variant("stride", 1, "shape"))
    else:
        own = (
            Variant("pool_size", [3, 1, 2][:rank], "shape"),
            Variant("strides", [1, 2, 1][:rank], "shape"),
            Variant("dim_ordering", "th", "shape"),
        )
    borders = (Variant("border_mode", mode, "shape") for mode in ("same", "partial"))
    return Case(layer, {}, shape, (*_common(shape), *own, *borders))


def _resize(layer: str, spatial: tuple[int, ...], *own: Variant) -> Case:
    shape = (*spatial, 2)
    ordering = () if len(spatial) == 1 else (Variant("dim_ordering", "th", "shape"),)
    return Case(layer, {}, shape, (*_common(shape), *own, *ordering))


def _global_pool(layer: str, rank: int) -> Case:
    shape = (5, 4, 3, 2)[4 - rank - 1 :]
    common = [v for v in _common(shape) if v.changes != "shape"]
    declared = [
        Variant("input_shape", [*shape[:-1], shape[-1] + 1], "shape"),
        Variant("batch_input_shape", [None, *shape[:-1], shape[-1] + 1], "shape"),
    ]
    ordering = () if rank == 1 else (Variant("dim_ordering", "th", "shape"),)
    return Case(layer, {}, shape, (*common, *declared, *ordering))


def _forward_only(*variants: Variant) -> tuple[Variant, ...]:
    """Arguments that a forward pass never reads: they are at least checked."""
    assert all(v.refused for v in variants), "an argument with an effect has to show it"
    return variants


_HIGHWAY = {"weights": [array(5, 5), array(5, 5, seed=1), [1, -1, 0, 2, -2], array(5)]}
_MAXOUT = {"weights": [array(4, 5, 4), array(4, 4)]}
_LONG_STEPS = {"subsample": [8, 8], "input_shape": [1, 2, 1]}
_LOCAL_1D = {"weights": [array(6, 4, 3), array(6, 3)]}
_LOCAL_2D = {"weights": [array(16, 24, 3), array(4, 4, 3)]}

CASES = (
    Case(
        "Convolution1D",
        {"nb_filter": 3, "filter_length": 2},
        (7, 2),
        (
            *_common((7, 2)),
            *_kernel((2, 1, 2, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("filter_length", 4, "shape"),
            Variant("subsample_length", 2, "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape"),
            Variant("input_dim", 4, "parameters"),
            Variant("input_length", 9, "shape", {"input_dim": 2}),
        ),
    ),
    Case(
        "Convolution2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 6, 4),
        (
            *_common((5, 6, 4)),
            *_kernel((2, 3, 4, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape"),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "Convolution3D",
        {"nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 1, "kernel_dim3": 3},
        (4, 3, 5, 3),
        (
            *_common((4, 3, 5, 3)),
            *_kernel((2, 1, 3, 3, 2), (2,)),
            Variant("nb_filter", 5, "shape"),
            Variant("kernel_dim1", 3, "shape"),
            Variant("kernel_dim2", 2, "shape"),
            Variant("kernel_dim3", 1, "shape"),
            Variant("subsample", [1, 3, 2], "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape"),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    _pool("MaxPooling1D", (7,)),
    _pool("MaxPooling2D", (5, 6)),
    _pool("MaxPooling3D", (5, 4, 3)),
    _pool("AveragePooling1D", (7,)),
    _pool("AveragePooling2D", (5, 6)),
    _pool("AveragePooling3D", (5, 4, 3)),
    _resize("UpSampling1D", (5,), Variant("length", 3, "shape")),
    _resize("UpSampling2D", (3, 4), Variant("size", [1, 3], "shape")),
    _resize("UpSampling3D", (2, 3, 4), Variant("size", [1, 3, 2], "shape")),
    _resize(
        "ZeroPadding1D",
        (5,),
        Variant("padding", 3, "shape"),
        Variant("padding", [0, 2], "output"),
        Variant("padding", {"left_pad": 4}, "shape"),
        Variant("padding", {"right_pad": 2}, "output"),
    ),
    _resize(
        "ZeroPadding2D",
        (3, 4),
        Variant("padding", [0, 2], "shape"),
        Variant("padding", [2, 0, 1, 1], "output"),
        Variant("padding", {"top_pad": 1, "left_pad": 5}, "shape"),
        Variant("padding", {"bottom_pad": 2, "right_pad": 2}, "output"),
    ),
    _resize("ZeroPadding3D", (2, 3, 4), Variant("padding", [0, 2, 1], "shape")),
    Case(
        "InputLayer",
        {},
        (4, 3),
        (*_common((4, 3)), *_forward_only(Variant("sparse", True, "CS023"))),
    ),
    Case(
        "Activation",
        {"activation": "linear"},
        (4, 3),
        (
            *_common((4, 3)),
            Variant("activation", "softmax", "output"),
            Variant("activation", "hard_sigmoid", "output"),
            Variant("activation", {"expr": "x * sigmoid(x)"}, "output"),
        ),
    ),
    Case(
        "Dropout",
        {"p": 0.5},
        (4, 3),
        (
            *_common((4, 3)),
            *_forward_only(
                Variant("p", 1.5, "CS025"),
                Variant("noise_shape", [0, 1], "CS025"),
                Variant("seed", -1, "CS025"),
            ),
        ),
    ),
    Case("Flatten", {}, (4, 3, 2), _common((4, 3, 2))),
    Case(
        "Reshape",
        {"target_shape": [-1, 3]},
        (4, 3),
        (*_common((4, 3)), Variant("target_shape", [2, -1, 3], "shape")),
    ),
    Case(
        "Dense",
        {"output_dim": 4},
        (5,),
        (
            *_common((5,), "parameters"),
            *_kernel((5, 4), (4,)),
            Variant("output_dim", 2, "shape"),
            Variant("input_dim", 7, "parameters"),
        ),
    ),
    Case(
        "Merge",
        {},
        (4, 3),
        (
            Variant("name", "given_name", "name"),
            Variant("trainable", False, "trainable"),
            *_forward_only(
                Variant("input_shape", [5, 3], "CS037"),
                Variant("batch_input_shape", [None, 5, 3], "CS037"),
                Variant("input_dtype", "text", "CS023"),
                Variant("mode_type", "raws", "CS023"),
                Variant("output_shape", [4, 3], "CS026"),
                Variant("output_shape_type", "lambda", "CS023"),
                Variant("output_mask", [1], "CS026"),
                Variant("output_mask_type", "lambda", "CS023"),
                Variant("arguments", {"x": 1}, "CS026"),
            ),
            *(Variant("mode", mode, "output") for mode in ("mul", "ave", "max")),
            *(Variant("mode", mode, "shape") for mode in ("concat", "dot", "cos")),
            Variant("concat_axis", 1, "shape", {"mode": "concat"}),
            Variant("dot_axes", 1, "shape", {"mode": "dot"}),
            Variant("dot_axes", [1, 1], "shape", {"mode": "dot"}),
        ),
        before=(
            {"type": "Activation", "name": "one", "activation": "softplus"},
            {"type": "Activation", "name": "two", "activation": "sigmoid", "inputs": "one"},
        ),
        inputs=("one", "two"),
    ),
    _resize("Cropping1D", (5,), Variant("cropping", [0, 2], "output")),
    Case(
        "Cropping2D",
        {},
        (5, 4, 2),
        (
            *_common((5, 4, 2)),
            Variant("cropping", [[1, 2], [0, 1]], "shape"),
            Variant("dim_ordering", "th", "output", {"cropping": [[1, 0], [0, 1]]}),
        ),
    ),
    Case(
        "Cropping3D",
        {},
        (4, 3, 5, 3),
        (
            *_common((4, 3, 5, 3)),
            Variant("cropping", [[0, 2], [1, 0], [2, 2]], "shape"),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    *(_global_pool(f"Global{kind}Pooling{rank}D", rank)
      for kind in ("Max", "Average") for rank in (1, 2, 3)),
    Case(
        "Permute",
        {"dims": [2, 1, 3]},
        (4, 3, 2),
        (*_common((4, 3, 2)), Variant("dims", [3, 1, 2], "shape")),
    ),
    Case(
        "RepeatVector", {"n": 2}, (4,), (*_common((4,)), Variant("n", 3, "shape")),
    ),
    *(Case(layer, {"p": 0.5}, shape,
           (*_common(shape), *_forward_only(Variant("p", -0.5, "CS025"), *more)))
      for layer, shape, more in (
          ("SpatialDropout1D", (4, 3), ()),
          ("SpatialDropout2D", (4, 3, 2), (Variant("dim_ordering", "last", "CS023"),)),
          ("SpatialDropout3D", (4, 3, 2, 2), (Variant("dim_ordering", "last", "CS023"),)),
          ("GaussianDropout", (4, 3), ()),
      )),
    Case(
        "GaussianNoise", {"sigma": 0.5}, (4, 3),
        (*_common((4, 3)), *_forward_only(Variant("sigma", -1, "CS025"))),
    ),
    Case("LeakyReLU", {}, (4, 3), (*_common((4, 3)), Variant("alpha", 0.01, "output"))),
    Case("ELU", {}, (4, 3), (*_common((4, 3)), Variant("alpha", 0.5, "output"))),
    Case("ThresholdedReLU", {}, (4, 3), (*_common((4, 3)), Variant("theta", 0.2, "output"))),
    Case(
        "PReLU",
        {},
        (4, 3),
        (
            *_common((4, 3)),
            Variant("init", "normal", "output"),
            Variant("weights", [array(4, 3)], "output"),
            Variant("shared_axes", [1], "parameters"),
        ),
    ),
    Case(
        "ParametricSoftplus",
        {},
        (4, 3),
        (
            *_common((4, 3)),
            Variant("alpha_init", 0.5, "output"),
            Variant("beta_init", 1.5, "output"),
            Variant("weights", [array(4, 3), array(4, 3, seed=1)], "output"),
            Variant("shared_axes", [2], "parameters"),
        ),
    ),
    Case(
        "SReLU",
        {},
        (4, 3),
        (
            *_common((4, 3)),
            Variant("t_left_init", "uniform", "output"),
            Variant("a_left_init", "he_normal", "output"),
            Variant("t_right_init", "zero", "output", {"a_right_init": "normal"}),
            Variant("a_right_init", {"name": "uniform", "scale": 0.5}, "output"),
            Variant("shared_axes", [1, 2], "parameters"),
            Variant("weights", [array(4, 3, seed=s) for s in range(4)], "output"),
        ),
    ),
    Case(
        "BatchNormalization",
        {},
        (4, 3),
        (
            *_common((4, 3)),
            Variant("epsilon", 0.5, "output"),
            Variant("mode", 1, "output"),
            Variant("mode", 2, "output"),
            Variant("axis", 1, "parameters"),
            Variant("axis", None, "parameters"),
            Variant("mode", 1, "output", {"axis": None}),
            *_forward_only(Variant("momentum", 1.5, "CS025")),
            Variant("weights", [[1, 2, 3], [0.5, 0, 1], [0, -1, 1], [1, 0.5, 2]], "output"),
            Variant("beta_init", "one", "output"),
            Variant("gamma_init", "uniform", "output"),
            Variant("gamma_regularizer", "l2", "penalty"),
            Variant("beta_regularizer", "l1", "penalty", {"beta_init": "one"}),
        ),
    ),
    Case(
        "AtrousConvolution1D",
        {"nb_filter": 3, "filter_length": 2},
        (7, 2),
        (
            *_common((7, 2)),
            *_kernel((2, 1, 2, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("filter_length", 4, "shape"),
            Variant("subsample_length", 2, "shape"),
            Variant("atrous_rate", 3, "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape", {"atrous_rate": 2}),
            Variant("input_dim", 4, "parameters"),
            Variant("input_length", 9, "shape", {"input_dim": 2}),
        ),
    ),
    Case(
        "AtrousConvolution2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 7, 4),
        (
            *_common((5, 7, 4)),
            *_kernel((2, 3, 4, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape", {"atrous_rate": [1, 2]}),
            Variant("atrous_rate", [3, 2], "shape"),
            Variant("border_mode", "same", "output", {"atrous_rate": [2, 3]}),
            Variant("border_mode", "full", "shape", {"atrous_rate": [2, 1]}),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "Deconvolution2D",
        # Steps so long that the output belongs to the same input under other arguments too.
        {"nb_filter": 3, "nb_row": 3, "nb_col": 3, "output_shape": [None, 3, 14, 3]},
        (1, 12, 1),
        (
            *(v for v in _common((1, 12, 1)) if v.changes != "shape"),
            Variant("input_shape", [1, 12, 2], "parameters"),
            Variant("batch_input_shape", [None, 1, 12, 2], "parameters"),
            *_kernel((3, 3, 1, 3), (3,)),
            Variant("nb_filter", 2, "shape", {"output_shape": [None, 3, 14, None]}),
            Variant("nb_row", 2, "output", _LONG_STEPS),
            Variant("nb_col", 2, "output", _LONG_STEPS),
            Variant("output_shape", [None, 4, 13, 3], "shape", _LONG_STEPS),
            Variant("border_mode", "full", "output", _LONG_STEPS),
            Variant("subsample", [8, 7], "output", _LONG_STEPS),
            Variant("dim_ordering", "th", "output", {**_LONG_STEPS, "nb_row": 2}),
        ),
    ),
    Case(
        "SeparableConvolution2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 6, 4),
        (
            *_common((5, 6, 4)),
            *(v for v in _kernel((2, 3, 4, 3), (3,))
              if not v.argument.startswith(("W_", "b_", "weights"))),
            Variant("weights", [array(2, 3, 4, 1), array(1, 1, 4, 3), [1, 0, 2]], "output"),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("depth_multiplier", 2, "parameters"),
            Variant("dim_ordering", "th", "shape"),
            Variant("depthwise_regularizer", "l2", "penalty"),
            Variant("pointwise_regularizer", "l1", "penalty"),
            Variant("b_regularizer", "l1", "penalty",
                    {"weights": [array(2, 3, 4, 1), array(1, 1, 4, 3), [1, 0, 2]]}),
            Variant("depthwise_constraint", {"name": "MaxNorm", "m": 0.01}, "weights"),
            Variant("pointwise_constraint", "nonneg", "weights"),
            Variant("b_constraint", "nonneg", "weights",
                    {"weights": [array(2, 3, 4, 1), array(1, 1, 4, 3), [1, -1, 2]]}),
        ),
    ),
    Case(
        "LocallyConnected1D",
        {"nb_filter": 3, "filter_length": 2},
        (7, 2),
        (
            *_common((7, 2)),
            *(replace(v, given=_LOCAL_1D) if v.argument.startswith("b_") else v
              for v in _kernel((6, 4, 3), (3,)) if v.argument != "weights"),
            Variant("weights", _LOCAL_1D["weights"], "output"),
            Variant("nb_filter", 5, "shape"),
            Variant("filter_length", 4, "shape"),
            Variant("subsample_length", 2, "shape"),
            *_forward_only(Variant("border_mode", "same", "CS023")),
            Variant("input_dim", 4, "parameters", {"input_length": 7}),
            Variant("input_length", 9, "shape", {"input_dim": 2}),
        ),
    ),
    Case(
        "LocallyConnected2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 6, 4),
        (
            *_common((5, 6, 4)),
            *(replace(v, given=_LOCAL_2D) if v.argument.startswith("b_") else v
              for v in _kernel((16, 24, 3), (3,)) if v.argument != "weights"),
            Variant("weights", _LOCAL_2D["weights"], "output"),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape"),
            *_forward_only(Variant("border_mode", "same", "CS023")),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "Embedding",
        {"input_dim": 5, "output_dim": 3},
        (4,),
        (
            *(v for v in _common((4,)) if v.argument != "input_dtype"),
            Variant("input_dtype", "bool", "output"),
            Variant("input_dim", 2, "parameters"),
            Variant("output_dim", 2, "shape"),
            Variant("init", "normal", "output"),
            Variant("input_length", 6, "shape"),
            Variant("weights", [array(5, 3)], "output"),
            Variant("W_regularizer", "l2", "penalty"),
            Variant("activity_regularizer", "l1", "penalty"),
            Variant("W_constraint", "nonneg", "weights"),
            *_forward_only(Variant("mask_zero", 1, "CS024"), Variant("dropout", 1.5, "CS025")),
        ),
    ),
    Case(
        "Masking",
        {},
        (40, 1),
        (
            *_common((40, 1)),
            Variant("mask_value", 1.0, "output", {"input_dtype": "int32"}),
        ),
    ),
    Case(
        "ActivityRegularization",
        {},
        (4, 3),
        (*_common((4, 3)), Variant("l1", 0.5, "penalty"), Variant("l2", 0.5, "penalty")),
    ),
    Case(
        "Highway",
        {},
        (5,),
        (
            *_common((5,), "parameters"),
            *(replace(v, given=_HIGHWAY) if v.argument.startswith("b_") else v
              for v in _kernel((5, 5), (5,)) if v.argument != "weights"),
            Variant("weights", _HIGHWAY["weights"], "output"),
            Variant("input_dim", 7, "parameters"),
            Variant("transform_bias", -2.0, "output"),
        ),
    ),
    Case(
        "MaxoutDense",
        {"output_dim": 4},
        (5,),
        (
            *_common((5,), "parameters"),
            *(replace(v, given=_MAXOUT) if v.argument.startswith("b_") else v
              for v in _kernel((5, 5), (5,)) if v.argument not in {"weights", "activation"}),
            Variant("weights", _MAXOUT["weights"], "output"),
            Variant("output_dim", 2, "shape"),
            Variant("nb_feature", 3, "parameters"),
            Variant("input_dim", 7, "parameters"),
        ),
    ),
    Case(
        "TimeDistributedDense",
        {"output_dim": 4},
        (6, 5),
        (
            *_common((6, 5)),
            *_kernel((5, 4), (4,)),
            Variant("output_dim", 2, "shape"),
            Variant("input_dim", 7, "parameters"),
            Variant("input_length", 9, "shape", {"input_dim": 5}),
        ),
    ),
    Case(
        "TimeDistributed",
        {"layer": {"type": "Dense", "output_dim": 4}},
        (6, 5),
        (*_common((6, 5)), Variant("layer", {"type": "Dense", "output_dim": 2}, "shape")),
    ),
    Case(
        "Slice",
        {"axis": 1},
        (6, 5, 3),
        (
            *_common((6, 5, 3)),
            Variant("axis", 2, "shape", {"stop": 2}),
            Variant("axis", [1, -1], "output", {"step": -1}),
            Variant("start", 2, "shape"),
            Variant("start", -2, "shape"),
            Variant("stop", -1, "shape"),
            Variant("step", -1, "output"),
            Variant("step", 2, "shape"),
            Variant("step", [-2, 3], "shape", {"axis": [2, 3], "start": [3, None]}),
            Variant("squeeze", True, "shape", {"start": 1, "stop": 2}),
        ),
    ),
    Case(
        "Reduce",
        {"axis": 2},
        (6, 5, 3),
        (
            *_common((6, 5, 3)),
            Variant("axis", -1, "shape"),
            Variant("axis", [1, 3], "shape"),
            Variant("mode", "mean", "output"),
            Variant("mode", "max", "output"),
            Variant("mode", "prod", "output"),
            Variant("keepdims", True, "shape"),
        ),
    ),
    Case(
        "Resize",
        {},
        (5, 7, 4),
        (
            *_common((5, 7, 4)),
            Variant("size", [3, 10], "shape"),
            Variant("factor", [3, 1], "shape"),
            Variant("interpolation", "nearest", "output"),
            Variant("align_corners", True, "output"),
            Variant("align_corners", True, "output", {"interpolation": "nearest", "size": [8, 4]}),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "LRN2D",
        {},
        (3, 4, 7),
        (
            *_common((3, 4, 7)),
            Variant("alpha", 1.0, "output"),
            Variant("k", 1.0, "output"),
            Variant("beta", 0.6, "output"),
            Variant("n", 3, "output", {"alpha": 1.0}),
            Variant("n", 99, "output", {"alpha": 1.0}),
            Variant("dim_ordering", "th", "output", {"alpha": 1.0}),
        ),
    ),
)  # fmt: skip

ROWS = [
    (case, variant) for case in CASES for variant in (None, *case.variants)
    if variant is None or not variant.refused
]  # fmt: skip
"""Each case by itself and with each of its variants that a spec may hold."""


def row_id(value: object) -> str:
    """A readable test id of a row's part."""
    if isinstance(value, Case):
        return value.layer
    if isinstance(value, Variant):
        shown = json.dumps(value.value).replace('"', "")
        return f"{value.argument}={shown if len(shown) < 40 else '..'}"
    return "base"
