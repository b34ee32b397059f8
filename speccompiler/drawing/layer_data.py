"""What pages say of a layer, from the shape report: numbers for sorting, texts to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from speccompiler.graph.dims import Dim
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.shape_table import batched


def layer_data(layer: LayerReport) -> dict[str, Any]:
    """What the report says of a layer. Amounts are a number, null where it is open, and a text."""
    data = {
        "name": layer.name,
        "type": layer.type,
        "shape": batched(layer.output_shape),
        "parameters": amount(layer.parameters, count),
        "macs": amount(layer.multiply_adds, scaled),
        "bytes": amount(layer.activation_bytes, size),
        "field": None if layer.receptive_field is None else list(layer.receptive_field),
        "stride": None if layer.stride is None else [str(s) for s in layer.stride],
    }
    if layer.non_trainable_parameters:
        data["fixed"] = amount(layer.non_trainable_parameters, count)
    return data


def amount(value: Dim, text: Callable[[Dim], str]) -> list[Any]:
    """A number for sorting and colours, and the text that is shown."""
    return [value if isinstance(value, int) else None, text(value)]
