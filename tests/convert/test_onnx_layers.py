"""Every layer with every argument as ONNX, run by ONNX Runtime, judged by the reference."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

import speccompiler
from speccompiler.convert.onnx.table import EXPORT, WITHOUT_NODES
from speccompiler.diagnostics.core import SpecError
from speccompiler.graph import ir
from tests.cases import CASES, ROWS, build, row_id, variant_layers
from tests.completeness import assert_rows
from tests.convert.onnx_runs import assert_close, assert_same, exported, judged, kinds, run, samples
from tests.test_conformance import ROOTS, Golden, folders, in_scope
from tests.test_examples import EXAMPLES, SPECS


def test_every_operation_has_a_row() -> None:
    table = "EXPORT (speccompiler/convert/onnx/table.py)"
    assert_rows(table, [*EXPORT, *WITHOUT_NODES], get_args(ir.Op))


@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("case", CASES, ids=row_id)
def test_every_layer(case: Any, semantics: str) -> None:
    for owner, variant in ROWS:
        if owner is case:
            layers, shape = variant_layers(case, variant)
            model = build(layers, shape, semantics=semantics)
            assert_same(model, samples(model), row_id(variant))


DRAWN_FOR_ONE_LENGTH = {"PReLU", "ParametricSoftplus", "SReLU"}
"""Without weights their parameters are drawn for the lengths that are known."""


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("case", CASES, ids=row_id)
def test_open_lengths(case: Any, ordering: str) -> None:
    """One file for inputs of two sizes, where the layer lets lengths stay open."""
    *spatial, channels = [*(None for _ in case.input_shape[1:]), case.input_shape[-1]]
    shape = [*spatial, channels] if ordering == "tf" else [channels, *spatial]
    semantics = "tensorflow" if ordering == "tf" else "theano"
    try:
        model = build(case.layers(), shape, semantics=semantics, dim_ordering=ordering)
        given = [samples(model, length=length) for length in (9, 14)]
        wanted = [judged(model, xs) for xs in given if case.layer not in DRAWN_FOR_ONE_LENGTH]
    except SpecError as error:
        pytest.skip(f"its lengths are known: {error.diagnostics[0].code}")
    made = exported(model)
    for xs, ys in zip(given, wanted, strict=False):
        assert_close(run(made, xs), ys)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file)
def test_examples(example: Any) -> None:
    model = speccompiler.load(SPECS / example.file, semantics=example.semantics, seed=3)
    if example.run is None:
        if example.parameters < 10_000_000:
            exported(model)
        return
    shapes = [example.run] if isinstance(example.run, tuple) else [*example.run.values()]
    random = np.random.default_rng(5)
    looks_up = any(isinstance(node.op, ir.Lookup) for node in model.graph)
    low, high = (0, 50) if looks_up else (-1, 1)
    assert_same(model, [random.uniform(low, high, shape).astype(np.float32) for shape in shapes])


SAMPLE = [
    pytest.param(folder, id=f"{folder.parent.name}-{folder.name}")
    for folder in [f for f in folders(ROOTS[0], "1.*") if in_scope(f)][::5]
]


@pytest.mark.parametrize("folder", SAMPLE)
def test_what_keras_gave(folder: Any) -> None:
    golden = Golden(folder)
    try:
        model = golden.load()
    except SpecError as error:
        pytest.skip(str(error.diagnostics[0].code))
    given = [x.astype(np.float32) for x in golden.inputs]
    found = run(exported(model), given)
    for y, wanted in zip(found, golden.outputs, strict=True):
        np.testing.assert_allclose(y, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


def test_a_model_of_theano_needs_no_transposition() -> None:
    """The orderings of a chain cancel; in the other one they stand at the ends."""
    layers = [
        {"type": "ZeroPadding2D"},
        {"type": "Convolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 3, "activation": "relu"},
        {"type": "BatchNormalization", "mode": 0, "axis": 1},
        {"type": "MaxPooling2D"},
        {"type": "Dropout", "p": 0.5},
        {"type": "UpSampling2D"},
        {"type": "Convolution2D", "nb_filter": 2, "nb_row": 1, "nb_col": 1},
    ]
    body = ["Conv", "Relu", "BatchNormalization", "MaxPool", "Resize", "Conv"]
    th = build(layers, [2, 8, 6], dim_ordering="th", semantics="theano")
    assert kinds(assert_same(th, samples(th))) == body
    layers[2]["axis"] = -1
    tf = build(layers, [8, 6, 2])
    assert kinds(assert_same(tf, samples(tf))) == ["Transpose", *body, "Transpose"]


def test_a_mean_of_equal_channels_is_the_same_for_all() -> None:
    """A softmax of large numbers would show what ``ReduceMean`` of onnxruntime adds to some."""
    model = build([{"type": "GlobalAveragePooling2D"}], [50, 13, 13], dim_ordering="th")
    x = np.random.default_rng(0).uniform(0, 1e10, (1, 1, 13, 13)).repeat(50, 1).astype(np.float32)
    made = assert_same(model, [x])
    assert kinds(made) == ["GlobalAveragePool", "Flatten"]
    (y,) = run(made, [x])
    assert np.ptp(y) == 0
