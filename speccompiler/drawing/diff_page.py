"""The page of a comparison: both networks side by side, every layer beside what it became."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from speccompiler.comparing.model_diff import Amount, Change, Fit, Impact, LayerPair, ModelDiff
from speccompiler.drawing.diff_graphs import both_graphs
from speccompiler.drawing.html_page import html_page
from speccompiler.drawing.shapes_page import layer_data
from speccompiler.graph.dims import Dim
from speccompiler.graph.shapes import format_shape
from speccompiler.reports.number_text import count, scaled, size

TEXTS = {
    "parameters": ("parameters", count),
    "multiply_adds": ("multiply-adds", scaled),
    "activation_bytes": ("activations", size),
    "peak_bytes": ("peak memory", size),
}
"""What an amount is called, and how it is written."""


def diff_page(diff: ModelDiff) -> str:
    """The whole file."""
    title = f"{diff.old_name} and {diff.new_name}"
    scripts = ("diff_details", "diff")
    return html_page(title, "diff", scripts, ("diff",), diff_data(diff))


def diff_data(diff: ModelDiff) -> dict[str, Any]:
    """What the script of the page reads."""
    fits = Counter(tensor.fit for pair in diff.layers for tensor in pair.tensors)
    return {
        "old": diff.old_name,
        "new": diff.new_name,
        "impacts": _impacts(diff.changes),
        "amounts": [amount_data(each) for each in diff.amounts],
        "modelChanges": [change_data(c) for c in diff.changes if c.layer is None],
        "divergesAt": diff.diverges_at,
        "fits": {str(fit): fits[fit] for fit in Fit if fits[fit]},
        "pairs": [pair_data(pair) for pair in diff.layers],
        "graphs": both_graphs(diff),
    }


def _impacts(changes: Sequence[Change]) -> dict[str, int]:
    """How many changes there are of each impact, the worst first."""
    found = Counter(change.impact for change in changes)
    return {str(impact): found[impact] for impact in Impact if found[impact]}


def amount_data(amount: Amount) -> list[str | None]:
    """Its label, old and new text, and the difference; None where nothing is different."""
    label, text = TEXTS.get(amount.name, (amount.name.replace("_", " "), count))
    old, new = (None if v is None else text(v) for v in (amount.old, amount.new))
    return [label, old or "open", new or "open", difference(amount.old, amount.new)]


def difference(old: Dim | None, new: Dim | None) -> str | None:
    """``+12.5%``; None where both are equal; a word where there is no share of nothing."""
    if old == new:
        return None
    if not isinstance(old, int) or not isinstance(new, int) or old == 0:
        return "changed"
    part = 100 * (new - old) / old
    sign = "+" if part > 0 else "\u2212"
    return f"{sign}{abs(part):.1f}%" if abs(part) >= 0.05 else f"{sign}<0.1%"


def change_data(change: Change) -> dict[str, Any]:
    """What is said of one change."""
    found = {"code": change.code, "impact": str(change.impact), "message": change.message}
    if change.argument is not None:
        found["argument"] = change.argument
    return found


def pair_data(pair: LayerPair) -> dict[str, Any]:
    """A layer on both sides, what changed, and its tensors where they are not all kept."""
    data: dict[str, Any] = {
        "match": str(pair.match),
        "old": None if pair.old is None else layer_data(pair.old),
        "new": None if pair.new is None else layer_data(pair.new),
    }
    if pair.changes:
        data["changes"] = [change_data(change) for change in pair.changes]
    if pair.tensors:
        data["tensors"] = [
            [str(t.fit), t.old_name, t.new_name, _shape(t.old_shape), _shape(t.new_shape)]
            for t in pair.tensors
        ]
    return data


def _shape(shape: tuple[int, ...] | None) -> str | None:
    return None if shape is None else format_shape(shape)
