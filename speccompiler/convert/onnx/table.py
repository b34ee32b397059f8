"""What each operation of the graph is in ONNX: a rule that writes its nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from speccompiler.convert.onnx import activations, merging, moving, recurrent, rows, windows
from speccompiler.convert.onnx.moving import Result
from speccompiler.graph import ir

EXPORT: Mapping[type[ir.Op], Callable[..., Result]] = {
    ir.Identity: rows.identity,
    ir.Conv: windows.conv,
    ir.Depthwise: windows.depthwise,
    ir.Local: windows.local,
    ir.Lookup: rows.lookup,
    ir.Pool: windows.pool,
    ir.GlobalPool: rows.global_pool,
    ir.Upsample: moving.upsample,
    ir.Pad: moving.pad,
    ir.Map: activations.map_values,
    ir.MapWith: merging.map_with,
    ir.Mask: rows.mask,
    ir.Normalize: rows.normalize,
    ir.BatchNormalize: rows.batch_normalize,
    ir.Softmax: rows.softmax,
    ir.Reshape: moving.reshape,
    ir.Combine: merging.combine,
    ir.Concat: moving.concat,
    ir.Dot: merging.dot,
    ir.Slice: moving.take_slice,
    ir.Resize: moving.resize,
    ir.Expand: moving.expand,
    ir.Kept: rows.kept,
    ir.Recurrent: recurrent.recurrent,
}
"""``rule(builder, node, operation, *values)`` gives the tensor of the node's value, and its layout
in that tensor."""
WITHOUT_NODES = frozenset({ir.Input, ir.Transpose})
"""An input of the model, and what only renames the axes of a value (``values.transposed``)."""
