"""The table of rules is complete."""

from __future__ import annotations

from speccompiler.convert.rules import RULES
from speccompiler.schemas.registry import LAYERS


def test_every_layer_has_a_rule_or_none_for_a_reason() -> None:
    """What reads its input by place, and has no ordering, reads it as it was before."""
    unruled = {name for name in LAYERS if name not in RULES}
    one_dimensional = {name for name in unruled if name.endswith("1D")}
    assert unruled - one_dimensional <= {
        "Reshape", "RepeatVector", "Masking", "Embedding", "TimeDistributed", "Highway",
        "MaxoutDense", "TimeDistributedDense", "Deconvolution2D", "LocallyConnected2D", "Lambda",
        "LSTM", "GRU", "SimpleRNN", "Bidirectional", "ConvLSTM2D",
    }  # fmt: skip
