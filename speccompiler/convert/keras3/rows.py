"""Layers along whole axes, layers with parameters beside values, and those of several values."""

from __future__ import annotations

from math import prod

import numpy as np

from speccompiler.convert.keras3.activations import activated, rescaled
from speccompiler.convert.keras3.builder import Builder, Value
from speccompiler.convert.keras3.moving import (
    multiplied,
    permuted,
    pooled_channels,
    reshaped,
    unmasked,
)
from speccompiler.convert.named_formulas import epsilon_of, named
from speccompiler.expressions.affine import affine
from speccompiler.expressions.evaluate import combine as evaluated
from speccompiler.expressions.nodes import Node as Part
from speccompiler.expressions.nodes import Parameter, Where, children
from speccompiler.graph import ir
from speccompiler.graph.dims import is_known, known

MERGES = {
    "sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "min": "Minimum",
    "difference": "Subtract",
}  # fmt: skip


def softmax(b: Builder, node: ir.Node, op: ir.Softmax, x: Value) -> Value:
    """The activation of the layer before it, where that has none; else a layer."""
    before = x.layer
    own = node.inputs[0] in b.alone and before.config.get("activation") == "linear"
    if own and before.tensors and len(before.calls) == 1:
        before.config["activation"] = "softmax"
        before.name = b.unused(b.title())
        return x
    return b.add("Activation", x, x.shape, activation="softmax")  # Softmax would read a mask


def global_pool(b: Builder, node: ir.Node, op: ir.GlobalPool, x: Value) -> Value:
    """A sum is the mean of as many values. Axes are kept by a pool over channels."""
    rank = len(x.shape) - 1
    mode, count = op.mode, prod(x.shape[op.kept : -1])
    if mode == "sum" and is_known(count):
        mode = "average"
    if mode not in {"max", "average"} or rank == op.kept:
        raise b.refuse(f"a global pool of this kind: {op.mode}, {op.kept} axes kept")
    if op.kept or rank > 3:
        kept = x.shape[: op.kept]
        apart = permuted(b, x, (*range(op.kept), rank, *range(op.kept, rank)))
        y = pooled_channels(b, reshaped(b, apart, (*kept, x.shape[-1], count)), mode)
    else:
        kind = f"Global{mode.capitalize()}Pooling{rank}D"
        y = b.add(kind, unmasked(b, x), node.shape, data_format="channels_last")
    return rescaled(b, y, float(known(count)), 0.0) if op.mode == "sum" else y


def lookup(b: Builder, node: ir.Node, op: ir.Lookup, x: Value) -> Value:
    rows, size = op.weight.shape
    mask = (node.inputs[0], 0.0)
    made = mask if mask in b.masks_made else None
    return b.add(
        "Embedding", x, node.shape, key=(op.weight,), tensors={"": [b.numbers(op.weight)]},
        makes=made, input_dim=rows, output_dim=size, mask_zero=made is not None,
    )  # fmt: skip


def normalize(b: Builder, node: ir.Node, op: ir.Normalize, x: Value) -> Value:
    if op.added:
        raise b.refuse("a normalisation that adds its epsilon to the deviation")
    return b.add(
        "LayerNormalization", x, x.shape, axis=-1, epsilon=op.epsilon, center=False, scale=False
    )


def map_with(b: Builder, node: ir.Node, op: ir.MapWith, x: Value) -> Value:
    """BatchNormalization for what scales and shifts each channel, and PReLU."""
    y = _batch_normalization(b, op, x)
    if y is None:
        y = _prelu(b, op, x)
    if y is None:
        raise b.refuse("this formula of stored tensors")
    return activated(b, y, op.after)


def _batch_normalization(b: Builder, op: ir.MapWith, x: Value) -> Value | None:
    """Where tensors have several axes, those are one while it is computed."""
    axes = sorted({i for p in op.parameters for i, n in enumerate(p.shape) if n != 1})
    first, last = (axes[0], axes[-1]) if axes else (len(x.shape) - 1,) * 2
    lengths, parts = x.shape[first : last + 1], affine(op.activation)
    if not all(map(is_known, lengths)) or parts is None or any(map(_chooses, parts)):
        return None
    own, length = x.shape, known(prod(lengths))
    x = reshaped(b, x, (*own[:first], length, *own[last + 1 :]))
    epsilon = epsilon_of(op.activation) if len(op.parameters) == 4 else None
    if epsilon is not None:
        tensors = [b.numbers(p) for p in op.parameters]
    else:
        epsilon = 0.0
        given = [np.asarray(b.numbers(p), np.float64) for p in op.parameters]
        tensors = [np.asarray(evaluated(part, given), np.float32) for part in parts]
        tensors += [np.float32(0) * tensors[0], np.float32(0) * tensors[0] + 1]
    wide = [t.reshape(t.shape[first : last + 1] or (1,) * len(lengths)) for t in tensors]
    whole = tuple(map(known, lengths))
    rows = [np.broadcast_to(t, whole).astype(np.float32).reshape(-1) for t in wide]
    y = b.add(
        "BatchNormalization", x, x.shape, key=op.parameters, tensors={"": rows},
        axis=first + 1, epsilon=epsilon,
    )  # fmt: skip
    return reshaped(b, y, own)


def _chooses(part: Part) -> bool:
    return isinstance(part, Where) or any(map(_chooses, children(part)))


def _prelu(b: Builder, op: ir.MapWith, x: Value) -> Value | None:
    found = named(op.activation)
    if found is None or found.kind != "PRelu" or found.inputs != (Parameter(0),):
        return None
    slopes = b.numbers(op.parameters[0])
    shared = [i + 1 for i, (n, m) in enumerate(zip(slopes.shape, x.shape, strict=True)) if n != m]
    return b.add(
        "PReLU", x, x.shape, key=op.parameters, tensors={"": [slopes]}, shared_axes=shared or None
    )


def combine(b: Builder, node: ir.Node, op: ir.Combine, *values: Value) -> Value:
    kind = MERGES.get(op.mode)
    if kind is None or (kind == "Subtract" and len(values) != 2):
        raise b.refuse(f"a {op.mode} of several values")
    if len(values) == 1:
        return activated(b, values[0], op.activation)
    if kind == "Multiply":
        return activated(b, multiplied(b, values, node.shape), op.activation)
    return activated(b, b.add(kind, values, node.shape), op.activation)


def dot(b: Builder, node: ir.Node, op: ir.Dot, x: Value, y: Value) -> Value:
    if len(x.shape) > 2 or len(y.shape) > 2:
        raise b.refuse("a product of values with more axes than steps and channels")
    return b.add("Dot", [x, y], node.shape, axes=[len(x.shape), len(y.shape)])
