"""A shape report as CSV: a row for each layer or total, numbers as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from speccompiler.reports.blocks import blocks
from speccompiler.reports.layer_report import LayerReport, dim_data, shape_data
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.reports.totals import Kind, totals

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula, which a spec from elsewhere must not bring along."""

Cell = str | int | float | None
LAYER_COLUMNS = (
    "layer", "type", "block", "reads", "shared_with", "output_shape", "parameters",
    "non_trainable_parameters", "multiply_adds", "activation_bytes", "receptive_field", "stride",
)  # fmt: skip


def layers_csv(report: ShapeReport) -> str:
    """A row for each layer. Names of a list have ``;`` between them, lengths of a shape ``x``."""
    rows = zip(report.layers, blocks(report.layers), strict=True)
    return _table(LAYER_COLUMNS, (_row(layer, block) for layer, block in rows))


def totals_csv(report: ShapeReport, kind: Kind) -> str:
    """A row for each total, with the names of the JSON."""
    rows = [total.to_data() for total in totals(report.layers, kind)]
    columns = (kind, *list(rows[0])[1:]) if rows else (kind,)
    return _table(columns, (tuple(row.values()) for row in rows))


def _row(layer: LayerReport, block: str) -> tuple[Cell, ...]:
    field = layer.receptive_field
    return (
        layer.name,
        layer.type,
        block,
        ";".join(layer.reads),
        layer.shared_with,
        "x".join(map(str, shape_data(layer.output_shape))),
        layer.parameters,
        layer.non_trainable_parameters,
        dim_data(layer.multiply_adds),
        dim_data(layer.activation_bytes),
        "all" if field is None else "x".join(map(str, field)),
        "" if layer.stride is None else "x".join(map(str, layer.stride)),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def _safe(cell: Cell) -> Cell:
    """A text that is no formula: an apostrophe in front says so to every spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
