"""Whatever a spec holds, a command ends in 0, 1 or 2 and explains itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speccompiler.schemas.registry import LAYERS
from tests.cli.calling import Call, shown_safely

SEEDS: list[dict[str, Any]] = [
    {
        "convspec": 1,
        "name": "one",
        "semantics": "theano",
        "dim_ordering": "th",
        "input_shape": [3, 9, None],
        "seed": 1,
        "layers": [
            {"type": "ZeroPadding2D", "padding": {"top_pad": 1, "left_pad": 2}},
            {"type": "Convolution2D", "name": "c", "nb_filter": 2, "nb_row": 3, "nb_col": 2,
             "subsample": [2, 1], "border_mode": "same", "init": {"name": "uniform", "scale": 0.1},
             "activation": {"expr": "where(x > 0, x, 0.1 * x)"}, "bias": True,
             "W_regularizer": {"name": "l1l2", "l1": 0.1}, "b_constraint": "nonneg",
             "W_constraint": {"name": "MaxNorm", "m": 2, "axis": [1, 2, 3]}},
            {"type": "MaxPooling2D", "pool_size": [1, 2], "strides": None},
            {"type": "UpSampling2D", "size": [2, 1], "dim_ordering": "default"},
        ],
    },
    {
        "convspec": 1,
        "input_shape": [6, 2],
        "semantics": {"profile": "theano", "kernel": "correlate"},
        "input_dtype": "uint8",
        "layers": [
            {"type": "Convolution1D", "nb_filter": 2, "filter_length": 2, "border_mode": "full",
             "weights": [[[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]], [0, 1]]},
            {"type": "AveragePooling1D", "pool_length": 3, "stride": 2, "border_mode": "same"},
            {"type": "Reshape", "target_shape": [2, -1]},
            {"type": "Flatten"},
            {"type": "Dropout", "p": 0.5},
            {"type": "Dense", "output_dim": 3, "activation": "softmax", "bias": False,
             "weights": [[[0.1, 0.2, 0.3]] * 8],
             "activity_regularizer": {"class_name": "L1L2Regularizer", "config": {"l1": 0.1}}},
        ],
    },
    {
        "class_name": "Sequential",
        "keras_version": "1.2.2",
        "config": [
            {"class_name": "Convolution3D",
             "config": {"name": "c", "trainable": True, "batch_input_shape": [None, 3, 4, 5, 1],
                        "input_dtype": "float32", "nb_filter": 2, "kernel_dim1": 1,
                        "kernel_dim2": 2, "kernel_dim3": 2, "dim_ordering": "tf"}},
            {"class_name": "ZeroPadding3D", "config": {"padding": [1, 0, 1]}},
            {"class_name": "Sequential", "config": [
                {"class_name": "Activation", "config": {"activation": "relu"}}]},
        ],
    },
    {
        "class_name": "Model",
        "keras_version": "1.1.0",
        "config": {
            "name": "m",
            "layers": [
                {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
                 "config": {"batch_input_shape": [None, 4], "name": "i"}},
                {"class_name": "Dense", "name": "d", "inbound_nodes": [[["i", 0, 0]]],
                 "config": {"output_dim": 2, "name": "d", "input_dim": 4}},
            ],
            "input_layers": [["i", 0, 0]],
            "output_layers": [["d", 0, 0]],
        },
    },
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 3, 7, 10**4, 2**31, 2**63, -(2**70), 10**40]),
    st.sampled_from([0.0, -0.5, 1.5, 1e-300, 1e300, 2.0]),
    st.sampled_from(
        ["", " ", "x", "relu", "softmax", "same", "th", "l2", "MaxNorm", "1", "nan", "a.npz#b",
         "kernel.npy", "x + 1", "x ** 99", "\x1b[31m", "\u200b", "é", "\ud800"]
    ),
    st.sampled_from([*LAYERS, "Conv2D", "Lambda", "BatchNormalization", "Sequential", "Model"]),
    st.text(max_size=8),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
LIKELY: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.sampled_from([1, 1, 2, 2, 3, 4, 5, 8, 0, -1, 40, 1000, 2**31, 2**62, None]),
    float: st.sampled_from([0.0, 0.5, 1.0, 2.5, -1.0, 1e-30, 1e300]),
    str: st.sampled_from(
        ["th", "tf", "default", "same", "valid", "full", "relu", "softmax", "elu", "theano",
         "tensorflow", "l1l2", "identity", "orthogonal", "maxnorm", "x / 0", "exp(exp(x))"]
    ),
    type(None): st.sampled_from([1, 2, 3, 8, None]),
}  # fmt: skip
"""Values that a schema may take in the place of another."""


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


CHANGES = ["delete", "replace", "repeat", "rename", "exchange"]


@st.composite
def mutated(draw: st.DrawFn, changes: int) -> Any:
    """A valid spec with a few values deleted, replaced, repeated or moved."""
    spec = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, changes))):
        found = list(places(spec))
        if not found:
            break
        node, key = draw(st.sampled_from(found))
        what = draw(st.sampled_from(["nudge"] * 5 + CHANGES))
        if what == "nudge" and not isinstance(node[key], dict | list):
            node[key] = draw(LIKELY[type(node[key])])
        elif what == "delete":
            del node[key]
        elif what == "replace":
            node[key] = draw(VALUES)
        elif what == "repeat" and isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        elif what == "rename" and isinstance(node, dict):
            others = [k for _, k in found if isinstance(k, str)]
            node[draw(st.sampled_from(others) | st.text(max_size=5))] = node.pop(key)
        elif what == "exchange":
            other, place = draw(st.sampled_from(found))
            node[key] = copy.deepcopy(other[place])
    return spec


def ends_well(
    call: Call, spec: Any, commands: tuple[list[str], ...], name: str = "fuzz.json"
) -> None:
    text = json.dumps(spec)
    Path(name).write_text(text, encoding="utf-8", errors="surrogatepass")
    for command in commands:
        result = call(*command[:1], name, *command[1:])
        where = f"{command} on {text}\n{result}"
        assert result.status in (0, 1, 2), where
        assert "internal error" not in result.err, where
        assert "Traceback" not in result.err + result.out, where
        assert result.status == 0 or result.out or result.err, where
        shown_safely(result)


COMMANDS = (
    ["validate"],
    ["validate", "--seed", "1", "--dim-ordering", "tf", "--semantics", "theano"],
    ["shapes", "--dim-ordering", "th"],
    ["shapes", "--format", "json", "--dim-ordering", "tf", "--input-shape", "8,8,3"],
    ["plan", "--semantics", "theano"],
    ["plan", "--semantics", "tensorflow", "--dim-ordering", "th", "--input-shape", "3,9,12"],
)
RUNS = (
    ["run", "--target", "reference", "--semantics", "theano", "--input", "0.npy", "--penalties"],
    ["run", "--target", "reference", "--seed", "2", "--input", "1.npy", "--apply-constraints"],
    ["run", "--target", "reference", "--seed", "2", "--input", "2.npy", "--dim-ordering", "tf"],
    ["run", "--target", "reference", "--seed", "2", "--input", "3.npy", "--batch-size", "1"],
)


def write_arrays() -> None:
    """One that fits each of ``SEEDS``."""
    for i, shape in enumerate([(2, 3, 9, 5), (3, 6, 2), (1, 3, 4, 5, 1), (2, 4)]):
        np.save(f"{i}.npy", np.ones(shape, np.float32))


FUZZ = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_the_specs_to_be_changed_are_valid(call: Call) -> None:
    for spec in SEEDS:
        Path("seed.json").write_text(json.dumps(spec))
        result = call("validate", "seed.json")
        assert result.status == 0, result


@given(spec=mutated(3))
@settings(FUZZ, max_examples=60)
def test_a_changed_spec_ends_well(call: Call, spec: Any) -> None:
    ends_well(call, spec, COMMANDS)


@given(spec=mutated(2))
@settings(FUZZ, max_examples=25)
def test_a_changed_spec_runs_or_ends_well(call: Call, spec: Any) -> None:
    write_arrays()
    ends_well(call, spec, RUNS)


@given(spec=VALUES)
@settings(FUZZ, max_examples=40)
def test_any_data_at_all_ends_well(call: Call, spec: Any) -> None:
    ends_well(call, spec, COMMANDS[:3])


@given(text=st.text(max_size=60) | st.binary(max_size=60))
@settings(FUZZ, max_examples=40)
def test_any_text_at_all_ends_well(call: Call, text: str | bytes) -> None:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    for name in ("fuzz.yaml", "fuzz.json", "-"):
        if name != "-":
            Path(name).write_bytes(data)
        result = call("validate", name, stdin=data)
        assert result.status in (0, 1, 2), (data, result)
        assert "internal error" not in result.err, (data, result)
        shown_safely(result)


@pytest.mark.slow
@given(spec=mutated(6))
@settings(FUZZ, max_examples=3000)
def test_a_much_changed_spec_ends_well(call: Call, spec: Any) -> None:
    write_arrays()
    ends_well(call, spec, (*COMMANDS, *RUNS))
