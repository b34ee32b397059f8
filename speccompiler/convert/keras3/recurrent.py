"""SimpleRNN, LSTM, GRU and ConvLSTM2D of Keras 3, and Bidirectional around two of them.

Keras 3's ``hard_sigmoid`` is ``clip(x / 6 + 0.5, 0, 1)``, that of Keras 1 has the slope 0.2: the
columns of the gates are multiplied by 1.2, which gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speccompiler.convert.keras3.activations import keras_name
from speccompiler.convert.keras3.builder import Array, Builder, Value
from speccompiler.convert.keras3.moving import (
    CHANNELS_LAST,
    LENGTHS,
    padded,
    permuted,
    reshaped,
    unmasked,
)
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.graph.dims import is_known
from speccompiler.graph.padding import same_tensorflow

KINDS = {"simple": "SimpleRNN", "gru": "GRU", "gru_reset_after": "GRU", "lstm": "LSTM"}
HARD_SIGMOID = ACTIVATIONS["hard_sigmoid"]
SCALE = np.float32(1.2)
"""Of the columns that it is applied to, where one slope stands for the other."""
GATES = {"simple": (), "gru": (0, 1), "gru_reset_after": (0, 1), "lstm": (0, 1, 3)}
"""The columns that the gates' activation is applied to."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan with the convolution that computes its input, as one layer."""

    node: ir.Node
    """The last of its nodes, whose value the layer gives."""
    op: ir.Recurrent
    conv: ir.Conv
    source: str
    """What the layer reads."""
    replaced: tuple[str, ...]
    """The nodes that it stands for, but the last."""
    mask: str | None
    places: bool
    """Whether it is the scan of each place of the first axis, as TimeDistributed runs one."""
    columns: tuple[str, ...]
    """The nodes that make masked steps give zeros, beside the product: none where they do not."""
    flipped: str | None = None
    """The node that turns its steps around, as Bidirectional does."""


def scans(graph: ir.Graph) -> Mapping[str, Scan]:
    """Every scan that has a layer, by the name of its last node."""
    readers, nodes = graph.readers(), graph.by_name()
    found = {}
    for node in graph:
        op = node.op
        if not isinstance(op, ir.Recurrent) or op.carried or op.gives_states:
            continue
        sources = [nodes[node.inputs[0]]]
        places = op.kernel in {(), (1,)} and sources[0].op == ir.Transpose((1, 0, 2))
        if places:
            sources.append(nodes[sources[0].inputs[0]])
        source = sources[-1]
        alone = all(len(readers[s.name]) == 1 and s.name not in graph.outputs for s in sources)
        if not alone or not isinstance(source.op, ir.Conv) or source.op.activation is not None:
            continue
        replaced = [s.name for s in sources]
        mask, last = node.inputs[1] if op.masked else None, node
        columns: tuple[str, ...] = ()
        zeroing = _zeroing(nodes, graph.outputs, readers, node, op)
        if zeroing:
            *inside, last = zeroing
            columns = tuple(one.name for one in inside)
            replaced += [node.name, *columns]
        flip = None
        behind = readers[last.name]
        if len(behind) == 1 and last.name not in graph.outputs and _turns(behind[0], last):
            flip = behind[0].name
        found[last.name] = Scan(
            last, op, source.op, source.inputs[0], tuple(replaced), mask, places, columns, flip
        )
    return found


def _zeroing(
    nodes: Mapping[str, ir.Node],
    outputs: Sequence[str],
    readers: Mapping[str, tuple[ir.Node, ...]],
    node: ir.Node,
    op: ir.Recurrent,
) -> list[ir.Node]:
    """The nodes that make the outputs of masked steps 0, the product last; none where none do."""
    if not (op.masked and op.sequences and len(readers[node.name]) == 1):
        return []
    (product,) = readers[node.name]
    if product.op != ir.Combine("mul") or len(product.inputs) != 2 or node.name in outputs:
        return []
    inside, mask = [product], nodes[product.inputs[1]]
    for kind in (ir.Expand, ir.Reshape):
        if isinstance(mask.op, kind):
            inside.append(mask)
            mask = nodes[mask.inputs[0]]
    if op.reverse:
        if not _turns(mask, nodes[node.inputs[1]]):
            return []
        inside.append(mask)
        mask = nodes[mask.inputs[0]]
    lone = all(len(readers[one.name]) == 1 and one.name not in outputs for one in inside[1:])
    return inside[::-1] if lone and mask.name == node.inputs[1] else []


def _turns(node: ir.Node, value: ir.Node) -> bool:
    """Whether a node turns the steps of a value around."""
    op, n = node.op, value.shape[0]
    if not isinstance(op, ir.Slice) or op.count != value.shape:
        return False
    return op.step == (-1, *(1,) * (len(value.shape) - 1)) and op.start[0] == n - 1


def layer_of(b: Builder, scan: Scan, x: Value, mask: Value | None, shape: ir.Shape) -> Value:
    """The layer; its value has the axis of steps that the graph gives the last output, too.

    ``mask`` is what its call is given beside ``x``.
    """
    kind, config, key, tensors = described(b, scan)
    own = shape if scan.op.sequences else shape[1:]
    x = _padded_input(b, scan, x)
    y = b.add(kind, x, own, key=key, tensors={"cell": tensors}, mask=mask, **config)
    return y if scan.op.sequences else reshaped(b, y, shape)


def at_places(b: Builder, scan: Scan, x: Value, shape: ir.Shape) -> Value:
    """TimeDistributed: the places stand in front of the steps there, and behind them here."""
    if scan.mask is not None:
        raise b.refuse("a recurrent layer with a mask in a TimeDistributed")
    kind, config, key, tensors = described(b, scan)
    steps, count, units = shape
    own = (count, steps, units) if scan.op.sequences else (count, units)
    inner = _inner(kind, f"each_{kind.lower()}", config)
    y = b.add(
        "TimeDistributed", unmasked(b, x), own, key=key, tensors={"layer/cell": tensors},
        layer=inner,
    )  # fmt: skip
    return permuted(b, y, (1, 0, 2)) if scan.op.sequences else reshaped(b, y, shape)


def _inner(kind: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    """A layer as the argument of another one."""
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "dtype": "float32", **config},
        "registered_name": None,
    }


def described(b: Builder, scan: Scan) -> tuple[str, dict[str, Any], tuple[Any, ...], list[Array]]:
    """The class of a layer, its arguments, what its tensors are made of, and these."""
    op, conv = scan.op, scan.conv
    own, factors = keras_name(op.activation), np.ones(op.gates, np.float32)
    if op.activation == HARD_SIGMOID and op.cell != "lstm":
        own, factors[-1] = "hard_sigmoid", SCALE
    gate: str | None = "linear"
    if GATES[op.cell]:
        gate = keras_name(op.gate_activation)
        if op.gate_activation == HARD_SIGMOID:
            gate, factors[list(GATES[op.cell])] = "hard_sigmoid", SCALE
    if own is None or gate is None:
        raise b.refuse("a cell with this activation")
    config: dict[str, Any] = {
        "activation": own,
        "return_sequences": op.sequences,
        "go_backwards": op.reverse,
        "use_bias": conv.bias is not None or op.state_bias is not None,
    }
    if scan.columns:
        config["zero_output_for_mask"] = True
    if GATES[op.cell]:
        config["recurrent_activation"] = gate
    kind = _shape_of_cell(b, scan, config)
    width = op.gates * op.units
    columns = np.repeat(factors, op.units)
    kernel = b.numbers(conv.weight)
    dense = not op.kernel or scan.places
    kernel = kernel.reshape(kernel.shape[-2:] if dense else kernel.shape[1:])
    recurrent = b.numbers(op.weight)
    if scan.places:
        recurrent = recurrent.reshape(recurrent.shape[-2:])
    tensors = [kernel * columns, recurrent * columns]
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
    if not op.kernel or scan.places:
        whole = all(n == 1 for n in (*conv.kernel, *conv.stride, conv.groups))
        if not conv.kernel or not whole or len(scan.node.shape) != 2 + scan.places:
            raise b.refuse("a recurrent cell at several places")
        config["units"] = op.units
        if op.cell.startswith("gru"):
            config["reset_after"] = op.cell == "gru_reset_after"
        return KINDS[op.cell]
    rank = len(op.kernel)
    if not all(map(is_known, b.values[scan.source].shape[1:])):
        raise b.refuse("a convolutional cell over images of open size", LENGTHS)
    lengths = scan.node.shape[1:-1]
    same = tuple(same_tensorflow(*of) for of in zip(lengths, op.kernel, (1,) * rank, strict=True))
    fits = conv.kernel == (1, *op.kernel) and conv.groups == 1
    if op.cell != "lstm" or not fits or op.padding != same:
        raise b.refuse("a convolutional cell with this padding")
    config.update(
        filters=op.units, kernel_size=list(op.kernel), strides=list(conv.stride[1:]),
        padding="same" if _pads_itself(scan, b.values[scan.source]) else "valid", **CHANNELS_LAST,
    )  # fmt: skip
    if any(d != 1 for d in conv.dilation):
        raise b.refuse("a convolutional cell with a dilation")
    if scan.mask is not None:
        if len(b.nodes[scan.mask].shape) != 1 or not is_known(op.steps):
            raise b.refuse("a convolutional cell with a mask of single places or of open length")
        config["unroll"] = True  # JAX cannot loop over a mask of images
    return f"ConvLSTM{rank}D"


def _pads_itself(scan: Scan, x: Value) -> bool:
    """Whether the padding of a convolutional cell's input is Keras's "same"."""
    conv = scan.conv
    of_axes = zip(x.shape[1:-1], conv.kernel[1:], conv.stride[1:], strict=True)
    return conv.padding[1:] == tuple(same_tensorflow(*of) for of in of_axes)


def _padded_input(b: Builder, scan: Scan, x: Value) -> Value:
    """What the layer reads: layers in front pad it where it does not do so itself."""
    if not scan.op.kernel or _pads_itself(scan, x):
        return x
    return padded(b, x, scan.conv.padding)


def both_directions(
    b: Builder, one: Scan, other: Scan, x: Value, mask: Value | None
) -> tuple[Value, Value]:
    """Bidirectional around two layers that read the same, and its two values."""
    parts = [described(b, scan) for scan in (one, other)]
    names = ("forward_layer", "backward_layer")
    kind = parts[0][0]
    forward, backward = (
        _inner(kind, f"{way}_{kind.lower()}", config)
        for way, (_, config, _, _) in zip(("forward", "backward"), parts, strict=True)
    )
    if parts[1][0] != kind or one.conv.padding != other.conv.padding:
        raise b.refuse("a Bidirectional of two kinds of layers")
    tensors = {f"{name}/cell": part[3] for name, part in zip(names, parts, strict=True)}
    x = _padded_input(b, one, x)
    made = b.add(
        "Bidirectional", x, one.node.shape, key=(*parts[0][2], *parts[1][2]), tensors=tensors,
        mask=mask, merge_mode=None, layer=forward, backward_layer=backward,
    )  # fmt: skip
    return made, Value(made.layer, made.call, 1, other.node.shape, made.mask)
