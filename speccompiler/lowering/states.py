"""The states of ``stateful`` layers: where a scan takes its first ones from, and gives its last to.

The layer may also be called on its first states, as the decoder of a translator is, and a ``State``
reads those that a call leaves behind. These are values like others, and nothing is carried.

A lowering asks ``initial_states`` before the scan and hands what comes out to ``keep_states``. A
graph has no states as long as nobody wants them carried: then each begins with zeros. Else each
is an input of its own behind the model's, and an output behind the model's and the taps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Input, Node, Shape
from speccompiler.graph.shapes import format_shape, may_be_equal
from speccompiler.lowering.builder import Builder, CarriedState
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import ModelSpec

if TYPE_CHECKING:
    from speccompiler.schemas.beyond_keras import State
    from speccompiler.schemas.recurrent_layer import RecurrentLayer

NAMES = ("h", "c")
"""What the states of a layer are called: of the output, and of an LSTM's cell."""


def initial_states(
    b: Builder, layer: RecurrentLayer, prefix: str, shape: Shape, count: int
) -> tuple[Node, ...]:
    """The values that a layer's ``count`` states of this shape begin with; none for zeros.

    ``prefix`` tells the directions of a Bidirectional apart: "forward_", "backward_", else "".
    CS213 for a shared layer, which would begin each of its calls with the same states.
    """
    if b.states is None or not layer.stateful:
        return ()
    if b.layer in b.shared:
        raise Problem(
            "CS213",
            "this stateful layer is called more than once: which of its calls leaves the state "
            "behind is not defined in Keras",
            "give each call a layer of its own",
            argument="stateful",
        )
    nodes = []
    for name in NAMES[:count]:
        node = b.add(Input(shape))
        b.states.append(CarriedState(f"{b.call}/{prefix}{name}", node.name, "", shape))
        nodes.append(node)
    return tuple(nodes)


def keep_states(b: Builder, layer: RecurrentLayer, prefix: str, states: Sequence[Node]) -> None:
    """Take the last states, of the shape of the first ones, where those were not zeros."""
    assert b.states is not None, "states are kept where they were carried"
    last = {f"{b.call}/{prefix}{name}": node for name, node in zip(NAMES, states, strict=False)}
    b.states[:] = [
        replace(state, output=last[state.name].name) if state.name in last else state
        for state in b.states
    ]


def states_read(spec: ModelSpec) -> frozenset[str]:
    """The calls of which a ``State`` reads a state."""
    kinds = {str(layer.name): layer.class_name for layer in spec.layers}
    taking = {layer.name for layer in spec.layers if layer.first_states}
    stepping = {call.name for call in spec.calls if call.layer in taking}
    return frozenset(
        call.inputs[0]
        for call in spec.calls
        if kinds[call.layer] == "State" and call.inputs and call.inputs[0] in stepping
    )


def lower_state(b: Builder, layer: State, x: Node) -> Node:
    """A state of the call before it. CS068."""
    states = b.last_states.get(x.name, ())
    if layer.index >= len(states):
        count = len(states)
        raise Problem(
            "CS068",
            f"'{x.layer}' leaves {count or 'no'} state{'' if count == 1 else 's'} behind; there is "
            f"no state {layer.index}",
            "SimpleRNN and GRU have 1, an LSTM has 2, a Bidirectional has those of both directions",
            argument="index" if count else None,
        )
    return states[layer.index]


def given_states(
    b: Builder, layer: Layer, states: Sequence[Node], shape: Shape, count: int
) -> tuple[Node, ...]:
    """The values that a layer is called on beside its input, as first states. CS063."""
    for state in states:
        if len(state.shape) != len(shape) or not all(map(may_be_equal, state.shape, shape)):
            raise Problem(
                "CS063",
                f"this {layer.class_name} begins with states of shape {format_shape(shape)}; "
                f"'{state.layer}' has shape {format_shape(state.shape)}",
                f"it reads its input and then {'h' if count == 1 else 'h and c'}",
            )
    return tuple(states)


def stateful_layers(spec: ModelSpec) -> Iterator[Layer]:
    """The layers whose state goes on from one batch to the next, wrappers of such as well."""
    return (layer for layer in spec.layers if getattr(layer.inner, "stateful", False))


def check_carried(spec: ModelSpec) -> None:
    """CS213 for a model without a state, or with one in each step of a TimeDistributed."""
    if not any(stateful_layers(spec)):
        raise Problem(
            "CS213",
            "no layer of the model is stateful: there is no state to carry",
            "run(x) gives the same; stateful: true in a recurrent layer carries its state",
        )
    for layer in stateful_layers(spec):
        if layer.class_name == "TimeDistributed":
            raise Problem(
                "CS213",
                "the state of a layer inside TimeDistributed cannot be carried from batch to batch",
                "write stateful: false: each step begins with zeros",
                layer=layer.name,
                argument="layer",
            )


def without_batch(spec: ModelSpec) -> Problem | None:
    """CS212 for a stateful layer of a Keras file that declares no batch, which Keras refuses.

    Keras 1.2.2 layers/recurrent.py:242. A native spec may leave it to each call.
    """
    if spec.native or fixed_batch(spec) is not None:
        return None
    for layer in stateful_layers(spec):
        return Problem(
            "CS212",
            "this layer is stateful, and nothing says how many samples a batch has: Keras refuses "
            "it, since a state belongs to each sample of a batch",
            "the first layer's batch_input_shape begins with the number; a native spec that names "
            "this model may say batch_size: 1",
            layer=layer.name,
        )
    return None


def fixed_batch(spec: ModelSpec) -> int | None:
    """The samples of a batch of a stateful model, where anything says them."""
    return spec.batch_size if any(stateful_layers(spec)) else None


def check_any_order(spec: ModelSpec, what: str) -> None:
    """CS213 for a stateful model where ``what`` would compute its samples in any order."""
    if any(stateful_layers(spec)):
        raise Problem(
            "CS213",
            f"the model is stateful: its batches are run in order, and {what} would begin each "
            "with zeros",
            "leave it out; where each sample is a sequence of its own, write stateful: false",
        )
