"""What is called breaking, judged by what models compute and by the table of all arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from speccompiler.comparing.compare import compare
from speccompiler.comparing.model_diff import Fit, Impact, ModelDiff
from speccompiler.model import Model
from tests.cases import CASES, Case, Variant, build, row_id, spec, variant_layers, without
from tests.comparing.pairs import compared, model

VARIED = [(case, variant) for case in CASES for variant in case.variants if not variant.refused]


@pytest.mark.parametrize(("case", "variant"), VARIED, ids=row_id)
def test_every_argument_of_every_layer(case: Case, variant: Variant) -> None:
    """``variant.changes`` says what the argument changes, which other tests find out by running."""
    diff = compare(build(*without(case, variant)), build(*variant_layers(case, variant)))
    codes = {change.code for change in diff.changes}
    match variant.changes:
        case "output":
            assert codes & {"CD106", "CD301", "CD302", "CD305", "CD306"}
            assert diff.impact is Impact.BREAKING
        case "shape":
            assert codes & {"CD103", "CD301"}
            assert codes & {"CD113"}
            assert diff.impact is Impact.BREAKING
        case "parameters":
            assert codes & {"CD501", "CD503"}
            assert codes & {"CD701"}
        case "penalty" | "trainable" | "weights":
            assert codes == {"CD304"}
            assert diff.impact is Impact.NOTE
        case "name":
            renamed = [p for p in diff.layers if p.old and p.new and p.old.name != p.new.name]
            stores = any(pair.tensors for pair in renamed)
            assert ("CD504" in codes) == stores
            assert codes - {"CD504"} <= {"CD104", "CD114", "CD203"}
        case other:
            raise AssertionError(f"no expectation for {other!r}")


NUMBERS = {"CD201", "CD202", "CD204", "CD205", "CD206", "CD301", "CD302", "CD601"}
ARGUMENTS: dict[str, list[Any]] = {
    "activation": ["linear", "relu", "tanh", {"expr": "max(x, 0)"}],
    "border_mode": ["same", "valid"],
    "nb_row": [1, 2, 3],
    "nb_col": [1, 2],
    "subsample": [[1, 1], [2, 1]],
    "atrous_rate": [[1, 1], [2, 2], [1, 2]],
    "bias": [True, False],
    "W_regularizer": [None, {"name": "l2", "l": 0.1}],
    "trainable": [True, False],
}
CONV = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in ARGUMENTS.items()})
OTHERS = st.sampled_from(
    [
        {"type": "Dropout", "p": 0.5},
        {"type": "Dropout", "p": 0.1},
        {"type": "MaxPooling2D", "pool_size": [1, 1]},
        {"type": "MaxPooling2D", "pool_size": [2, 1], "strides": [1, 1], "border_mode": "same"},
        {"type": "AveragePooling2D", "pool_size": [1, 1], "strides": [1, 1]},
        {"type": "ZeroPadding2D", "padding": [0, 0]},
        {"type": "Activation", "activation": "linear"},
        {"type": "Activation", "activation": "tanh"},
        {"type": "Activation", "activation": "sigmoid"},
        {"type": "BatchNormalization", "axis": -1},
        {"type": "BatchNormalization", "axis": 3, "epsilon": 0.001},
        {"type": "BatchNormalization", "axis": 3, "epsilon": 0.1},
    ]
)


def layers(convolution: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    first = {"type": "AtrousConvolution2D", "name": "a", "nb_filter": 3, **convolution}
    last = {"type": "Convolution2D", "name": "c", "nb_filter": 2, "nb_row": 1, "nb_col": 1}
    return [first, {"name": "b", **other}, last]


def numbers(side: Model, tensors: dict[str, np.ndarray], folder: Any) -> np.ndarray:
    """The outputs on the reference target, with weights by name."""
    wanted = {f"{w.layer}/{w.tensor}" for w in side.graph.weights()}
    path = folder / "w.npz"
    np.savez(path, **{name: tensors[name] for name in wanted})
    text = side.loaded.document.text
    x = np.random.default_rng(0).uniform(-1, 1, (2, 12, 10, 2)).astype(np.float32)
    return model(text, weights=path).compile("reference").run(x)


def judged(diff: ModelDiff) -> bool:
    breaking = {c.code for c in diff.changes if c.impact is Impact.BREAKING}
    return bool(breaking & NUMBERS)


@settings(
    max_examples=80,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    one=CONV,
    other=CONV,
    kept=st.sets(st.sampled_from(sorted(ARGUMENTS)), min_size=len(ARGUMENTS) - 2),
    middle=st.tuples(OTHERS, OTHERS),
    alike=st.booleans(),
)
def test_numbers_change_just_where_it_is_said(
    tmp_path: Any,
    one: dict[str, Any],
    other: dict[str, Any],
    kept: set[str],
    middle: tuple[dict[str, Any], dict[str, Any]],
    alike: bool,
) -> None:
    """The same weights and inputs give other outputs where a change says so, and only there."""
    other = {**other, **{name: one[name] for name in kept}}
    texts = [
        spec(layers(arguments, middle[0 if alike else number]), [12, 10, 2])
        for number, arguments in enumerate((one, other))
    ]
    old, new = (model(text) for text in texts)
    diff = compare(old, new)
    stored = {
        f"{w.layer}/{w.tensor}": w.stored_shape for side in (old, new) for w in side.graph.weights()
    }
    fits = {tensor.fit for pair in diff.layers for tensor in pair.tensors}
    assume(Fit.RESHAPED not in fits)
    rng = np.random.default_rng(1)
    tensors = {
        name: rng.uniform(0.5 if name.endswith("std") else -1, 1.5, shape).astype(np.float32)
        for name, shape in stored.items()
    }
    before, after = (numbers(side, tensors, tmp_path) for side in (old, new))
    assert judged(diff) == (before.shape != after.shape or not np.array_equal(before, after))


@pytest.mark.parametrize(
    ("semantics", "differ"),
    [("theano", True), ("tensorflow-1.0", False), ({"profile": "tensorflow"}, False)],
)
def test_semantics_by_what_they_change(semantics: Any, differ: bool, tmp_path: Any) -> None:
    both = layers({"nb_row": 2, "nb_col": 2, "border_mode": "same"}, {"type": "Dropout", "p": 0.5})
    old, new = (spec(both, [12, 10, 2], semantics=given) for given in ("tensorflow", semantics))
    assert judged(compared(old, new)) is differ
    tensors = {
        f"{w.layer}/{w.tensor}": np.random.default_rng(3).random(w.stored_shape, np.float32)
        for w in model(old).graph.weights()
    }
    before, after = (numbers(model(text), tensors, tmp_path) for text in (old, new))
    assert np.array_equal(before, after) is not differ


@pytest.mark.parametrize(
    ("new", "codes"),
    [
        ("nb_row: 3, nb_col: 3, border_mode: same", {"CD302"}),
        ("nb_row: 1, nb_col: 1, border_mode: same", {"CD303"}),
        ("nb_row: 1, nb_col: 1, border_mode: same, activation: relu", {"CD302", "CD303"}),
        ("nb_row: 1, nb_col: 1, subsample: [2, 2], activation: relu", {"CD301", "CD302"}),
    ],
)
def test_arguments_that_change_together(new: str, codes: set[str]) -> None:
    """Each is judged in what both do: a wider kernel with 'same' keeps the shape."""
    text = "convspec: 1\ndim_ordering: tf\ninput_shape: [8, 8, 2]\nlayers:\n"
    layer = "  - {{type: Convolution2D, name: c, nb_filter: 2, {}}}\n"
    old = text + layer.format("nb_row: 1, nb_col: 1, border_mode: valid")
    diff = compared(old, text + layer.format(new))
    assert {change.code for change in diff.changes if change.code[:3] == "CD3"} == codes


MASKING = "type: Masking"
SCAN = "type: GRU, name: scan, output_dim: 2"
STATEFUL = f"{SCAN}, stateful: true"


@pytest.mark.parametrize(
    ("layers", "argument", "changes"),
    [
        ([SCAN], "stateful", True),
        ([f"type: Bidirectional, name: b, layer: {{{SCAN}}}"], "stateful", True),
        ([SCAN], "unroll", False),
        ([STATEFUL], "unroll", False),
        ([MASKING, SCAN], "unroll", False),
        ([MASKING, STATEFUL], "unroll", True),
        ([SCAN], "zero_output_for_mask", False),
        ([MASKING, SCAN], "zero_output_for_mask", True),
    ],
)
def test_states_and_masks_count_where_they_are_there(layers, argument, changes) -> None:
    """What a masked step gives counts where a mask comes; unroll where a state does as well."""

    def text(*layers: str) -> str:
        body = "".join(f"  - {{{layer}}}\n" for layer in layers)
        return f"convspec: 1\ninput_shape: [4, 2]\nlayers:\n{body}"

    *front, last = layers
    changed = last.replace("name: scan", f"name: scan, {argument}: true")
    diff = compared(text(*layers), text(*front, changed))
    assert [change.code for change in diff.changes] == ["CD302" if changes else "CD303"]
