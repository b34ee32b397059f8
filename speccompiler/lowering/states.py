"""The states of ``stateful`` layers: where a scan takes its first ones from, and gives its last to.

A lowering asks ``initial_states`` before the scan and hands what comes out to ``keep_states``.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.graph.ir import Node, Shape
from speccompiler.lowering.builder import Builder
from speccompiler.schemas.recurrent_layer import RecurrentLayer


def initial_states(
    b: Builder, layer: RecurrentLayer, prefix: str, shape: Shape, count: int
) -> tuple[Node, ...]:
    """The values that a layer's ``count`` states of this shape begin with; none for zeros.

    ``prefix`` tells the directions of a Bidirectional apart: "forward_", "backward_", else "".
    """
    return ()


def keep_states(b: Builder, layer: RecurrentLayer, prefix: str, states: Sequence[Node]) -> None:
    """Take the last states, of the shape of the first ones, where those were not zeros."""
