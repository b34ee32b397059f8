"""Whether a model keeps to the budget that its spec states: CS085, and CS086 where it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import quoted
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.loading.wrapped_model import place_of
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.limits import Limit
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.source.tree import span_at
from speccompiler.validation.validated import ValidatedModel

MOST_NAMED = 3
"""Layers that a finding names; the others are one sum."""


def budget_findings(model: ValidatedModel, report: ShapeReport) -> list[Diagnostic]:
    """CS085 for what is over the budget, CS086 for what open lengths leave open."""
    document = place_of(model.loaded.document, "budget")
    found = []
    for limit in report.limits:
        if isinstance(limit.value, int) and not limit.over:
            continue
        span = None if document.root is None else span_at(document.root, ("budget", limit.name))
        finding = _over(limit, report) if limit.over else _open(limit)
        code, severity, message, hint = finding
        found.append(Diagnostic(code, message, severity, document.file, span, hint=hint))
    return found


_Words = tuple[str, Severity, str, str]


def _over(limit: Limit, report: ShapeReport) -> _Words:
    value = limit.value
    assert isinstance(value, int), "only what is known can be over"
    more = value - limit.allowed
    share = f" ({more / limit.allowed:.1%})" if limit.allowed else ""
    message = (
        f"over budget: {limit.name} is {limit.text(value)}, {limit.text(more)}{share} more than "
        f"{limit.text(limit.allowed)}"
    )
    if limit.name == "peak":
        weights = 4 * report.parameters
        hint = (
            f"{limit.text(value)} = {weights:,} B of weights + {value - weights:,} B of arrays; "
            "the largest outputs: " + ", ".join(_largest_outputs(report))
        )
        return "CS085", Severity.ERROR, message, hint
    cost = _COSTS[limit.name]
    hint = f"{limit.text(value)} = {' + '.join(_terms(report, cost, value))}"
    return "CS085", Severity.ERROR, message, hint


_COSTS: dict[str, Callable[[LayerReport], Dim]] = {
    "parameters": lambda layer: layer.parameters,
    "multiply_adds": lambda layer: layer.multiply_adds,
    "activations": lambda layer: layer.activation_bytes,
}


def _terms(report: ShapeReport, cost: Callable[[LayerReport], Dim], total: int) -> Iterator[str]:
    """The sum with its largest terms, each with the layer that it is of."""
    costs = [(value, layer.name) for layer in report.layers if (value := cost(layer))]
    numbers = [(value, name) for value, name in costs if isinstance(value, int)]
    most = sorted(numbers, key=lambda each: -each[0])
    for value, name in most[:MOST_NAMED]:
        yield f"{value:,} ({quoted(name)})"
    rest = most[MOST_NAMED:]
    if len(rest) == 1:
        yield f"{rest[0][0]:,} ({quoted(rest[0][1])})"
    elif rest:
        yield f"{sum(value for value, _ in rest):,} ({len(rest)} other layers)"


def _largest_outputs(report: ShapeReport) -> Iterator[str]:
    outputs = [(layer.activation_bytes, layer.name) for layer in report.layers]
    numbers = [(value, name) for value, name in outputs if isinstance(value, int)]
    for value, name in sorted(numbers, key=lambda each: -each[0])[:MOST_NAMED]:
        yield f"{quoted(name)} {value:,} B"


def _open(limit: Limit) -> _Words:
    now = "" if limit.value is None else f": it is {format_dim(limit.value)}"
    return (
        "CS086",
        Severity.WARNING,
        f"the budget of {limit.name} cannot be held while a length is open{now}",
        "give the input's lengths in the spec; budget.parameters holds for every length",
    )
