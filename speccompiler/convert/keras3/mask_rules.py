"""Which mask Keras 3 lets the value of a layer carry.

Read in Keras 3.0 to 3.15 (``supports_masking`` and ``compute_mask`` of each layer). Where releases
differ, in what a merge makes of several masks and in what follows a mask that a call was given,
the mask is ``UNSURE``: no layer that reads masks is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MaskKey = tuple[str, float]
"""A value's name in the graph, and the number from which its kept steps differ."""
UNSURE: MaskKey = ("", 0.0)

PASSES = frozenset(
    {
        "Activation", "BatchNormalization", "Dense", "ELU", "LayerNormalization", "LeakyReLU",
        "PReLU", "ReLU", "Rescaling", "UnitNormalization",
    }
)  # fmt: skip
"""Layers that hand on the mask of what they read."""
ELEMENTWISE = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})
RECURRENT = frozenset({"SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})


def carried_mask(
    kind: str,
    config: dict[str, Any],
    masks: Sequence[MaskKey | None],
    *,
    rank: int,
    given: bool,
) -> MaskKey | None:
    """The mask of a layer's value; None where it has none in any release of Keras 3.

    ``masks`` are those of what it reads, which has ``rank`` axes with the batch; where ``given``,
    the call has been given one beside.
    """
    if kind in PASSES:
        return masks[0]
    if kind in ELEMENTWISE or kind == "Concatenate":
        joined = kind == "Concatenate" and config["axis"] != rank - 1
        same = len(set(masks)) == 1 and not joined
        return masks[0] if same or not any(masks) else UNSURE
    if kind == "Bidirectional":
        kind, config = config["layer"]["class_name"], config["layer"]["config"]
    if kind in RECURRENT and config["return_sequences"]:
        return UNSURE if given else masks[0]
    return None
