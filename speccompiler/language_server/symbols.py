"""The layers of a text as an outline: names, with type and shape."""

from __future__ import annotations

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.reports.shape_table import batched


@dataclass(frozen=True, slots=True)
class LayerSymbol:
    """A layer or an input in the outline."""

    name: str
    detail: str
    whole: Span
    selected: Span
    is_input: bool


def layer_symbols(file: SpecFile) -> list[LayerSymbol]:
    """The header's inputs and the layers, in the order written."""
    found = []
    for layer in file.readable.layers:
        whole = _around(layer.written.arguments.span, layer.head)
        selected = layer.name_span if _holds(whole, layer.name_span) else layer.head
        now, marked = file.span_now(whole), file.span_now(selected)
        if now is None or marked is None:
            continue
        known = file.readable.shape_of(layer)
        shape = "" if known is None else f" → {batched(known.report.output_shape)}"
        kind = "input" if layer.is_header_input else layer.written.type
        found.append(LayerSymbol(layer.name, kind + shape, now, marked, layer.is_header_input))
    return found


def _around(one: Span, other: Span) -> Span:
    """The span from the first of two places to the last."""
    start = min((one.line, one.column), (other.line, other.column))
    end = max((one.end_line, one.end_column), (other.end_line, other.end_column))
    return Span(*start, *end)


def _holds(outer: Span, inner: Span) -> bool:
    start = (outer.line, outer.column) <= (inner.line, inner.column)
    return start and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
