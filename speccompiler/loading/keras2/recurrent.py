"""Recurrent layers of Keras 2 and 3 in the form of Keras 1.x's, with the weights side by side."""

from __future__ import annotations

from collections.abc import Mapping as Table

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.tree_building import added, scalar
from speccompiler.loading.keras2.axes import ordered
from speccompiler.loading.keras2.convolutions import per_axis, windowed
from speccompiler.loading.keras2.made import Made, Special
from speccompiler.loading.keras2.names import TYPES
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import value_of, whole_numbers, without
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping

_OFF = ("time_major", "zero_output_for_mask", "reset_after", "go_backwards", "unroll")
"""Arguments that say nothing where they are false."""


def _recurrent(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    """SimpleRNN, LSTM or GRU; the CuDNN layers are LSTM and GRU with fixed functions."""
    ours, span = TYPES.get(kind, kind), config.span
    config = _settled(reading, ours, config)
    if kind.startswith("CuDNN"):
        config = added(config, inner_activation=scalar("sigmoid", span))
        if ours == "GRU":
            config = added(config, reset_after=scalar(True, span))
    if ours != "SimpleRNN":
        config = added(config, consume_less=scalar("gpu", span))
    return [Made(ours, config)]


def _convolutional(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    config = windowed(_settled(reading, kind, config), 2)
    entry = config.entries.get("dilation_rate")
    config = ordered(without(config, "dilation_rate"))
    if entry is not None and set(whole_numbers(entry.value) or (0,)) != {1}:
        config = added(config, atrous_rate=per_axis(entry.value, 2))
    return [Made(kind, added(config, fused=scalar(True, config.span)))]


def _settled(reading: Reading, ours: str, config: Mapping) -> Mapping:
    """The arguments without those that say nothing, and with defaults that changed."""
    span = config.span
    if value_of(config, "time_major") is True:
        name = shown(text_at(config, "name") or ours)
        message = f"'time_major' of '{name}': the steps stand in front of the samples"
        entry = config.entries["time_major"]
        reading.refuse(entry.value.span, "CS242", message, "save the model without time_major")
        config = without(config, "time_major")
    config = without(config, *(key for key in _OFF if value_of(config, key) is False))
    forget = value_of(config, "unit_forget_bias")
    if "unit_forget_bias" in config.entries:
        at = config.entries["unit_forget_bias"].value.span
        config = without(config, "unit_forget_bias")
        config = added(config, forget_bias_init=scalar("one" if forget is True else "zero", at))
    if ours != "SimpleRNN" and "inner_activation" not in config.entries:
        late = reading.writer.line != "Keras 2" or not reading.writer.before(2, 3)
        config = added(config, inner_activation=scalar("sigmoid" if late else "hard_sigmoid", span))
    return config


_NAMES = (
    "SimpleRNN", "LSTM", "LSTMV1", "LSTMV2", "UnifiedLSTM", "CuDNNLSTM", "GRU", "GRUV1", "GRUV2",
    "UnifiedGRU", "CuDNNGRU",
)  # fmt: skip
SPECIAL: Table[str, Special] = {
    **dict.fromkeys(_NAMES, _recurrent),
    "ConvLSTM2D": _convolutional,
}
