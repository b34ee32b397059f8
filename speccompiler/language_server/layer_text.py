"""What there is to say of a layer's shape and cost, in the Markdown of an editor."""

from __future__ import annotations

from speccompiler.graph.ir import Weight
from speccompiler.graph.shapes import format_shape
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.shape_table import batched


def summary(report: LayerReport) -> str:
    """One line: shape, parameters, work and reach."""
    return ", ".join([f"{name} {value}" for name, value in _rows(report) if name != "output shape"])


def table(report: LayerReport, tensors: list[Weight]) -> str:
    """A list of what is inferred, with the shapes of the layer's tensors."""
    rows = _rows(report)
    rows += [(f"`{w.tensor}`", f"{format_shape(w.stored_shape)}") for w in tensors]
    return "\n".join(f"- {name}: {value}" for name, value in rows)


def _rows(report: LayerReport) -> list[tuple[str, str]]:
    rows = [("output shape", batched(report.output_shape))]
    if report.parameters:
        fixed = report.non_trainable_parameters
        rest = f" ({count(fixed)} not trainable)" if fixed else ""
        rows.append(("parameters", count(report.parameters) + rest))
    if report.multiply_adds:
        rows.append(("multiply-adds", scaled(report.multiply_adds)))
    rows.append(("activations", size(report.activation_bytes)))
    field = report.receptive_field
    if field is None or field:
        reach = "the whole input" if field is None else "x".join(map(str, field))
        rows.append(("receptive field", reach))
    if report.stride:
        rows.append(("stride", _by(report.stride)))
    return rows


def _by(values: tuple[object, ...]) -> str:
    """``2x2``; one number where all are 1."""
    return "1" if all(value == 1 for value in values) else "x".join(map(str, values))
