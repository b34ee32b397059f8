"""The table of rules is complete."""

from __future__ import annotations

from speccompiler.convert.rules import RULES
from speccompiler.schemas.registry import LAYERS
from tests.completeness import assert_rows

BY_PLACE = {
    "Reshape", "RepeatVector", "Masking", "Embedding", "Highway", "MaxoutDense",
    "TimeDistributedDense", "SimpleRNN", "LSTM", "GRU", "Pick", "State",
}  # fmt: skip


def test_every_layer_has_a_rule_or_none_for_a_reason() -> None:
    """What reads its input by place, and has no ordering, reads it as it was before."""
    one_dimensional = {name for name in LAYERS if name.endswith("1D")}
    table = "RULES (speccompiler/convert/rules.py), or, if it reads its input by place, BY_PLACE"
    assert_rows(table, {*RULES, *BY_PLACE, *one_dimensional}, LAYERS)
