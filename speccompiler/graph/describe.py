"""Operations and graphs in words: one line for each node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speccompiler.expressions.library import ACTIVATIONS, LATER_ACTIVATIONS, theano_relu
from speccompiler.expressions.nodes import Expression, canonical
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.graph.shapes import format_shape


def _by(values: Iterable[int]) -> str:
    """``3x3``; ``1`` where there is no spatial axis."""
    return "x".join(str(v) for v in values) or "1"


def padding_text(padding: ir.Padding) -> str:
    """``(1, 2) (0, 1)``: before and after, along each axis."""
    return " ".join(f"({format_dim(a)}, {format_dim(b)})" for a, b in padding)


def _padding(padding: ir.Padding) -> str:
    def side(pair: tuple[Dim, Dim]) -> str:
        before, after = (format_dim(p) for p in pair)
        return before if before == after else f"{before}+{after}"

    sides = [side(pair) for pair in padding]
    return sides[0] if len(set(sides)) == 1 else ", ".join(sides)


def _pads(padding: ir.Padding) -> bool:
    return any(pair != (0, 0) for pair in padding)


def _strides(stride: Sequence[int]) -> str:
    return f" stride {_by(stride)}" if any(s != 1 for s in stride) else ""


def activation_name(activation: Expression) -> str:
    """The Keras name of an activation, or its formula."""
    if activation == theano_relu():
        return "relu"
    for name, expression in (*ACTIVATIONS.items(), *LATER_ACTIVATIONS.items()):
        if expression == activation:
            return name
    return canonical(activation)


def _made(operand: ir.Operand) -> list[str]:
    """Words for what was done to a stored kernel."""
    flipped = any(weight.flip for weight in ir.stored_tensors(operand))
    parts = ["kernel flipped"] if flipped else []
    return [*parts, "scaled"] if isinstance(operand, ir.Derived) else parts


COMBINED = {
    "sum": "sum",
    "mul": "product",
    "ave": "mean",
    "max": "maximum",
    "min": "minimum",
    "difference": "difference",
    "quotient": "quotient",
}


def describe_op(op: ir.Op) -> str:
    """What an operation does, in one line."""
    match op:
        case ir.Input():
            return "input"
        case ir.Identity():
            return "identity"
        case ir.Conv():
            if op.kernel:
                parts = [f"convolution {_by(op.kernel)}{_strides(op.stride)}, {op.filters} filters"]
            else:
                parts = [f"matrix product, {op.filters} outputs"]
            parts += [f"input repeated {_by(op.repeats)}"] if op.repeats else []
            parts += [f"pad {_padding(op.padding)}"] if _pads(op.padding) else []
            parts += [f"dilated {_by(op.dilation)}"] if op.dilation else []
            parts += [f"{op.groups} groups"] if op.groups > 1 else []
            parts += _made(op.weight)
            parts += ["bias"] if op.bias is not None else []
            parts += [activation_name(op.activation)] if op.activation is not None else []
            return ", ".join(parts)
        case ir.Pool():
            parts = [f"{op.mode} pool {_by(op.kernel)}{_strides(op.stride)}"]
            parts += [f"pad {_padding(op.padding)}"] if _pads(op.padding) else []
            parts += [f"zeros {_padding(op.zeros)}"] if _pads(op.zeros) else []
            parts += [f"dilated {_by(op.dilation)}"] if op.dilation else []
            return ", ".join(parts)
        case ir.Depthwise():
            parts = [f"depthwise {_by(op.kernel)}{_strides(op.stride)}, {op.weight.shape[-2]} each"]
            parts += [f"pad {_padding(op.padding)}"] if _pads(op.padding) else []
            parts += [f"dilated {_by(op.dilation)}"] if op.dilation else []
            parts += _made(op.weight)
            parts += ["bias"] if op.bias is not None else []
            parts += [activation_name(op.activation)] if op.activation is not None else []
            return ", ".join(parts)
        case ir.Local():
            parts = [f"local {_by(op.kernel)}{_strides(op.stride)}, {op.weight.shape[-1]} filters"]
            return ", ".join(parts + (["bias"] if op.bias is not None else []))
        case ir.Lookup():
            return f"table of {op.weight.shape[0]} rows"
        case ir.GlobalPool():
            return f"global {op.mode}" + (" pool" if op.mode in {"max", "average"} else "")
        case ir.MapWith():
            after = [] if op.after is None else [activation_name(op.after)]
            return ", ".join([activation_name(op.activation), *after])
        case ir.Mask():
            return f"mask {op.value:g}"
        case ir.Normalize():
            return "normalize each position"
        case ir.BatchNormalize():
            return "normalize over the batch"
        case ir.Upsample():
            return f"up-sample {_by(op.factors)}"
        case ir.Pad():
            return f"zero padding {_padding(op.padding)}"
        case ir.Map():
            return activation_name(op.activation)
        case ir.Softmax():
            return "softmax"
        case ir.Reshape():
            return "reshape"
        case ir.Transpose():
            return f"transpose ({', '.join(map(str, op.axes))})"
        case ir.Combine():
            parts = [COMBINED[op.mode]]
            parts += [activation_name(op.activation)] if op.activation is not None else []
            return ", ".join(parts)
        case ir.Concat():
            return f"concatenate along axis {op.axis + 1}"
        case ir.Dot():
            return "sums of products"
        case ir.Slice():
            axes = zip(op.start, op.step, op.count, strict=True)
            return f"slice ({', '.join(_slice_of(*axis) for axis in axes)})"
        case ir.Resize():
            way = "bilinear" if op.bilinear else "nearest"
            corners = ", corners aligned" if op.align_corners else ""
            corners = ", half pixels" if op.half_pixel else corners
            return f"resize to {'x'.join(map(format_dim, op.size))}, {way}{corners}"
        case ir.Expand():
            return f"repeat to {format_shape(op.shape)}"
        case ir.Kept():
            return f"where any differs from {op.value:g}"
        case ir.Recurrent():
            return _scan(op)


def _scan(op: ir.Recurrent) -> str:
    names = {
        "simple": "simple recurrence",
        "gru": "GRU",
        "gru_reset_after": "GRU, reset after the product",
        "lstm": "LSTM",
    }
    parts = [f"{names[op.cell]}, {op.units} units"]
    parts += [f"kernel {_by(op.kernel)}"] if op.kernel else []
    parts += [f"pad {_padding(op.padding)}"] if _pads(op.padding) else []
    parts += _made(op.weight)
    parts += [_cell_activation(op.activation)]
    parts += [f"gates {_cell_activation(op.gate_activation)}"] if op.cell != "simple" else []
    parts += ["backwards"] if op.reverse else []
    parts += ["every step"] if op.sequences else []
    parts += ["masked"] if op.masked else []
    parts += ["state in"] if op.carried else []
    parts += ["state out"] if op.gives_states else []
    return ", ".join(parts)


def _cell_activation(activation: ir.CellActivation) -> str:
    return "softmax" if activation == "softmax" else activation_name(activation)


def _slice_of(start: Dim, step: int, count: Dim) -> str:
    """``5 from 60``, ``3 from 2 by -1``: count, start, step."""
    apart = "" if step == 1 else f" by {step}"
    return f"{format_dim(count)} from {format_dim(start)}{apart}"


def node_rows(graph: ir.Graph) -> list[tuple[str, str, str, str]]:
    """For each node: name, shape, operation, what it reads."""
    outputs = set(graph.outputs)

    def mark(node: ir.Node) -> str:
        return node.name + (" *" if node.name in outputs else "")

    return [
        (mark(node), format_shape(node.shape), describe_op(node.op), ", ".join(node.inputs))
        for node in graph
    ]
