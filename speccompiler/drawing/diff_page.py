"""One comparison of two models as data for a page: every layer beside what it became."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from speccompiler.comparing.amounts import AMOUNT_TITLES, amount_texts, share_text
from speccompiler.comparing.model_diff import (
    Amount,
    Change,
    Fit,
    Impact,
    LayerPair,
    Match,
    ModelDiff,
)
from speccompiler.comparing.verdict import counts, follows, verdict
from speccompiler.comparing.wording import shape_text
from speccompiler.drawing.diff_graphs import both_graphs
from speccompiler.drawing.layer_data import layer_data
from speccompiler.reports.shape_report import ShapeReport

"""What an amount is called on the page."""


def diff_data(diff: ModelDiff) -> dict[str, Any]:
    """What the script of the page reads of two models."""
    fits = Counter(tensor.fit for pair in diff.layers for tensor in pair.tensors)
    return {
        "old": diff.old_name,
        "new": diff.new_name,
        "verdict": verdict(diff),
        "counts": counts(diff),
        "impacts": impact_counts(diff.changes),
        "amounts": [amount_data(each) for each in diff.amounts],
        "modelChanges": [change_data(change) for change in diff.own_changes],
        "divergesAt": diff.diverges_at,
        "fits": {str(fit): fits[fit] for fit in Fit if fits[fit]},
        "pairs": [pair_data(pair) for pair in diff.layers],
        "graphs": both_graphs(diff.old, diff.new, diff.layers),
    }


def alone_data(report: ShapeReport, *, added: bool) -> dict[str, Any]:
    """The same of a model that came or went: every layer is inserted, or removed."""
    nothing = ShapeReport(report.model, None, (), (), None)
    pairs = tuple(
        LayerPair(Match.INSERTED, None, layer) if added else LayerPair(Match.REMOVED, layer, None)
        for layer in report.layers
    )
    old, new = (nothing, report) if added else (report, nothing)
    return {
        "amounts": [],
        "modelChanges": [],
        "divergesAt": None,
        "fits": {},
        "pairs": [pair_data(pair) for pair in pairs],
        "graphs": both_graphs(old, new, pairs),
    }


def impact_counts(changes: Sequence[Change]) -> dict[str, int]:
    """How many changes there are of each impact, the worst first."""
    found = Counter(change.impact for change in changes)
    return {str(impact): found[impact] for impact in Impact if found[impact]}


def amount_data(amount: Amount) -> list[str | None]:
    """Its label, old and new text, and the difference; None where there is none."""
    old, new = amount_texts(amount)
    difference = None if amount.old == amount.new else share_text(amount) or "changed"
    return [AMOUNT_TITLES[amount.name], old, new, difference]


def change_data(change: Change) -> dict[str, Any]:
    """What is said of one change."""
    data: dict[str, Any] = {
        "code": change.code,
        "impact": str(change.impact),
        "message": change.message,
    }
    if change.because:
        data["because"] = list(change.because)
    return data


def pair_data(pair: LayerPair) -> dict[str, Any]:
    """A layer on both sides, what changed, and its tensors."""
    data: dict[str, Any] = {
        "match": "follows" if pair.match is Match.SAME and follows(pair) else str(pair.match),
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
    return None if shape is None else shape_text(shape, batch=False)
