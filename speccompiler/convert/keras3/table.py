"""What each operation of the graph is in Keras 3: a rule that adds its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from speccompiler.convert.keras3 import activations, masks, moving, rows, windows
from speccompiler.convert.keras3.builder import Value
from speccompiler.graph import ir

LAYERS: Mapping[type[ir.Op], Callable[..., Value]] = {
    ir.Identity: lambda b, node, op, x: b.add("Activation", x, x.shape, activation="linear"),
    ir.Conv: windows.conv,
    ir.Depthwise: windows.depthwise,
    ir.Lookup: rows.lookup,
    ir.Pool: windows.pool,
    ir.GlobalPool: rows.global_pool,
    ir.Upsample: moving.upsample,
    ir.Pad: moving.pad,
    ir.Map: activations.map_values,
    ir.MapWith: rows.map_with,
    ir.Normalize: rows.normalize,
    ir.Softmax: rows.softmax,
    ir.Reshape: moving.reshape,
    ir.Transpose: moving.permute,
    ir.Combine: rows.combine,
    ir.Concat: moving.concat,
    ir.Dot: rows.dot,
    ir.Slice: moving.take_slice,
    ir.Resize: moving.resize,
    ir.Expand: moving.expand,
    ir.Mask: masks.zeroed,
    ir.Kept: masks.kept,
}
"""``rule(builder, node, operation, *values)`` gives the value of the node."""
REFUSED: Mapping[type[ir.Op], str] = {
    ir.Local: "a convolution whose positions have weights of their own",
    ir.BatchNormalize: "a normalisation by the batch that it is given",
    ir.Recurrent: "a recurrent layer as this model uses it: its states are read or given, or its "
    "product with the input is a layer of its own",
}
"""What no layer of Keras 3 is. ``Recurrent`` where ``recurrent.scans`` has no layer for it."""
