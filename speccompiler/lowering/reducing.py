"""Reduce: a sum, mean, maximum or product over axes of a sample. No layer of Keras."""

from __future__ import annotations

from speccompiler.graph.ir import GlobalPool, Node, Reshape, Transpose
from speccompiler.graph.permutations import steps
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.sample_axes import sample_axes, without_axes
from speccompiler.schemas.beyond_keras import Reduce

REDUCED = {"sum": "sum", "mean": "average", "max": "max", "prod": "product"}


def lower_reduce(b: Builder, layer: Reduce, x: Node) -> Node:
    """The axes that are reduced go behind those that stay, and are pooled there as one.

    Only where the last axis stays does it remain last, as channels beside which the pool runs.
    """
    axes = sample_axes(layer.axis, x)
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    channels = kept.pop() if kept and kept[-1] == len(x.shape) - 1 else None
    order = (*kept, *axes, *(() if channels is None else (channels,)))
    y = x
    for step in steps(order):
        y = b.add(Transpose(step), y) if step != tuple(range(len(step))) else y
    outer = y.shape[: len(kept)]
    positions = element_count(y.shape[len(kept) : len(kept) + len(axes)])
    last = 1 if channels is None else x.shape[channels]
    y = b.add(Reshape((*outer, positions, last)), y)
    y = b.add(GlobalPool(REDUCED[layer.mode], len(kept)), y)
    if layer.keepdims:
        shape = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    else:
        shape = without_axes(x, axes)
    return b.add(Reshape(shape), y) if shape != y.shape else y
