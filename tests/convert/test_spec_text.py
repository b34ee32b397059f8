"""The text of a native spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.convert.conversion import convert
from speccompiler.convert.spec_text import flow, spec_text
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import to_data
from tests.cases import build
from tests.convert.conversions import LENET


def test_the_text(tmp_path: Path) -> None:
    model = build(LENET, [5, 6, 1], name="a: b", semantics="theano", seed=3)
    converted = convert(model, semantics="tensorflow", dim_ordering="th")
    text = spec_text(converted, spec_path=Path("m.yaml"), weights_path=Path("w/m.safetensors"))
    assert text == (
        """\
# Made by convspec convert from t.json.
# Converted from theano to tensorflow semantics: the kernels of c are reversed.
# Converted from dim_ordering tf to th: images go in and come out with their channels first.
# Transposed for that: c.
# Flat values come in another order, and so do the rows of d.
convspec: 1
name: "a: b"
semantics: tensorflow        # kernels are correlated, 'same' is split as TensorFlow does
dim_ordering: th             # channels after the batch axis
input_shape: [1, 5, 6]
seed: 3
weights: w/m.safetensors

layers:
  # (N, 2, 3, 4), 20 parameters
  - type: Convolution2D
    name: c
    nb_filter: 2
    nb_row: 3
    nb_col: 3
    activation: relu
    W_constraint: {name: MaxNorm, m: 2.0, axis: [1, 2, 3]}
  - {type: Activation, name: a, activation: {expr: "x * sigmoid(x)"}}  # (N, 2, 3, 4)
  - {type: Flatten, name: f}  # (N, 24)
  - {type: Dense, name: d, output_dim: 3, W_regularizer: l2}  # (N, 3), 75 parameters
"""
    )


def test_arguments_come_as_documented_and_what_is_needed_first(tmp_path: Path) -> None:
    layers = [
        {"type": "TimeDistributed", "name": "t", "layer": {
            "bias": False, "type": "Convolution2D", "nb_col": 2, "nb_row": 3, "nb_filter": 4,
            "border_mode": "same", "activation": "relu", "init": "zero"}},
        {"type": "TimeDistributed", "name": "p", "layer": {"type": "MaxPooling2D"}},
    ]  # fmt: skip
    converted = convert(build(layers, [5, 8, 8, 3]))
    text = spec_text(converted, spec_path=Path("m.yaml"), weights_path=None)
    assert text == (
        """\
# Made by convspec convert from t.json.
convspec: 1
name: t
semantics: tensorflow        # kernels are correlated, 'same' is split as TensorFlow does
dim_ordering: tf             # channels last
input_shape: [5, 8, 8, 3]
seed: 1

layers:
  # (N, 5, 8, 8, 4), 72 parameters
  - type: TimeDistributed
    name: t
    layer: {type: Convolution2D, nb_filter: 4, nb_row: 3, nb_col: 2, init: zero, activation: relu, border_mode: same, bias: false}
  - {type: TimeDistributed, name: p, layer: {type: MaxPooling2D}}  # (N, 5, 4, 4, 4)
"""  # noqa: E501
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=12),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("ab:#- ", min_size=1, max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_any_value_is_read_as_it_was_written(value: Any) -> None:
    document = parse_document(f"convspec: {flow(value)}\n", "m.yaml")
    assert document.root is not None, document.diagnostics
    assert to_data(document.root) == {"convspec": value}
