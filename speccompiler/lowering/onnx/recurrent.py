"""RNN, GRU and LSTM, in one direction or two.

ONNX stores the gates of each direction one after another, each ``(units, inputs)``: LSTM i, o, f,
c; GRU z, r, h. The graph has them side by side, LSTM as i, f, c, o. The input's product with all
steps is one ``Conv``; both biases are added there, except where a GRU resets after its product.
Rules: the operators' pages at onnx.ai/onnx/operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import elu, leaky_relu
from speccompiler.expressions.nodes import Expression
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, is_known
from speccompiler.graph.ir import Cell, Conv, Node, Recurrent
from speccompiler.lowering.onnx.parts import cut, joined
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Array, Known, Value

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_ORDER = {"RNN": (0,), "GRU": (0, 1, 2), "LSTM": (0, 2, 3, 1)}
"""Which of the stored gates stands where in the graph."""
_DEFAULTS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}

_Made = Callable[[float, float], Expression]
_ACTIVATIONS: Mapping[str, tuple[tuple[float, ...], _Made]] = {
    "relu": ((), lambda a, b: parse("max(x, 0)")),
    "tanh": ((), lambda a, b: parse("tanh(x)")),
    "sigmoid": ((), lambda a, b: parse("sigmoid(x)")),
    "softsign": ((), lambda a, b: parse("softsign(x)")),
    "softplus": ((), lambda a, b: parse("softplus(x)")),
    "affine": ((1.0, 0.0), lambda a, b: parse(f"{a!r} * x + {b!r}")),
    "leakyrelu": ((0.01,), lambda a, b: leaky_relu(a)),
    "thresholdedrelu": ((1.0,), lambda a, b: parse(f"where(x > {a!r}, x, 0)")),
    "scaledtanh": ((1.0, 1.0), lambda a, b: parse(f"{a!r} * tanh({b!r} * x)")),
    "hardsigmoid": ((0.2, 0.5), lambda a, b: parse(f"clip({a!r} * x + {b!r}, 0, 1)")),
    "elu": ((1.0,), lambda a, b: elu(a)),
}
"""The alpha and the beta of each where nothing says them, as many as it has, and its formula."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """What the directions share."""

    units: int
    steps: Dim
    channels: int
    kernel: Known
    recurrent: Known
    bias: Known | None
    after: bool
    """Whether a GRU resets after its product."""


def lower_recurrent(scope: Scope) -> tuple[Value | None, ...]:
    """All steps, the last state, and of an LSTM its cell."""
    kind = scope.node.op_type
    x = scope.floats()
    first = 1 if scope.integer("layout") == 0 else 0
    if x.rank != 3 or x.batch != first:
        raise scope.mixes(f"samples are expected along axis {first} of three, and are along "
                          f"{x.batch} of {x.rank}: not the axis")  # fmt: skip
    if "clip" in scope.node.attributes:
        raise scope.refuse("'clip' is not supported")
    if scope.integer("input_forget"):
        raise scope.refuse("'input_forget' is not supported")
    peepholes = scope.known(7, "the peepholes")
    if peepholes is not None and peepholes.array().any():
        raise scope.refuse("peepholes are not supported")
    layer = _layer(scope, x)
    _check_lengths(scope, layer)
    direction = scope.word("direction", "forward")
    count = 2 if direction == "bidirectional" else 1
    if direction not in {"forward", "reverse", "bidirectional"}:
        raise Problem("CS269", f"there is no direction {direction[:40]!r}")
    if {layer.kernel.shape[0], layer.recurrent.shape[0]} != {count}:
        raise Problem("CS269", f"weights of {layer.kernel.shape[0]} directions are given")
    activations = _activations(scope, kind, count)
    states = [_states(scope, index, count, layer) for index in ((5, 6) if kind == "LSTM" else (5,))]
    every = scope.wants(0)
    sequences: list[Node | None] = []
    finals: list[list[Node | None]] = []
    for way in range(count):
        backwards = direction == "reverse" or way == 1
        given = [state[way] for state in states if state is not None]
        wanted = [scope.wants(1 + place) for place in range(len(states))]
        rows, last = _direction(
            scope, x.node, layer, activations[way], way, backwards, given, wanted, every
        )
        sequences.append(rows)
        finals.append(last)
    return _results(scope, layer, sequences, finals, first)


def _layer(scope: Scope, x: Value) -> _Layer:
    kind = scope.node.op_type
    kernel, recurrent = scope.needed(1, "W"), scope.needed(2, "R")
    steps, channels = x.node.shape
    gates = GATES[kind]
    if len(kernel.shape) != 3 or len(recurrent.shape) != 3 or not is_known(channels):
        raise Problem("CS269", "W or R has not three axes, or the number of channels is open")
    units = recurrent.shape[2]
    if kernel.shape[1:] != (gates * units, channels) or recurrent.shape[1] != gates * units:
        raise Problem(
            "CS269",
            f"W {kernel.shape} and R {recurrent.shape} do not fit {channels} channels",
        )
    if scope.integer("hidden_size", units) != units or units < 1:
        raise Problem("CS269", f"'hidden_size' is not {units}, as R says")
    bias = scope.known(3, "B")
    if bias is not None and bias.shape != (kernel.shape[0], 2 * gates * units):
        raise Problem("CS269", f"B has shape {bias.shape}")
    after = kind == "GRU" and bool(scope.integer("linear_before_reset"))
    return _Layer(units, steps, channels, kernel, recurrent, bias, after)


def _check_lengths(scope: Scope, layer: _Layer) -> None:
    lengths = scope.known(4, "the lengths of the sequences")
    if lengths is None:
        return
    found = lengths.array()
    if found.dtype == object:
        if all(n == layer.steps for n in found.ravel().tolist()):
            return
    elif is_known(layer.steps) and (found == layer.steps).all():
        return
    raise scope.refuse("sequences have lengths of their own", "pad them, and leave the input out")


def _activations(scope: Scope, kind: str, count: int) -> list[list[Expression]]:
    """f, g (and h) of each direction."""
    names = [
        n.decode("utf-8", "replace") if isinstance(n, bytes) else ""
        for n in scope.said("activations", tuple, ())
    ] or [*_DEFAULTS[kind]] * count
    each = len(_DEFAULTS[kind])
    if len(names) != each * count:
        raise Problem("CS269", f"{each * count} activations are needed, and {len(names)} given")
    alphas = [float(n) for n in scope.said("activation_alpha", tuple, ())]
    betas = [float(n) for n in scope.said("activation_beta", tuple, ())]
    if not all(np.isfinite([*alphas, *betas])):
        raise scope.refuse("a parameter of an activation is not finite")
    found: list[Expression] = []
    for name in names:
        if name.lower() not in _ACTIVATIONS:
            raise scope.refuse(f"the activation {name[:40]!r} is not supported")
        defaults, make = _ACTIVATIONS[name.lower()]
        # The lists hold no place for an activation that has no such parameter.
        alpha, beta = (*defaults, 0.0, 0.0)[:2]
        if len(defaults) > 0 and alphas:
            alpha = alphas.pop(0)
        if len(defaults) > 1 and betas:
            beta = betas.pop(0)
        found.append(make(alpha, beta))
    parts = [found[i * each : (i + 1) * each] for i in range(count)]
    if kind == "LSTM" and any(part[1] != part[2] for part in parts):
        raise scope.refuse("a cell's input and output have different activations")
    return parts


def _states(scope: Scope, index: int, count: int, layer: _Layer) -> list[Node] | None:
    """The initial state ``(units,)`` of each direction; None for zeros."""
    given = scope.input(index)
    if given is None:
        return None
    if isinstance(given, Known):
        if given.dtype == "object" or given.array().any():
            raise scope.refuse(
                "an initial state is a constant that is not 0", "make it an input of the model"
            )
        return None
    first = 1 if scope.integer("layout") == 0 else 0
    if given.rank != 3 or given.batch != first or given.node.shape != (count, layer.units):
        raise Problem("CS269", f"an initial state has shape {scope.shown(given)}")
    return [scope.reshaped(cut(scope, given.node, 0, i, 1), (layer.units,)) for i in range(count)]


def _direction(
    scope: Scope,
    x: Node,
    layer: _Layer,
    activations: list[Expression],
    way: int,
    backwards: bool,
    given: list[Node],
    wanted: list[bool],
    every: bool,
) -> tuple[Node | None, list[Node | None]]:
    """All outputs ``(T, units)`` in the order of time, and the final states ``(units,)``."""
    kind = scope.node.op_type
    if given and len(given) < len(wanted):
        raise scope.refuse("one of two initial states is given, and the other is none")
    gates, units = GATES[kind], layer.units
    order = _ORDER[kind]
    kernel = _by_gate(layer.kernel, way, order, units, "the gates side by side")
    weight = scope.weight(kernel, (0, 1), (1, layer.channels, gates * units))
    bias = _input_bias(layer, way, order)
    beside = None if bias is None else scope.weight(bias, (0,), (gates * units,))
    z = scope.add(Conv((1,), (1,), ((0, 0),), weight, beside), x)
    recurrent = _by_gate(layer.recurrent, way, order, units, "the gates side by side")
    state_bias = _state_bias(layer, way) if layer.after else None
    cells: Mapping[str, Cell] = {"RNN": "simple", "GRU": "gru", "LSTM": "lstm"}
    cell: Cell = "gru_reset_after" if layer.after else cells[kind]
    gate: Expression = activations[0]
    inner: Expression = activations[1] if len(activations) > 1 else activations[0]
    # The only output is the state h.
    states_apart = any(wanted[1:]) or (every and wanted[0])
    op = Recurrent(
        cell,
        layer.steps,
        scope.weight(recurrent, (0, 1), (units, gates * units)),
        None if state_bias is None else scope.weight(state_bias, (0,), (gates * units,)),
        inner,
        gate,
        reverse=backwards,
        sequences=every,
        carried=bool(given),
        gives_states=states_apart,
    )
    y = scope.add(op, z, *given)
    behind: Dim = (layer.steps if every else 1) if states_apart else 0
    rows: Node | None = None
    if every:
        rows = (
            cut(scope, y, 0, layer.steps - 1, layer.steps, -1)
            if backwards
            else cut(scope, y, 0, 0, layer.steps)
        )
    last = [
        scope.reshaped(cut(scope, y, 0, behind + place, 1), (units,)) if needed else None
        for place, needed in enumerate(wanted)
    ]
    return rows, last


def _by_gate(known: Known, way: int, order: tuple[int, ...], units: int, what: str) -> Known:
    """``(gates * units, n)`` of one direction as ``(n, gates * units)``, in another order."""

    def change(stored: Array) -> Array:
        parts = [stored[way, gate * units : (gate + 1) * units].T for gate in order]
        return np.ascontiguousarray(np.concatenate(parts, axis=1))

    return known.changed(f"of direction {way}, {what}", change)


def _gates_of(stored: Array, order: tuple[int, ...], units: int) -> Array:
    return np.concatenate([stored[gate * units : (gate + 1) * units] for gate in order])


def _input_bias(layer: _Layer, way: int, order: tuple[int, ...]) -> Known | None:
    """Both biases together; of a GRU that resets after its product the input's alone."""
    if layer.bias is None:
        return None
    units, count = layer.units, len(order) * layer.units

    def change(stored: Array) -> Array:
        mine = stored[way, :count] if layer.after else stored[way, :count] + stored[way, count:]
        return _gates_of(mine, order, units)

    what = "of the input" if layer.after else "joined"
    return layer.bias.changed(f"of direction {way}, {what}", change)


def _state_bias(layer: _Layer, way: int) -> Known | None:
    if layer.bias is None:
        return None
    count = 3 * layer.units
    return layer.bias.changed(f"of direction {way}, of the state", lambda b: b[way, count:].copy())


def _results(
    scope: Scope,
    layer: _Layer,
    sequences: list[Node | None],
    finals: list[list[Node | None]],
    first: int,
) -> tuple[Value | None, ...]:
    """In layout 0 ``(T, directions, N, units)`` and ``(directions, N, units)``, in 1 N first."""
    units, steps = layer.units, layer.steps
    found: list[Value | None] = [None]
    rows = [node for node in sequences if node is not None]
    if rows:
        parts = [scope.reshaped(node, (steps, 1, units)) for node in rows]
        found[0] = Value(joined(scope, parts, 1), 4, 2 if first else 0)
    for place in range(len(finals[0])):
        last = [states[place] for states in finals]
        states = [scope.reshaped(node, (1, units)) for node in last if node is not None]
        value = Value(joined(scope, states, 0), 3, 1 if first else 0) if states else None
        found.append(value)
    return tuple(found)
