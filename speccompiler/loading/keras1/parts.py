"""What Keras's models are made of: layers, chains, branches, networks, and what each takes.

A part refers to its layers by their numbers, so that it may be called again, and a layer may
stand in several parts.
"""

from __future__ import annotations

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class OneLayer:
    """A layer, by its number among the model's."""

    number: int


@dataclass(frozen=True, slots=True)
class Several:
    """A layer that gives several values, and a layer of ours that takes each of them."""

    layer: OneLayer
    values: tuple[OneLayer, ...]


@dataclass(frozen=True, slots=True)
class WithStates:
    """A recurrent layer, and the layers of ours that read its last states: None for one unread."""

    layer: OneLayer
    states: tuple[OneLayer | None, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """A Sequential: each part reads the one before it."""

    items: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Branches:
    """A Merge that holds what it merges."""

    branches: tuple[Part, ...]
    merge: OneLayer


@dataclass(frozen=True, slots=True)
class Link:
    """``[layer, call, tensor]``: an output of a call of a functional model's layer."""

    member: str
    call: int
    tensor: int
    span: Span


@dataclass(frozen=True, slots=True)
class Member:
    """A layer of a functional model, and what each of its calls reads."""

    part: Part
    first: int
    calls: tuple[tuple[Link, ...], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Network:
    """A functional model; ``order`` are the calls, each after what it reads."""

    members: dict[str, Member]
    order: tuple[tuple[str, int], ...]
    inputs: tuple[Link, ...]
    outputs: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Timed:
    """A model inside TimeDistributed. Its calls are counted as those of a layer, from 0."""

    part: Part


Part = OneLayer | Several | WithStates | Chain | Branches | Network | Timed


def output_count(part: Part) -> int:
    """How many values a part gives."""
    if isinstance(part, Chain):
        return output_count(part.items[-1])
    if isinstance(part, Timed):
        return output_count(part.part)
    if isinstance(part, Several):
        return len(part.values)
    if isinstance(part, WithStates):
        return 1 + len(part.states)
    return len(part.outputs) if isinstance(part, Network) else 1


def sources(part: Part) -> tuple[int, ...]:
    """The layers that read a part's inputs, each once: branches may share their first layer."""
    match part:
        case OneLayer(number):
            return (number,)
        case Several(layer) | WithStates(layer):
            return (layer.number,)
        case Chain(items):
            return sources(items[0])
        case Timed(inner):
            return sources(inner)
        case Branches(branches):
            return tuple(dict.fromkeys(n for branch in branches for n in sources(branch)))
        case Network(members, _, inputs):
            return tuple(n for link in inputs for n in sources(members[link.member].part))


def input_count(part: Part) -> int:
    """How many values a part is called on."""
    return len(sources(part))
