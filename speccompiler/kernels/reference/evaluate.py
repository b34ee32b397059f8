"""The reference target: every operation in float64 NumPy, written to be read.

Values are ``(batch, *spatial, channels)``. It runs the graph before any pass, so
it judges the passes as well as the kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.evaluate import evaluate
from speccompiler.graph import ir
from speccompiler.graph.dims import known
from speccompiler.kernels.reference import merging, moving, recurrent, rows, windows
from speccompiler.kernels.reference.values import Array, Weights

REFERENCE: Mapping[type[ir.Op], Callable[..., Array]] = {
    ir.Input: lambda op, weights, x: x,
    ir.Identity: lambda op, weights, x: x,
    ir.Conv: windows.conv,
    ir.Depthwise: windows.depthwise,
    ir.Local: windows.local,
    ir.Lookup: rows.lookup,
    ir.Pool: windows.pool,
    ir.GlobalPool: rows.global_pool,
    ir.Upsample: moving.upsample,
    ir.Pad: lambda op, weights, x: moving.extend(x, op.padding, 0.0),
    ir.Map: lambda op, weights, x: evaluate(op.activation, x),
    ir.MapWith: rows.map_with,
    ir.Mask: rows.mask,
    ir.Normalize: rows.normalize,
    ir.BatchNormalize: rows.batch_normalize,
    ir.Softmax: rows.softmax,
    ir.Reshape: moving.reshape,
    ir.Transpose: moving.transpose,
    ir.Combine: merging.combine,
    ir.Concat: merging.concat,
    ir.Dot: merging.dot,
    ir.Slice: moving.take_slice,
    ir.Resize: moving.resize,
    ir.Expand: moving.expand,
    ir.Kept: rows.kept,
    ir.Recurrent: recurrent.recurrent,
}


def run_reference(graph: ir.Graph, weights: Weights, *inputs: npt.NDArray[Any]) -> dict[str, Array]:
    """Every output of a graph over a batch of each input: a float64 array by node name."""
    values: dict[str, Array] = {}
    given = iter(inputs)
    last_use = {name: i for i, node in enumerate(graph) for name in node.inputs}
    for i, node in enumerate(graph):
        if isinstance(node.op, ir.Input):
            read = [np.asarray(next(given), np.float64)]
        else:
            read = [values[name] for name in node.inputs]
        with np.errstate(all="ignore"):
            values[node.name] = REFERENCE[type(node.op)](node.op, weights, *read)
        for name in node.inputs:
            if last_use[name] == i and name not in graph.outputs:
                values.pop(name, None)
    return {name: values[name] for name in graph.outputs}


def reference_bytes(graph: ir.Graph, batch: int) -> int:
    """Most memory that one operation needs for a batch: float64 input, padded, and output.

    Beside the output, one product or tap of its size is alive, and the sum of both.
    """
    nodes = graph.by_name()
    most = 0
    for node in graph:
        seen = [_elements(nodes[name].shape) for name in node.inputs]
        if isinstance(node.op, ir.Conv | ir.Depthwise | ir.Pool | ir.Pad):
            shape = nodes[node.inputs[0]].shape
            grown = [known(n + b + a) for n, (b, a) in zip(shape, node.op.padding, strict=False)]
            seen.append(math.prod(grown) * known(shape[-1]))
        most = max(most, sum(seen) + 3 * _elements(node.shape))
    return 8 * batch * most


def _elements(shape: ir.Shape) -> int:
    return math.prod(map(known, shape))
