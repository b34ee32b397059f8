"""SimpleRNN, LSTM, GRU and ConvLSTM2D of Keras 3, and Bidirectional around two of them.

Keras 3's ``hard_sigmoid`` is ``clip(x / 6 + 0.5, 0, 1)``, that of Keras 1 has the slope 0.2: the
columns of the gates are multiplied by 1.2, which gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from speccompiler.convert.keras3.activations import keras_name
from speccompiler.convert.keras3.builder import Array, Builder, Value
from speccompiler.convert.keras3.moving import CHANNELS_LAST
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim
from speccompiler.graph.padding import same_tensorflow

KINDS = {"simple": "SimpleRNN", "gru": "GRU", "gru_reset_after": "GRU", "lstm": "LSTM"}
SCALE = np.float32(1.2)
"""Of the gates, where one slope stands for the other."""
GATES = {"simple": (), "gru": (0, 1), "gru_reset_after": (0, 1), "lstm": (0, 1, 3)}
"""The columns that the gates' activation is applied to."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan with the convolution that computes its input, as one layer."""

    node: ir.Node
    op: ir.Recurrent
    conv: ir.Conv
    source: str
    """What the layer reads."""
    replaced: tuple[str, ...]
    """The nodes that it stands for, but the last."""
    flipped: str | None = None
    """The node that turns its steps around, as Bidirectional does."""


def scans(graph: ir.Graph) -> Mapping[str, Scan]:
    """Every scan that has a layer, by its name."""
    readers, nodes = graph.readers(), graph.by_name()
    found = {}
    for node in graph:
        op = node.op
        if not isinstance(op, ir.Recurrent) or op.masked or op.carried or op.gives_states:
            continue
        source = nodes[node.inputs[0]]
        alone = len(readers[source.name]) == 1 and source.name not in graph.outputs
        if not alone or not isinstance(source.op, ir.Conv) or source.op.activation is not None:
            continue
        flip = None
        behind = readers[node.name]
        if len(behind) == 1 and node.name not in graph.outputs and _turns(behind[0], node):
            flip = behind[0].name
        found[node.name] = Scan(node, op, source.op, source.inputs[0], (source.name,), flip)
    return found


def _turns(node: ir.Node, scan: ir.Node) -> bool:
    """Whether a node turns the steps of a scan around."""
    op, n = node.op, scan.shape[0]
    if not isinstance(op, ir.Slice) or op.count != scan.shape:
        return False
    return op.step == (-1, *(1,) * (len(scan.shape) - 1)) and op.start[0] == n - 1


def layer_of(b: Builder, scan: Scan, x: Value, shape: ir.Shape) -> Value:
    """The layer; its value has the axis of steps that the graph gives the last output, too."""
    kind, config, key, tensors = described(b, scan)
    own = shape if scan.op.sequences else shape[1:]
    y = b.add(kind, x, own, key=key, tensors={"cell": tensors}, **config)
    if scan.op.sequences:
        return y
    if len(shape) == 2:
        return b.add("Reshape", y, shape, target_shape=[1, shape[1]])
    target = [-1 if not isinstance(n, int) else n for n in shape]
    return b.add("Reshape", y, shape, target_shape=target)


def described(b: Builder, scan: Scan) -> tuple[str, dict[str, Any], tuple[Any, ...], list[Array]]:
    """The class of a layer, its arguments, what its tensors are made of, and these."""
    op, conv = scan.op, scan.conv
    own, factor = keras_name(op.activation), np.float32(1)
    gate: str | None = "linear"
    if GATES[op.cell]:
        gate = keras_name(op.gate_activation)
        if op.gate_activation == ACTIVATIONS["hard_sigmoid"]:
            gate, factor = "hard_sigmoid", SCALE
    if own is None or gate is None:
        raise b.refuse("a cell with this activation")
    config: dict[str, Any] = {
        "activation": own,
        "return_sequences": op.sequences,
        "go_backwards": op.reverse,
        "use_bias": conv.bias is not None or op.state_bias is not None,
    }
    if GATES[op.cell]:
        config["recurrent_activation"] = gate
    kind = _shape_of_cell(b, scan, config)
    width = op.gates * op.units
    scale = np.ones(op.gates, np.float32)
    scale[list(GATES[op.cell])] = factor
    columns = np.repeat(scale, op.units)
    kernel = b.numbers(conv.weight)
    kernel = kernel.reshape(kernel.shape[-2:] if not op.kernel else kernel.shape[1:])
    tensors = [kernel * columns, b.numbers(op.weight) * columns]
    if config["use_bias"]:
        zeros = np.zeros(width, np.float32)
        bias = zeros if conv.bias is None else b.numbers(conv.bias).reshape(-1)
        if op.cell == "gru_reset_after":
            state = zeros if op.state_bias is None else b.numbers(op.state_bias).reshape(-1)
            bias = np.stack([bias, state])
        tensors.append(bias * columns)
    return kind, config, (conv.weight, op.weight, conv.bias, op.state_bias), tensors


def _shape_of_cell(b: Builder, scan: Scan, config: dict[str, Any]) -> str:
    op, conv = scan.op, scan.conv
    if not op.kernel:
        whole = all(n == 1 for n in (*conv.kernel, *conv.stride, conv.groups))
        if not conv.kernel or not whole or len(scan.node.shape) != 2:
            raise b.refuse("a recurrent cell at several places")
        config["units"] = op.units
        if op.cell.startswith("gru"):
            config["reset_after"] = op.cell == "gru_reset_after"
        return KINDS[op.cell]
    rank = len(op.kernel)
    lengths = _lengths(scan)
    same = tuple(same_tensorflow(*of) for of in zip(lengths, op.kernel, (1,) * rank, strict=True))
    fits = conv.kernel == (1, *op.kernel) and conv.groups == 1
    first = tuple(
        same_tensorflow(n, k, s)
        for n, k, s in zip(lengths, op.kernel, conv.stride[1:], strict=True)
    )
    paddings = {((0, 0),) * (rank + 1): "valid", ((0, 0), *first): "same"}
    if op.cell != "lstm" or not fits or op.padding != same or conv.padding not in paddings:
        raise b.refuse("a convolutional cell with this padding")
    config.update(
        filters=op.units, kernel_size=list(op.kernel), strides=list(conv.stride[1:]),
        padding=paddings[conv.padding], **CHANNELS_LAST,
    )  # fmt: skip
    if any(d != 1 for d in conv.dilation):
        raise b.refuse("a convolutional cell with a dilation")
    return f"ConvLSTM{rank}D"


def _lengths(scan: Scan) -> tuple[Dim, ...]:
    """The spatial lengths of a state."""
    return scan.node.shape[1:-1]


def both_directions(b: Builder, one: Scan, other: Scan, x: Value) -> tuple[Value, Value]:
    """Bidirectional around two layers that read the same, and its two values."""
    parts = [described(b, scan) for scan in (one, other)]
    names = ("forward_layer", "backward_layer")
    kind = parts[0][0]
    forward, backward = (
        {
            "module": "keras.layers",
            "class_name": kind,
            "config": {"name": f"{way}_{kind.lower()}", "dtype": "float32", **config},
            "registered_name": None,
        }
        for way, (_, config, _, _) in zip(("forward", "backward"), parts, strict=True)
    )
    if parts[1][0] != kind:
        raise b.refuse("a Bidirectional of two kinds of layers")
    tensors = {f"{name}/cell": part[3] for name, part in zip(names, parts, strict=True)}
    made = b.add(
        "Bidirectional", x, one.node.shape, key=(*parts[0][2], *parts[1][2]), tensors=tensors,
        merge_mode=None, layer=forward, backward_layer=backward,
    )  # fmt: skip
    return made, Value(made.layer, made.call, 1, other.node.shape)
