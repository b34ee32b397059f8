"""What a changed argument does, told by what the layer is lowered to with it and without it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from speccompiler.comparing.layer_arguments import arguments, only_trains, with_arguments
from speccompiler.comparing.lowered_alone import Alone, lowered_alone, stands_alone
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Shape
from speccompiler.lowering.semantics import Semantics
from speccompiler.passes import optimize
from speccompiler.schemas.fields import Layer


class Effect(IntEnum):
    """How two layers differ over the same inputs; the worst last."""

    NONE = 0
    NUMBERS = 1
    SHAPE = 2


@dataclass(frozen=True, slots=True)
class Changed:
    """An argument with another value. Its effect is None where only training uses it."""

    name: str
    old: Any
    new: Any
    effect: Effect | None


def difference(one: Alone | None, other: Alone | None) -> Effect:
    """How two lowered layers differ; one that cannot be lowered differs in its shape."""
    if one is None or other is None:
        return Effect.SHAPE
    if (one.nodes, one.mask) == (other.nodes, other.mask) or (
        one.does_nothing and other.does_nothing
    ):
        return Effect.NONE
    if one.shape != other.shape:
        return Effect.SHAPE
    if stored_shapes(one) == stored_shapes(other) and _simplest(one) == _simplest(other):
        return Effect.NONE
    return Effect.NUMBERS


def stored_shapes(alone: Alone) -> dict[str, tuple[int, ...]]:
    """The shapes of a layer's tensors."""
    return {name: weight.stored_shape for name, weight in alone.tensors.items()}


def _simplest(alone: Alone) -> list[object]:
    """What is left of a layer after the passes: operations and, by number, what they read."""
    nodes = optimize(Graph(alone.nodes, alone.outputs)).nodes
    numbers = {node.name: number for number, node in enumerate(nodes)}
    return [(node.op, [numbers[name] for name in node.inputs]) for node in nodes]


def changed_arguments(
    old: Layer,
    new: Layer,
    semantics: Semantics,
    shapes: Sequence[Shape],
    *,
    masked: bool = False,
    given_mask: bool = False,
) -> list[Changed]:
    """The arguments that differ between two layers of one type, over inputs of the old shapes.

    Each is judged by the old layer with the new value and by the new one with the old value: an
    argument may count only beside another, as a dilation does beside a kernel. ``masked`` tells
    that a layer behind them reads their masks, ``given_mask`` that they read one themselves.
    """

    def alone(layer: Layer) -> Alone | None:
        return lowered_alone(layer, semantics, shapes, masked=masked, given_mask=given_mask)

    one, other = arguments(old), arguments(new)
    differing = [name for name, value in one.items() if value != other[name]]
    before, after = alone(old), alone(new)
    whole = difference(before, after) if stands_alone(new) else Effect.NUMBERS
    judged = [name for name in differing if not only_trains(old, name)]
    effects = dict.fromkeys(judged, whole)
    if len(differing) > 1 and whole is not Effect.NONE:
        for name in judged:
            there = alone(with_arguments(old, {name: other[name]}))
            back = alone(with_arguments(new, {name: one[name]}))
            pairs = [(a, b) for a, b in ((before, there), (back, after)) if a and b]
            # Together they may leave the shape as it was.
            effects[name] = min(whole, max((difference(*pair) for pair in pairs), default=whole))
        if not any(effects.values()):
            effects = dict.fromkeys(judged, whole)
    found = []
    for name in differing:
        effect = effects.get(name)
        # A value that nobody gave is what the compiler puts there.
        if effect is not Effect.NONE or None not in (one[name], other[name]) or name == "weights":
            found.append(Changed(name, one[name], other[name], effect))
    return found
