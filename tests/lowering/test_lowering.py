"""The case table through schema, lowering and both targets; and that the tables are complete."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph import describe, ir, receptive_fields
from speccompiler.graph.dims import symbols
from speccompiler.graph.shapes import SHAPE_RULES, format_shape, verify
from speccompiler.kernels.cpu.table import BY_OPERATION
from speccompiler.kernels.cuda import table as cuda_kernels
from speccompiler.kernels.reference.evaluate import REFERENCE
from speccompiler.loading.spellings import read_written
from speccompiler.lowering import time_distributed
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.lowering.table import LOWER
from speccompiler.model import Model, check
from speccompiler.planning.kernel_table import VIEWS
from speccompiler.schemas.registry import LAYERS, aliases
from speccompiler.source.texts import parse_document
from speccompiler.tiling.layouts import LAYOUTS
from speccompiler.tiling.regions import REGIONS
from speccompiler.tiling.tile_graph import TILED
from speccompiler.weights.penalties import activity_regularizers, project
from tests.cases import CASES, ROWS, build, row_id, spec, variant_layers, without
from tests.completeness import assert_rows
from tests.extra_targets import EXTRA_TARGETS

OPS = set(get_args(ir.Op))


# Completeness: what a new layer or operation forgot.


def test_every_layer_has_a_lowering_and_a_case():
    assert_rows("LOWER (speccompiler/lowering/table.py)", LOWER, LAYERS.values())
    assert_rows("CASES of its family (tests/cases/)", [case.layer for case in CASES], LAYERS)
    assert [case.layer for case in CASES] == list(LAYERS), "one case each"


COMPUTED = OPS - {ir.Input, *VIEWS}
OPERATION_TABLES = {
    "SHAPE_RULES (speccompiler/graph/shapes.py)": (SHAPE_RULES, OPS),
    "REFERENCE (speccompiler/kernels/reference/evaluate.py)": (REFERENCE, OPS),
    "LAYOUTS (speccompiler/tiling/layouts.py)": (LAYOUTS, OPS),
    "REGIONS (speccompiler/tiling/regions.py)": (REGIONS, OPS),
    "TILED (speccompiler/tiling/tile_graph.py)": (TILED, OPS),
    "ops of a kernel in KERNELS (speccompiler/kernels/cpu/table.py)": (BY_OPERATION, COMPUTED),
    "a kernel in KERNELS (speccompiler/kernels/cuda/table.py)": (
        cuda_kernels.BY_OPERATION,
        COMPUTED,
    ),
}


@pytest.mark.parametrize("table", OPERATION_TABLES)
def test_every_operation_has_a_row_in_every_table(table):
    assert_rows(table, *OPERATION_TABLES[table])


@pytest.mark.parametrize("module", [describe, receptive_fields, time_distributed])
def test_every_operation_is_told_apart(module):
    """Where rules are cases of a ``match`` a new operation is missed only once it is used."""
    text = inspect.getsource(module)
    told = [op for op in OPS if re.search(rf"\bir\.{op.__name__}\b", text)]
    assert_rows(f"the cases of {module.__name__}", told, OPS)


@pytest.mark.parametrize("case", CASES, ids=row_id)
def test_every_argument_has_a_case_with_another_value(case):
    fields = LAYERS[case.layer].model_fields
    varied = {variant.argument for variant in case.variants}
    assert varied == set(fields) - {"type"}
    for variant in case.variants:
        # A required argument differs from the base, an optional one from its default.
        if variant.argument in case.arguments:
            assert variant.value != case.arguments[variant.argument]
        else:
            assert variant.value != fields[variant.argument].default
    assert {name for name, field in fields.items() if field.is_required()} == {
        "type",
        *case.arguments,
    }


@pytest.mark.parametrize("case", [c for c in CASES if not LAYERS[c.layer].merges], ids=row_id)
def test_a_layer_keeps_places_or_shows_that_it_does_not(case):
    """``keeps_places`` of its class: a changed value changes the output in its own place alone."""
    keeping = LAYERS[case.layer].keeps_places
    variants = [v for v in case.variants if not v.refused and not keeping]
    kept = [keeps_places(*variant_layers(case, variant)) for variant in (None, *variants)]
    assert all(kept) == keeping, f"{case.layer}: keeps_places is {keeping}"


def keeps_places(layers: list[dict[str, Any]], shape: Any) -> bool:
    model = build(layers, shape)
    x = sample(model)
    compiled = model.compile("reference", input_shape=x.shape[1:])
    y = compiled.run(x)
    if y.shape != x.shape:
        return False
    place = tuple(n // 2 for n in x.shape)
    x[place] += 0.75
    changed = np.argwhere(compiled.run(x) != y)
    return all(tuple(found) == place for found in changed)


def test_every_alias_is_a_layer():
    assert aliases() == {
        "Conv1D": "Convolution1D", "Conv2D": "Convolution2D", "Conv3D": "Convolution3D",
        "AtrousConv1D": "AtrousConvolution1D", "AtrousConv2D": "AtrousConvolution2D",
        "Deconv2D": "Deconvolution2D", "SeparableConv2D": "SeparableConvolution2D",
        "DepthwiseConv1D": "DepthwiseConvolution1D", "DepthwiseConv2D": "DepthwiseConvolution2D",
        "SeparableConv1D": "SeparableConvolution1D",
    }  # fmt: skip
    for alias, name in aliases().items():
        (case,) = [case for case in CASES if case.layer == name]
        known = build([{"type": name, **case.arguments}], case.input_shape)
        assert build([{"type": alias, **case.arguments}], case.input_shape).spec == known.spec


# Each row, run.


def sample(model: Model) -> np.ndarray:
    """A batch for a model; open lengths are 6."""
    shape = [6 if symbols(d) else int(d) for d in model.graph.nodes[0].shape]
    if any(isinstance(node.op, ir.Lookup) for node in model.graph):
        return np.random.default_rng(7).uniform(0, 2, (2, *shape)).astype(np.float32)
    return np.random.default_rng(7).uniform(-3, 3, (2, *shape)).astype(np.float32)


@pytest.mark.parametrize(("case", "variant"), ROWS, ids=row_id)
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
def test_both_targets_agree_on_every_row(case, variant, semantics):
    layers, shape = variant_layers(case, variant)
    model = build(layers, shape, semantics=semantics)
    verify(model.graph)
    x = sample(model)
    judge = model.compile("reference", input_shape=x.shape[1:]).run(x)
    assert np.abs(judge).max() > 0
    for target in ("cpu", *EXTRA_TARGETS):
        y = model.compile(target, input_shape=x.shape[1:], threads=2).run(x)
        assert y.dtype == judge.dtype == np.float32
        assert y.shape == judge.shape == (2, *model.shapes(x.shape[1:]).layers[-1].output_shape)
        np.testing.assert_allclose(y, judge, atol=1e-5 * np.abs(judge).max())


@dataclass
class Observed:
    """What a spec can change about a layer."""

    output: np.ndarray
    shape: str
    name: str
    parameters: int
    trainable: int
    penalty: dict[tuple[str, str], float]
    weights: list[np.ndarray]


def observe(layers: list[dict[str, Any]], shape: Any) -> Observed:
    model = build(layers, shape)
    x = sample(model)
    compiled = model.compile("reference", input_shape=x.shape[1:])
    y = compiled.run(x)
    report = model.shapes()
    penalty = {(p.layer, p.term): p.value for p in compiled.penalties}
    for layer, term in activity_regularizers(model.spec).items():
        penalty[layer, "activity"] = term.accumulate(0.0, y)
    projected = project(model.spec, model.weight_sources.read())
    return Observed(
        y,
        format_shape(report.layers[-1].output_shape),
        report.layers[-1].name,
        report.parameters,
        report.layers[-1].trainable,
        penalty,
        list(projected.values()),
    )


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and bool(np.array_equal(one, other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


VARIANTS = [(case, variant) for case in CASES for variant in case.variants]


@pytest.mark.parametrize(("case", "variant"), VARIANTS, ids=row_id)
def test_every_argument_changes_something(case, variant):
    """Nothing is parsed and ignored: the very thing the table names is another one."""
    layers, shape = variant_layers(case, variant)
    if variant.refused:
        with pytest.raises(SpecError) as caught:
            build(layers, shape)
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == variant.changes
        assert f"'{variant.argument}'" in diagnostic.message
        return
    base = observe(*without(case, variant))
    changed = observe(layers, shape)
    assert not same(getattr(base, variant.changes), getattr(changed, variant.changes))
    if variant.changes == "penalty":
        assert set(changed.penalty) - set(base.penalty), "a penalty of its own"
        assert all(value > 0 for value in changed.penalty.values())
        assert same(base.output, changed.output)
    if variant.changes in {"name", "trainable", "weights"} and case.layer != "Dense":
        assert base.shape == changed.shape
    if variant.changes == "trainable":
        assert changed.trainable is False
        assert same(base.output, changed.output)


def test_no_trainable_layer_no_trainable_parameters():
    layer = {"type": "Dense", "output_dim": 3, "trainable": False}
    report = build([{"type": "Dense", "output_dim": 2}, layer], [4]).shapes()
    assert (report.parameters, report.trainable_parameters) == (19, 10)


# The graph as lowered, by hand.


def lowered(layers: list[dict[str, Any]], shape: Any, **header: Any) -> ir.Graph:
    return build(layers, shape, **header).graph


def kinds(graph: ir.Graph) -> list[str]:
    return [type(node.op).__name__ for node in graph]


def test_a_tf_convolution():
    graph = lowered(
        [{"type": "Convolution2D", "name": "c", "nb_filter": 8, "nb_row": 3, "nb_col": 2,
          "subsample": [2, 1], "border_mode": "same", "activation": "relu"}], [9, 7, 4],
    )  # fmt: skip
    assert [node.name for node in graph] == ["c:input", "c:conv", "c"]
    conv, act = graph.nodes[1:]
    assert conv.op == ir.Conv(
        (3, 2), (2, 1), ((1, 1), (0, 1)),
        ir.Weight("c", "W", (3, 2, 4, 8), (0, 1, 2, 3), (3, 2, 4, 8)),
        ir.Weight("c", "b", (8,), (0,), (8,)),
    )  # fmt: skip
    assert conv.shape == (5, 7, 8)
    assert act.op == ir.Map(ACTIVATIONS["relu"])
    assert {node.layer for node in graph} == {"c"}
    assert graph.outputs == ("c",)
    assert graph.weights() == (conv.op.weight, conv.op.bias)


def test_a_theano_convolution_in_th():
    graph = lowered(
        [{"type": "Convolution2D", "name": "c", "nb_filter": 8, "nb_row": 3, "nb_col": 2,
          "subsample": [2, 1], "border_mode": "same", "bias": False, "dim_ordering": "th"}],
        [4, 9, 7], semantics="theano",
    )  # fmt: skip
    assert kinds(graph) == ["Input", "Transpose", "Conv", "Transpose"]
    assert [node.shape for node in graph] == [(4, 9, 7), (9, 7, 4), (5, 7, 8), (8, 5, 7)]
    conv = graph.nodes[2].op
    assert isinstance(conv, ir.Conv)
    # Padded by k // 2 in front; the even column surplus is in front too.
    assert conv.padding == ((1, 1), (1, 0))
    assert conv.weight == ir.Weight("c", "W", (8, 4, 3, 2), (2, 3, 1, 0), (3, 2, 4, 8), flip=True)
    assert conv.bias is None


def test_a_window_of_one_is_never_flipped():
    graph = lowered([{"type": "Convolution1D", "nb_filter": 8, "filter_length": 1}], [9, 4],
                    semantics="theano")  # fmt: skip
    (weight, _) = graph.weights()
    assert weight.flip is False
    assert weight.stored_shape == (1, 1, 4, 8)
    assert weight.shape == (1, 4, 8)


def test_dense_is_a_convolution_without_spatial_axes():
    graph = lowered([{"type": "Dense", "output_dim": 3}], [5])
    conv = graph.nodes[1].op
    assert isinstance(conv, ir.Conv)
    assert (conv.kernel, conv.stride, conv.padding) == ((), (), ())
    assert conv.weight.shape == conv.weight.stored_shape == (5, 3)
    graph = lowered([{"type": "Dense", "output_dim": 3, "activation": "softmax"}], [7, 5])
    assert kinds(graph) == ["Input", "Conv", "Softmax"]
    assert graph.nodes[1].op.weight.shape == (1, 5, 3)  # type: ignore[union-attr]


def test_pools_default_to_their_window_as_stride():
    graph = lowered([{"type": "MaxPooling2D", "pool_size": [3, 2]}], [9, 8, 1])
    assert graph.nodes[1].op == ir.Pool("max", (3, 2), (3, 2), ((0, 0),) * 2, ((0, 0),) * 2)
    graph = lowered([{"type": "AveragePooling1D", "pool_length": 4, "border_mode": "same"}], [8, 1],
                    semantics="theano")  # fmt: skip
    assert graph.nodes[1].op == ir.Pool("average", (4,), (4,), ((3, 0),), ((0, 0),))


def test_the_small_layers():
    def ops(layer: dict[str, Any], shape: Any) -> list[Any]:
        return [node.op for node in lowered([layer], shape).nodes[1:]]

    assert ops({"type": "ZeroPadding1D", "padding": 2}, [4, 1]) == [ir.Pad(((2, 2),))]
    assert ops({"type": "ZeroPadding2D", "padding": [1, 2, 3, 4]}, [4, 4, 1]) == [
        ir.Pad(((1, 2), (3, 4)))
    ]
    assert ops({"type": "ZeroPadding2D", "padding": {"right_pad": 5}}, [4, 4, 1]) == [
        ir.Pad(((0, 0), (0, 5)))
    ]
    assert ops({"type": "ZeroPadding3D", "padding": [0, 1, 2]}, [4, 4, 4, 1]) == [
        ir.Pad(((0, 0), (1, 1), (2, 2)))
    ]
    assert ops({"type": "UpSampling2D", "size": [3, 1]}, [4, 4, 1]) == [ir.Upsample((3, 1))]
    assert ops({"type": "Flatten"}, [4, 4, 2]) == [ir.Reshape((32,))]
    assert ops({"type": "Reshape", "target_shape": [2, -1]}, [4, 4, 2]) == [ir.Reshape((2, 16))]
    assert ops({"type": "Dropout", "p": 0.3}, [4]) == [ir.Identity()]
    assert ops({"type": "InputLayer"}, [4]) == [ir.Identity()]
    assert ops({"type": "Activation", "activation": "softmax"}, [4]) == [ir.Softmax()]
    assert ops({"type": "UpSampling2D", "dim_ordering": "th"}, [1, 4, 4]) == [
        ir.Transpose((1, 2, 0)), ir.Upsample((2, 2)), ir.Transpose((2, 0, 1)),
    ]  # fmt: skip


def test_a_layer_without_an_operation_is_an_identity():
    linear = {"type": "Activation", "activation": "linear"}
    graph = lowered([{"type": "Flatten"}, linear | {"name": "l"}], [4])
    assert graph.nodes[-1] == ir.Node("l", ir.Identity(), ("flatten_1",), (4,), "l")
    # As the first layer it is the input itself.
    graph = lowered([linear | {"name": "l"}], [4])
    assert graph.nodes == (ir.Node("l", ir.Input((4,)), (), (4,), "l"),)
    x = np.ones((2, 4), np.float32)
    for target in ("reference", "cpu"):
        y = build([linear], [4]).compile(target).run(x)
        assert np.array_equal(y, x)
        assert not np.shares_memory(y, x)


def test_names_of_nodes_never_clash():
    """A layer may be called what a node of another layer would be called."""
    layers = [
        {"type": "Convolution1D", "name": "a", "nb_filter": 2, "filter_length": 1,
         "activation": "relu"},
        {"type": "Activation", "name": "a:conv", "activation": "tanh"},
        {"type": "Activation", "name": "a:conv2", "activation": "tanh"},
        {"type": "Activation", "name": "a:input", "activation": "tanh"},
    ]  # fmt: skip
    graph = lowered(layers, [4, 2])
    verify(graph)
    assert graph.outputs == ("a:input",)
    assert len(graph.by_name()) == len(graph.nodes) == 6
    assert [node.layer for node in graph] == ["a", "a", "a", "a:conv", "a:conv2", "a:input"]
    x = np.ones((1, 4, 2), np.float32)
    model = build(layers, [4, 2])
    every = ["a", "a:conv", "a:conv2", "a:input"]
    outputs = [model.compile(t, layers=every).run_all(x) for t in ("reference", "cpu")]
    assert set(outputs[0]) == set(every)
    for name in every:
        np.testing.assert_allclose(outputs[0][name], outputs[1][name], rtol=1e-5)


def test_a_declaration_inside_the_model_has_to_be_true():
    layers = [{"type": "MaxPooling1D"}, {"type": "Dropout", "p": 0.1, "input_shape": [5, 2]}]
    with pytest.raises(SpecError) as caught:
        build(layers, [8, 2])
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "CS037"
    assert diagnostic.message == "'input_shape' says [5, 2], but the input has shape (4, 2)"
    assert build(layers, [10, 2]).graph.nodes[-1].shape == (5, 2)


def test_lowering_stops_at_the_first_layer_without_an_input():
    layers = [{"type": "MaxPooling1D", "pool_length": 9, "name": "p"}, {"type": "MaxPooling2D"}]
    document = parse_document(spec(layers, [4, 2]), "t.json")
    assert len(read_written(document).layers) == 2
    model, found = check(document)
    assert model is None
    assert [(d.code, d.layer) for d in found] == [("CS044", "p")]


def test_symbols_are_named_by_the_ordering():
    for ordering, shape, text in [
        ("tf", [None, None, 3], "(H, W, 3)"), ("th", [3, None, None], "(3, H, W)"),
    ]:  # fmt: skip
        graph = lowered([{"type": "MaxPooling2D"}], shape, dim_ordering=ordering)
        assert format_shape(graph.nodes[0].shape) == text
    graph = lowered([{"type": "MaxPooling3D"}], [None, None, None, None])
    assert format_shape(graph.nodes[0].shape) == "(D, H, W, C)"
    graph = lowered([{"type": "Dropout", "p": 0.1}], [None, None, 2, None, None])
    assert format_shape(graph.nodes[0].shape) == "(N1, N2, 2, N4, C)"


def test_lower_is_pure():
    model = build([{"type": "Convolution1D", "nb_filter": 2, "filter_length": 3}], [9, 2])
    semantics = Semantics("correlate", "tensorflow")
    assert lower(model.spec, semantics) == lower(model.spec, semantics)
    assert lower(model.spec, semantics).graph == model.graph
