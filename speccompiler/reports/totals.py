"""Totals of a shape report for each type of layer, and for each block of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, total
from speccompiler.reports.blocks import blocks
from speccompiler.reports.layer_report import LayerReport, dim_data
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.shape_table import Style, formula

Kind = Literal["type", "block"]


@dataclass(frozen=True, slots=True)
class Total:
    """Several layers together. A layer that is called again has its parameters once."""

    name: str
    layers: int
    calls: int
    """As many as ``layers``, and one more for each time that one is called again."""
    parameters: int
    non_trainable_parameters: int
    parameter_share: float | None
    """Of those of the model; None where it has none."""
    multiply_adds: Dim
    multiply_add_share: float | None
    """Of those of the model; None where it has none, or a length is open."""
    activation_bytes: Dim

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; open sizes are text, shares have six places."""
        return {
            "name": self.name,
            "layers": self.layers,
            "calls": self.calls,
            "parameters": self.parameters,
            "non_trainable_parameters": self.non_trainable_parameters,
            "parameter_share": _rounded(self.parameter_share),
            "multiply_adds": dim_data(self.multiply_adds),
            "multiply_add_share": _rounded(self.multiply_add_share),
            "activation_bytes": dim_data(self.activation_bytes),
        }


def totals(layers: Sequence[LayerReport], kind: Kind) -> tuple[Total, ...]:
    """A total for each type or block: blocks in the order of layers, types by their work."""
    names = blocks(layers) if kind == "block" else [layer.type for layer in layers]
    groups: dict[str, list[LayerReport]] = {}
    for name, layer in zip(names, layers, strict=True):
        groups.setdefault(name, []).append(layer)
    parameters = sum(layer.parameters for layer in layers)
    work = total(layer.multiply_adds for layer in layers)
    found = [_total(name, group, parameters, work) for name, group in groups.items()]
    if kind == "type":
        found.sort(key=lambda t: (-(t.multiply_add_share or 0), -t.parameters, t.name))
    return tuple(found)


def _total(name: str, layers: list[LayerReport], all_parameters: int, all_work: Dim) -> Total:
    parameters = sum(layer.parameters for layer in layers)
    work = total(layer.multiply_adds for layer in layers)
    return Total(
        name,
        sum(layer.shared_with is None for layer in layers),
        len(layers),
        parameters,
        sum(layer.non_trainable_parameters for layer in layers),
        _share(parameters, all_parameters),
        work,
        _share(work, all_work),
        total(layer.activation_bytes for layer in layers),
    )


def _share(part: Dim, whole: Dim) -> float | None:
    if not isinstance(part, int) or not isinstance(whole, int) or not whole:
        return None
    return part / whole


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def totals_table(
    found: Sequence[Total],
    kind: Kind,
    style: Style,
    name: Callable[[str], str],
) -> str:
    """A row for each total."""
    from tabulate import tabulate

    rows = [
        (
            name(each.name),
            _number(each),
            count(each.parameters) if each.parameters else "",
            _percent(each.parameter_share),
            formula(scaled(each.multiply_adds), style) if each.multiply_adds else "",
            _percent(each.multiply_add_share),
            formula(size(each.activation_bytes), style),
        )
        for each in found
    ]
    return tabulate(
        rows,
        headers=(kind, "layers", "parameters", "share", "multiply-adds", "share", "activations"),
        tablefmt={"text": "simple", "markdown": "github", "html": "html"}[style],
        colalign=("left", *("right",) * 6),
        disable_numparse=True,
    )


def _number(each: Total) -> str:
    """``4``; ``4 + 1 again`` where a layer is called once more."""
    again = each.calls - each.layers
    return f"{each.layers:,} + {again:,} again" if again else f"{each.layers:,}"


def _percent(share: float | None) -> str:
    """``12.3%``; nothing for nothing, ``<0.1%`` for what would be rounded to it."""
    if not share:
        return ""
    return f"{100 * share:.1f}%" if share >= 0.0005 else "<0.1%"
