"""SimpleRNN, LSTM and GRU: one product for the inputs of all steps, then a scan.

Rules: Keras 1.2.2 layers/recurrent.py:367-873. ``unroll`` and ``consume_less`` say how Keras
computed, and change no number; the latter says how the tensors are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from speccompiler.graph.ir import Cell, Conv, Node, Recurrent, Weight
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.cells import (
    Direction,
    biases,
    cell_activation,
    of_all_gates,
    own_direction,
    passing_mask,
    scan,
)
from speccompiler.lowering.input_axes import known_channels, spatial_input
from speccompiler.lowering.step_masks import any_of

if TYPE_CHECKING:
    from speccompiler.schemas.recurrent import GRU, LSTM, SimpleRNN

CELLS: dict[str, Cell] = {"SimpleRNN": "simple", "GRU": "gru", "LSTM": "lstm"}


def lower_recurrent(b: Builder, layer: SimpleRNN | GRU | LSTM, x: Node, *first: Node) -> Node:
    """``(steps, channels)`` to ``(steps, units)``, or to the ``(units,)`` of the last step.

    ``first`` are the states that it begins with, ``(units,)``: h, and then c of an LSTM.
    """
    mask = b.mask_of(x)
    y = steps_of(b, layer, own_direction(layer), x, mask, first)
    return passing_mask(b, layer, y, mask)


def steps_of(
    b: Builder,
    layer: SimpleRNN | GRU | LSTM,
    way: Direction,
    x: Node,
    mask: Node | None,
    first: Sequence[Node] = (),
) -> Node:
    """What a layer gives in one direction, in the order in which its steps are computed.

    Keras 3 hands a mask with more axes on behind a TimeDistributed: a step is there if anything of
    it is (keras 3.15 backend/jax/rnn.py, ``is_masked``).
    """
    x = spatial_input(b, layer, x)
    mask = None if mask is None else any_of(b, mask)
    channels, units = known_channels(b, layer, x), layer.output_dim
    cell = CELLS[layer.class_name]
    apart = cell == "gru" and getattr(layer, "reset_after", False)

    def from_input(name: str, gates: int) -> Weight:
        stored = (channels, gates * units)
        return Weight(b.layer, name, stored, (0, 1), (1, *stored))

    def from_state(name: str, gates: int) -> Weight:
        stored = (units, gates * units)
        return Weight(b.layer, name, stored, (0, 1), stored)

    weight = of_all_gates(b, layer, way, "W", from_input)
    recurrent = of_all_gates(b, layer, way, "U", from_state)
    bias, state_bias = biases(b, layer, way, units, apart=apart)
    gates = getattr(layer, "inner_activation", None)
    op = Recurrent(
        "gru_reset_after" if apart else cell,
        x.shape[0],
        recurrent,
        state_bias,
        cell_activation(b, layer.activation),
        cell_activation(b, gates),
    )
    inputs = b.add(Conv((1,), (1,), ((0, 0),), weight, bias), x)
    return scan(b, layer, way, op, inputs, mask, first)
