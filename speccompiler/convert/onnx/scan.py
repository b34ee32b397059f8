"""A recurrent layer, step by step: a ``Scan`` whose body is one step of the cell.

For masks, convolutional cells, several places, and activations that ONNX's own recurrent
operations do not know.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.convert.onnx import protobuf
from speccompiler.convert.onnx.activations import activated
from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.lengths import vector
from speccompiler.convert.onnx.moving import Result
from speccompiler.convert.onnx.protobuf import Array
from speccompiler.convert.onnx.values import Layout, Value, natural
from speccompiler.convert.onnx.windows import kernel_first, window
from speccompiler.graph import ir
from speccompiler.graph.dims import known


def scan(b: Builder, node: ir.Node, op: ir.Recurrent, x: Value, *others: Value) -> Result:
    """All steps. States have their units last; those of a convolutional cell the channels first."""
    masks, initial = (others[:1], others[1:]) if op.masked else ((), others)
    places = x.shape[1:-1]
    rank = len(places)
    of_step = (0, rank + 1, *range(1, rank + 1)) if op.kernel else natural(rank + 1)
    of_steps: Layout = (0, 1, *(axis + 1 for axis in of_step[1:]))
    zeros = ""
    if not op.carried or (op.masked and op.first_masked == "zeros"):
        batch = b.emit("Shape", b.batch[0], start=b.batch[1], end=b.batch[1] + 1)
        sizes = (batch, *((*places, op.units)[axis - 1] for axis in of_step[1:]))
        zeros = b.emit("Expand", b.number(0.0), vector(b, sizes))
    states = [b.read(value, of_step) for value in initial] or [zeros] * op.states
    # Without a mask, and where nothing is carried, the output is the state h.
    apart = op.masked and op.carried and op.first_masked == "zeros"
    first = [*states, *([zeros] if apart else [])]
    scanned = [b.read(x, of_steps), *(b.read(mask) for mask in masks)]
    with b.body() as nodes:
        names = [b.unused(f"{b.named}/{what}") for what in ("h", "c", "y")[: op.states]]
        if apart:
            names.append(b.unused(f"{b.named}/y"))
        given = [b.unused(f"{b.named}/{what}") for what in ("x", "mask")[: len(scanned)]]
        new = _step(b, op, given[0], names[: op.states], axis=1 if op.kernel else -1)
        new = [*new, *([new[0]] if apart else [])]
        if masks:
            keep = _keep(b, given[1], masks[0], rank, op)
            new = [b.emit("Where", keep, *pair) for pair in zip(new, names, strict=True)]
        output = b.emit("Identity", new[-1] if apart else new[0])
        # An output of a body is no output twice, and none of its inputs.
        inside = protobuf.body(f"{b.named}/step", nodes, [*names, *given], [*new, output])
    count = len(scanned)
    direction = {"scan_input_directions": [1] * count} if op.reverse else {}
    last = b.emit_all(
        "Scan",
        [*first, *scanned],
        len(new) + 1,
        body=inside,
        num_scan_inputs=count,
        scan_input_axes=[1] * count,
        scan_output_axes=[1],
        **direction,
    )
    *finals, sequence = last

    def row(tensor: str) -> str:
        return b.emit("Unsqueeze", tensor, b.integers([1]))

    rows = sequence if op.sequences else row(finals[-1] if apart else finals[0])
    if op.gives_states:
        rows = b.emit("Concat", rows, *map(row, finals[: op.states]), axis=1)
    return rows, of_steps


def _keep(b: Builder, mask: str, value: Value, rank: int, op: ir.Recurrent) -> str:
    """Whether the step counts: for each sample, or each place of it, beside a state's values."""
    truth = b.emit("Cast", mask, to=protobuf.BOOL)
    if value.rank == 1:
        return b.emit("Unsqueeze", truth, b.integers(range(1, rank + 2)))
    return b.emit("Unsqueeze", truth, b.integers([1 if op.kernel else rank + 1]))


def _step(b: Builder, op: ir.Recurrent, x: str, states: Sequence[str], axis: int) -> list[str]:
    """The states after a step of which the input adds ``x`` to the gates."""
    h = states[0]

    def split(tensor: str, count: int) -> list[str]:
        sizes = b.integers([op.units] * count)
        return b.emit_all("Split", [tensor, sizes], count, axis=axis)

    def gate(tensor: str) -> str:
        return _activated(b, op.gate_activation, tensor, axis)

    def own(tensor: str) -> str:
        return _activated(b, op.activation, tensor, axis)

    if op.cell == "simple":
        return [own(b.emit("Add", x, _added(b, op, h, 0, 1)))]
    if op.cell == "lstm":
        i, f, c, o = split(b.emit("Add", x, _added(b, op, h, 0, 4)), 4)
        kept, new = b.emit("Mul", gate(f), states[1]), b.emit("Mul", gate(i), own(c))
        cell = b.emit("Add", kept, new)
        return [b.emit("Mul", gate(o), own(cell)), cell]
    if op.cell == "gru_reset_after":
        z, r, candidate = split(x, 3)
        state = _added(b, op, h, 0, 3)
        if op.state_bias is not None:
            beside = (lambda bias: bias.reshape(-1, *(1,) * len(op.kernel))) if op.kernel else None
            bias = b.operand(op.state_bias, f"beside {len(op.kernel)}", beside)
            state = b.emit("Add", state, bias)
        of_z, of_r, of_h = split(state, 3)
        z, r = gate(b.emit("Add", z, of_z)), gate(b.emit("Add", r, of_r))
        added = b.emit("Mul", r, of_h)
    else:
        sizes = b.integers([2 * op.units, op.units])
        gates, candidate = b.emit_all("Split", [x, sizes], 2, axis=axis)
        z, r = map(gate, split(b.emit("Add", gates, _added(b, op, h, 0, 2)), 2))
        added = _added(b, op, b.emit("Mul", r, h), 2, 3)
    new = own(b.emit("Add", candidate, added))
    return [b.emit("Add", new, b.emit("Mul", z, b.emit("Sub", h, new)))]


def _added(b: Builder, op: ir.Recurrent, state: str, first: int, last: int) -> str:
    """What a state adds to the gates from ``first`` to before ``last``."""
    part = slice(first * op.units, last * op.units)
    form = "" if (first, last) == (0, op.gates) else f" {first} {last}"
    if not op.kernel:
        return b.emit("MatMul", state, b.operand(op.weight, f"state{form}", lambda w: w[..., part]))

    def kernel(weight: Array) -> Array:
        return kernel_first(weight[..., part])

    weight = b.operand(op.weight, f"kernel{form}", kernel)
    begins, ends = zip(*op.padding, strict=True)
    pads = [known(n) for n in (*begins, *ends)]
    return b.emit("Conv", state, weight, **window(op.kernel, (1,)), pads=pads)


def _activated(b: Builder, activation: ir.CellActivation, tensor: str, axis: int) -> str:
    if activation == "softmax":
        return b.emit("Softmax", tensor, axis=axis)
    assert not isinstance(activation, str), "only softmax is a text"
    return activated(b, tensor, activation)
