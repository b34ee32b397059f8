"""Scan, where its body is one step of a cell that the graph knows.

A body is lowered like other nodes, and what it makes of states and inputs is read as terms
(``cell_terms.py``). Where these are the new states of a cell (``cells.py``) the node is that cell's
loop; anything else is refused. Names say nothing. Before that, what a mask decides is taken off:
``Where(mask, new, old)`` of every state. Rules: onnx.ai/onnx/operators/onnx__Scan.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Problem
from speccompiler.files.onnx.model import Body, OnnxNode
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import (
    Identity,
    Input,
    Joined,
    Map,
    Node,
    Operand,
    Recurrent,
    Reshape,
    Weight,
)
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.onnx.bodies import lower_body
from speccompiler.lowering.onnx.cell_terms import Term, Terms, Unknown, Window
from speccompiler.lowering.onnx.cells import Columns, FoundCell, cell_of
from speccompiler.lowering.onnx.elementwise import TRUTH
from speccompiler.lowering.onnx.parts import cut
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Known, Value

MOST_NODES = 200
"""Of a body: no cell has so many."""
MOST_STATES = 3


@dataclass(frozen=True, slots=True)
class _Scanned:
    """An input of which each step reads a part: along which axis, and by which name."""

    value: Value
    axis: int
    name: str


@dataclass(frozen=True, slots=True)
class _Scan:
    """What a node says. ``new`` are names in the body, before a mask decides."""

    body: Body
    initial: tuple[Value | Known, ...]
    scanned: tuple[_Scanned, ...]
    backwards: bool
    new: tuple[str, ...]
    condition: str
    """The name of what decides whether the states change; "" for none."""
    rows_of: int
    """The state that is the output of every step."""
    rows_axis: int
    rows_backwards: bool


def lower_scan(scope: Scope) -> tuple[Value | None, ...]:
    """The last states, then an output of every step. CS261 for a body that is no known cell."""
    of = _scan(scope)
    apart = bool(of.condition) and len(of.new) > 1 and of.new[-1] == of.new[0]
    count = len(of.new) - apart
    if of.rows_of != (len(of.new) - 1 if apart else 0) or (apart and _given(of.initial[-1])):
        raise _unknown()
    given = [state for state in of.initial[:count] if isinstance(state, Value)]
    if len(given) not in {0, count}:
        raise scope.refuse("one of two initial states is given, and the other is none")
    states = [_state(scope, state) for state in of.initial]
    inner = _inside(scope, of.body)
    names = dict(zip(of.body.inputs, (_input(inner, state) for state in states), strict=False))
    x, mask = _which(of)
    names[x.name] = _input(inner, _slice(x))
    found, window = _cell(inner, of, names, count)
    order = window.order
    place = x.value.place(x.axis)
    rows = scope.transposed(x.value.node, (place, *(axis + (axis >= place) for axis in order)))
    masks = [] if mask is None else [_mask(scope, of, mask, states[0], order)]
    if any(found.shape not in {rows.shape[:1], rows.shape[:-1]} for found in masks):
        raise Problem("CS269", "the mask and the input have other numbers of steps or of places")
    every = scope.wants(len(of.new))
    # Without a copy the only output is the state h.
    states_apart = any(scope.wants(n) for n in range(0 if every or apart else 1, count))
    op = Recurrent(
        found.kind,
        rows.shape[0],
        _joined(scope, inner, found.kernels, window),
        _joined(scope, inner, found.biases, None) if found.biases else None,
        found.activation,
        found.gate_activation,
        window.kernel,
        window.padding,
        reverse=of.backwards,
        sequences=every,
        masked=bool(masks),
        carried=bool(given),
        gives_states=states_apart,
        first_masked="state" if masks and given and not apart else "zeros",
    )
    y = scope.add(op, rows, *masks, *(scope.transposed(s.node, order) for s in given))
    return _results(scope, of, op, y, states[0], order)


def _unknown() -> Problem:
    return Problem(
        "CS261",
        "it is control flow, and its body is no step of an LSTM, a GRU or an RNN that is known",
        "export the layer as LSTM, GRU or RNN, or take the model that the file was made of",
    )


# --- what the node says


def _scan(scope: Scope) -> _Scan:
    body: Body | None = scope.said("body", Body, None)
    count, inputs = scope.integer("num_scan_inputs"), scope.inputs
    if body is None or not 0 < count < len(inputs) or len(body.inputs) != len(inputs):
        raise Problem("CS269", "the body does not fit the inputs")
    held = len(inputs) - count
    if scope.model.opset < 9 or len(body.nodes) > MOST_NODES or held > MOST_STATES or count > 2:
        raise _unknown()
    if len(body.outputs) != held + 1 or len(scope.node.outputs) > held + 1:
        raise _unknown()
    initial = [read for read in inputs[:held] if read is not None]
    if len(initial) != held:
        raise Problem("CS269", "an initial state is missing")
    scanned = []
    for number, axis in enumerate(_each(scope, "scan_input_axes", count), start=held):
        value = scope.value(number)
        axis = scope.axis(axis, value.rank)
        if axis == value.batch:
            raise scope.mixes(f"steps lie along axis {axis}")
        scanned.append(_Scanned(value, axis, body.inputs[number]))
    ways = set(_each(scope, "scan_input_directions", count))
    by = {name: node for node in body.nodes for name in node.outputs}
    new = [_source(by, name) for name in body.outputs[:held]]
    rows = _source(by, body.outputs[held])
    if len(ways) > 1 or rows not in new:
        raise _unknown()
    rows_of, condition = new.index(rows), ""
    if count == 2:
        choices = [_choice(by, *pair) for pair in zip(new, body.inputs, strict=False)]
        conditions = {choice[0] for choice in choices if choice is not None}
        if None in choices or len(conditions) != 1:
            raise _unknown()
        (condition,) = conditions
        new = [choice[1] for choice in choices if choice is not None]
    return _Scan(
        body,
        tuple(initial),
        tuple(scanned),
        ways == {1},
        tuple(new),
        condition,
        rows_of,
        _each(scope, "scan_output_axes", 1)[0],
        _each(scope, "scan_output_directions", 1) == (1,),
    )


def _each(scope: Scope, name: str, count: int) -> tuple[int, ...]:
    found = scope.integers(name, None) or (0,) * count
    if len(found) != count:
        raise Problem("CS269", f"'{name}' has {len(found)} numbers, and {count} are needed")
    return found


def _source(by: Mapping[str, OnnxNode], name: str) -> str:
    """What a name stands for, apart from nodes that pass it on."""
    for _ in range(MOST_NODES):
        node = by.get(name)
        if node is None or node.op_type != "Identity" or node.domain or not node.inputs:
            break
        name = node.inputs[0]
    return name


def _choice(by: Mapping[str, OnnxNode], name: str, old: str) -> tuple[str, str] | None:
    """The condition and the new value of ``Where(condition, new, old)``."""
    node = by.get(name)
    if node is None or node.op_type != "Where" or node.domain or len(node.inputs) != 3:
        return None
    condition, new, kept = (_source(by, read) for read in node.inputs)
    return (condition, new) if kept == old else None


def _which(of: _Scan) -> tuple[_Scanned, _Scanned | None]:
    """The input of the gates, and the one that the condition is made of."""
    if not of.condition:
        return of.scanned[0], None
    by = {name: node for node in of.body.nodes for name in node.outputs}
    name = of.condition
    for _ in range(MOST_NODES):
        if name not in by or not by[name].inputs:
            break
        name = by[name].inputs[0]
    masks = [scanned for scanned in of.scanned if scanned.name == name]
    others = [scanned for scanned in of.scanned if scanned.name != name]
    if len(masks) != 1:
        raise _unknown()
    return others[0], masks[0]


# --- values of one step


def _given(state: Value | Known) -> bool:
    """Whether it is no state of zeros. CS262 for other constants."""
    if isinstance(state, Value):
        return True
    if state.dtype == "object" or state.array().any():
        raise Problem(
            "CS262",
            "an initial state is a constant that is not 0",
            "make it an input of the model",
        )
    return False


def _state(scope: Scope, state: Value | Known) -> Value:
    """A state as a step reads it; zeros have their samples in front."""
    if isinstance(state, Value):
        if state.batch != 0 or state.rank < 2:
            raise scope.mixes(f"a state has its samples along axis {state.batch}: not the axis")
        return state
    _given(state)
    if len(state.shape) < 2 or state.shape[0] != 1:
        raise scope.mixes(f"a state has shape {state.shape}, and says the axis")
    shape = state.shape[1:]
    return Value(Node("", Input(shape), (), shape, ""), len(state.shape), 0)


def _slice(of: _Scanned) -> Value:
    """What a step reads of an input: its node only says the shape."""
    value, place = of.value, of.value.place(of.axis)
    shape: tuple[Dim, ...] = (*value.node.shape[:place], *value.node.shape[place + 1 :]) or (1,)
    batch = value.batch - (of.axis < value.batch)
    if batch != 0:
        raise _unknown()
    return Value(Node("", Input(shape), (), shape, ""), value.rank - 1, 0, value.whole)


def _inside(scope: Scope, body: Body) -> Scope:
    """A graph of its own for the nodes of a step, which read only constants around them."""
    around = {name: scope.around.get(name) for node in body.nodes for name in node.reads}
    known = {name: read for name, read in around.items() if isinstance(read, Known)}
    b = Builder(scope.b.semantics, {}, layer="step", call="step")
    inner = Scope(b, scope.model, {}, {}, scope.exported)
    inner.around = {**known, "": None}
    return inner


def _input(inner: Scope, like: Value) -> Value:
    node = inner.b.add(Input(like.node.shape))
    return Value(node, like.rank, like.batch, like.whole)


# --- the cell


def _cell(
    inner: Scope, of: _Scan, names: Mapping[str, Value], count: int
) -> tuple[FoundCell, Window]:
    """The cell that a step is, whichever axis of a state its units are."""
    read = lower_body(inner, of.body, names, of.new[:count])
    new = [value for value in read if isinstance(value, Value)]
    x, _ = _which(of)
    states = [names[name] for name in of.body.inputs[:count]]
    shape = states[0].node.shape
    same = {(v.node.shape, v.rank, v.batch) for v in (*states, *new)}
    if len(new) != count or len(same) != 1:
        raise _unknown()
    wide = names[x.name].node.shape
    for channel in dict.fromkeys((len(shape) - 1, 0)):
        units, gates = shape[channel], wide[channel] if len(wide) == len(shape) else 0
        if not isinstance(units, int) or not isinstance(gates, int):
            continue
        given = {
            value.node.name: Term("state", (), number, 0, units)
            for number, value in enumerate(states)
        }
        # The state that only repeats what a step gave is read by nothing else.
        for name in of.body.inputs[count : len(of.initial)]:
            given[names[name].node.name] = Term("other")
        given[names[x.name].node.name] = Term("x", (), None, 0, gates)
        try:
            terms = Terms(inner.b.nodes, given, channel)
            found = cell_of([terms.whole(value.node.name) for value in new], units)
        except Unknown:
            continue
        if found is not None and terms.window is not None:
            return found, terms.window
    raise _unknown()


def _joined(
    scope: Scope, inner: Scope, columns: Sequence[Columns], window: Window | None
) -> Operand:
    """Columns side by side as one operand: those of one tensor have to be all of it."""
    parts: list[Columns] = []
    for each in columns:
        if parts and parts[-1].operand == each.operand and parts[-1].last == each.first:
            parts[-1] = Columns(each.operand, parts[-1].first, each.last)
        else:
            parts.append(each)
    made: list[Operand] = []
    for part in parts:
        weight = part.operand
        if not isinstance(weight, Weight) or (part.first, part.last) != (0, _width(weight, window)):
            raise _unknown()
        shape = (part.last,) if window is None else (*window.kernel, *weight.shape[-2:])
        known = inner.tensors[weight.name]
        own = scope.weight(known, weight.axes, shape, weight.split)
        made.append(replace(own, split=weight.split))
    return made[0] if len(made) == 1 else Joined(tuple(made), len(made[0].shape) - 1)


def _width(weight: Weight, window: Window | None) -> int:
    return weight.shape[-1] if window is not None else max(weight.shape)


# --- masks


def _mask(scope: Scope, of: _Scan, mask: _Scanned, state: Value, order: tuple[int, ...]) -> Node:
    """The mask with its steps in front: of each sample, or of each of its places."""
    inner = _inside(scope, of.body)
    given = _input(inner, _slice(mask))
    (found,) = lower_body(inner, of.body, {mask.name: given}, [of.condition])
    if not isinstance(found, Value) or found.batch != 0 or found.rank > state.rank:
        raise _unknown()
    by_name = {node.name: node for node in inner.b.nodes}
    node = found.node
    while not isinstance(node.op, Input):
        if not isinstance(node.op, Reshape | Identity) and node.op != Map(TRUTH):
            raise _unknown()
        node = by_name[node.inputs[0]]
    shape = state.node.shape
    alike = given.rank == 1
    if given.rank not in {1, len(shape)}:
        raise _unknown()
    # Axes of length 1 may only have come in beside the places, where the units are.
    wanted = tuple(1 if alike or axis == order[-1] else n for axis, n in enumerate(shape))
    if (*(1,) * (state.rank - found.rank), *found.node.shape) != wanted:
        raise _unknown()
    if not alike and given.node.shape != tuple(shape[axis] for axis in sorted(order[:-1])):
        raise _unknown()
    place = mask.value.place(mask.axis)
    along = () if alike else tuple(sorted(order[:-1]).index(axis) for axis in order[:-1])
    return scope.transposed(mask.value.node, (place, *(axis + (axis >= place) for axis in along)))


# --- results


def _results(
    scope: Scope, of: _Scan, op: Recurrent, y: Node, state: Value, order: tuple[int, ...]
) -> tuple[Value | None, ...]:
    """The states ``(N, ..)``, then the rows with their steps along the axis that is asked for."""
    back = tuple(order.index(axis) for axis in range(len(order)))
    rows: Dim = op.steps if op.sequences else 1
    behind: Dim = rows if op.gives_states else 0

    def last(output: int, row: Dim) -> Value | None:
        if not scope.wants(output):
            return None
        one = cut(scope, y, 0, row, 1)
        node = scope.transposed(scope.reshaped(one, one.shape[1:]), back)
        return Value(node, state.rank, 0)

    found = [last(number, behind + number) for number in range(op.states)]
    if len(of.new) > op.states:
        found.append(last(op.states, rows - 1))
    if not op.sequences:
        return tuple(found)
    every = cut(scope, y, 0, 0, rows)
    if of.rows_backwards:
        every = cut(scope, every, 0, rows - 1, rows, -1)
    axis = scope.axis(of.rows_axis, state.rank + 1)
    batch = 1 if axis == 0 else 0
    places = [1 + place for place in back]
    places.insert(axis - (axis > batch), 0)
    return (*found, Value(scope.transposed(every, tuple(places)), state.rank + 1, batch))
