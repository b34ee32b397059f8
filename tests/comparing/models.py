"""Comparisons that are made by hand, for tests of what shows them."""

from __future__ import annotations

from speccompiler.comparing.file_diff import FileDiff
from speccompiler.comparing.model_diff import Amount, Change, Impact, ModelDiff
from speccompiler.graph.dims import Dim
from speccompiler.reports.shape_report import ShapeReport

EMPTY = ShapeReport("m", "tensorflow", (("x", (4,)),), (), 0)


def change(impact: Impact, code: str = "CD999", layer: str | None = "conv1") -> Change:
    return Change(code, impact, "nb_filter 8 -> 16", f"f-{code}-{layer}", layer)


def file_diff(*impacts: Impact, **amounts: tuple[Dim | None, Dim | None]) -> FileDiff:
    """A file whose model changed so."""
    return FileDiff("old.yaml", "new.yaml", "new.yaml", diff=diff(*impacts, **amounts))


def diff(*impacts: Impact, **amounts: tuple[Dim | None, Dim | None]) -> ModelDiff:
    """A comparison with a change of each impact, and amounts by name: old and new."""
    return ModelDiff(
        EMPTY,
        EMPTY,
        "old.yaml",
        "new.yaml",
        (),
        tuple(map(change, impacts)),
        None,
        tuple(Amount(name, old, new) for name, (old, new) in amounts.items()),
    )
