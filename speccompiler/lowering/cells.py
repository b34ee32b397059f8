"""What the cells of recurrent layers are made of: activations, and tensors of gates side by side.

A file has tensors of each gate or one of all; an operation reads one of all, whose gates are in
the order of ``ir.Recurrent``: i, f, c, o and z, r, h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.nodes import Variable
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import (
    CellActivation,
    Combine,
    Expand,
    Joined,
    Node,
    Operand,
    Recurrent,
    Reshape,
    Row,
    Slice,
    Weight,
)
from speccompiler.loading.keras1.releases import before
from speccompiler.lowering.activations import Activation, activation_function
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.mask_table import release_of
from speccompiler.lowering.semantics import Semantics
from speccompiler.lowering.states import given_states, initial_states, keep_states
from speccompiler.schemas.fields import Layer, argument
from speccompiler.schemas.recurrent_layer import RecurrentLayer

GATES = {"icfo": "ifco", "zrh": "zrh", "": ""}
"""The order in which operations have the gates, by that in which Keras 1.x stores them."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Which way a layer goes, and whose tensors it reads: its own, or those of a Bidirectional."""

    owner: Layer
    """The layer that the tensors and their arguments belong to."""
    prefix: str
    """What the names of tensors begin with."""
    reverse: bool


def own_direction(layer: RecurrentLayer) -> Direction:
    """That of a layer by itself."""
    return Direction(layer, "", layer.go_backwards)


Read = Callable[[str, int], Weight]
"""``read(name, gates)`` is how an operation reads the tensor of this name, of so many gates."""


def of_all_gates(
    b: Builder, layer: RecurrentLayer, way: Direction, kind: str, read: Read
) -> Operand:
    """The tensors W, U or b of all gates as one operand. CS091, CS093."""
    order = GATES[layer.gates]
    if layer.joined:
        parts = [read(f"{way.prefix}{kind}", max(1, len(order)))]
    else:
        parts = [read(f"{way.prefix}{kind}_{gate}", 1) for gate in order]
    check_kernel_arguments(b, way.owner, *parts)
    return parts[0] if len(parts) == 1 else Joined(tuple(parts), -1)


def biases(
    b: Builder, layer: RecurrentLayer, way: Direction, units: int, *, apart: bool
) -> tuple[Operand | None, Operand | None]:
    """What is added to what the input gives, and to what the state gives where that is ``apart``.

    The latter are two rows of one tensor.
    """

    twin = layer.class_name == "LSTM" and layer.joined

    def read(name: str, gates: int) -> Weight:
        shape = (2, gates * units) if apart else (gates * units,)
        variants: Literal["", "cudnn"] = "cudnn" if apart or twin else ""
        return Weight(b.layer, name, shape, tuple(range(len(shape))), shape, variants=variants)

    if not layer.bias:
        return None, None
    bias = of_all_gates(b, layer, way, "b", read)
    return (Row(bias, 0), Row(bias, 1)) if apart else (bias, None)


def cell_activation(b: Builder, value: Activation) -> CellActivation:
    """An activation of a step's values, which are vectors: softmax is over the units."""
    function = activation_function(value, 2, b.semantics)
    if function == "log_softmax":
        raise Problem(
            "CS043",
            "log_softmax is no activation of a recurrent layer",
            "softmax and elementwise activations are",
            argument="activation",
        )
    return Variable() if function is None else function


def first_masked(b: Builder, layer: RecurrentLayer) -> Literal["zeros", "state"]:
    """What a masked step gives that no other precedes, as ``ir.Recurrent`` says it.

    The loop of Keras's own TensorFlow backend gives the state that the layer begins with. It gives
    zeros where the steps are written out, as they always were up to 1.0.5, and so do Theano,
    tf.keras and Keras 3 (Keras 1.2.2 tensorflow_backend.py:2088, 2169; theano_backend.py:1055,
    1075).
    """
    zeros = b.semantics.theano or argument(layer, "unroll") or written_out(b.semantics)
    return "zeros" if zeros else "state"


def written_out(semantics: Semantics) -> bool:
    """Whether masked steps are as if all steps were written out, whatever ``unroll`` says."""
    release = semantics.release
    return before(release, (1, 0, 6)) or not before(release, (2, 4)) or release.endswith("-tf")


def scan(
    b: Builder,
    layer: RecurrentLayer,
    way: Direction,
    op: Recurrent,
    x: Node,
    mask: Node | None,
    given: Sequence[Node] = (),
) -> Node:
    """A scan of ``x``, what the input adds to the gates, with its mask and its states.

    ``given`` are the values that it begins with; without, its states are carried or zeros. Gives
    ``(steps, *places, units)``, or ``(*places, units)`` of the last step alone.

    Keras 3 gives a layer the mask of its input where that is the only value that it is called on
    (3.15 layers/layer.py, "Populate mask argument(s)"): with states beside it, every step counts.
    """
    if given and release_of(b.semantics.release) >= (3,):
        mask = None
    steps, *places, _ = x.shape
    state = (*places, op.units)
    first = given_states(b, layer, given, state, op.states)
    carried = () if given else initial_states(b, layer, way.prefix, state, op.states)
    wanted = bool(carried) or b.call in b.states_read
    op = replace(
        op,
        reverse=way.reverse,
        sequences=layer.return_sequences,
        masked=mask is not None,
        carried=bool(first or carried),
        gives_states=wanted,
        first_masked=first_masked(b, layer) if mask is not None and (first or carried) else "zeros",
    )
    y = b.add(op, x, *([] if mask is None else [mask]), *first, *carried)
    rows: Dim = steps if layer.return_sequences else 1
    if wanted:
        last = [b.add(Reshape(state), _rows(b, y, rows + number, 1)) for number in range(op.states)]
        if carried:
            keep_states(b, layer, way.prefix, last)
        b.last_states[b.call] = (*b.last_states.get(b.call, ()), *last)
        y = _rows(b, y, 0, rows)
    if mask is not None and layer.zero_output_for_mask:
        y = _zeros_where_masked(b, y, mask, reverse=way.reverse)
    return y if layer.return_sequences else b.add(Reshape(state), y)


def _rows(b: Builder, x: Node, start: Dim, count: Dim) -> Node:
    """``count`` rows of a value from ``start`` on."""
    rest = x.shape[1:]
    return b.add(Slice((start, *(0 for _ in rest)), (1,) * len(x.shape), (count, *rest)), x)


def _zeros_where_masked(b: Builder, y: Node, mask: Node, *, reverse: bool) -> Node:
    """``(rows, *places, units)`` with zeros in the rows of masked steps; the mask is ``(T, ..)``.

    One row is that of the step which comes last. Keras 3.15 backend/tensorflow/rnn.py:341.
    """
    rows, rest = y.shape[0], mask.shape[1:]
    steps = mask.shape[0]
    if rows != steps:
        start = 0 if reverse else steps - 1
        mask = b.add(Slice((start, *(0 for _ in rest)), (1,) * len(mask.shape), (1, *rest)), mask)
    elif reverse:
        turned = (-1, *(1 for _ in rest))
        mask = b.add(Slice((steps - 1, *(0 for _ in rest)), turned, mask.shape), mask)
    ones = (1,) * (len(y.shape) - len(mask.shape))
    wide = b.add(Reshape((*mask.shape, *ones)), mask)
    return b.add(Combine("mul"), y, b.add(Expand(y.shape), wide))


def passing_mask(b: Builder, layer: RecurrentLayer, y: Node, mask: Node | None) -> Node:
    """The layer's value with the mask of its input, which ends where the last step alone is given.

    The mask stays in the order of the input (Keras 1.2.2 recurrent.py:190).
    """
    return b.with_mask(y, mask if layer.return_sequences else None)
