"""What a comparison of two models says, as data. ``compare.py`` makes it; reports show it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from speccompiler.comparing.impact import Impact as Impact
from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim
from speccompiler.reports.layer_report import LayerReport, dim_data
from speccompiler.reports.shape_report import ShapeReport

FORMAT_VERSION = 1
"""Of ``ModelDiff.to_data``: raised when a key changes its meaning or goes."""


class Match(StrEnum):
    """How a layer of one model stands to one of the other."""

    SAME = "same"
    """By its name."""
    RENAMED = "renamed"
    """By what it is and where it stands, under another name."""
    MOVED = "moved"
    """It is called at another place of the graph, in another order."""
    REPLACED = "replaced"
    """Another type stands at its place."""
    INSERTED = "inserted"
    REMOVED = "removed"


class Fit(StrEnum):
    """Whether an old tensor can be used by the new model."""

    KEPT = "kept"
    RENAMED = "renamed"
    """The same shape under another name."""
    RESHAPED = "reshaped"
    """Another shape: the old values do not fit."""
    LOST = "lost"
    """Nothing in the new model takes it."""
    ADDED = "added"
    """The new model needs it, and the old one does not have it."""


@dataclass(frozen=True, slots=True)
class TensorFit:
    """One tensor in both models. Names are ``layer/tensor`` as weight files have them."""

    fit: Fit
    old_name: str | None
    new_name: str | None
    old_shape: tuple[int, ...] | None
    new_shape: tuple[int, ...] | None

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "fit": str(self.fit),
            "old_name": self.old_name,
            "new_name": self.new_name,
            "old_shape": None if self.old_shape is None else list(self.old_shape),
            "new_shape": None if self.new_shape is None else list(self.new_shape),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed."""

    code: str
    """Stable, ``CD`` and three digits; listed in ``comparing/codes.py``."""
    impact: Impact
    message: str
    """One sentence without the layer's name, such as ``nb_filter 32 -> 48``."""
    fingerprint: str
    """Equal for the same change whatever else changes: no place goes into it."""
    layer: str | None = None
    """The layer's new name, or its old one where it is gone; None: the model as a whole."""
    argument: str | None = None
    old: str | None = None
    new: str | None = None
    file: str | None = None
    span: Span | None = None
    """Where it stands: in the new file, or in the old one for what is gone."""
    because: tuple[str, ...] = ()
    """The layers that it follows from, where this one only follows; by their new names, or the
    old ones of layers that are gone."""

    def __str__(self) -> str:
        owner = "" if self.layer is None else f"{self.layer}: "
        return f"{self.impact} {self.code}: {owner}{self.message}"

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        span = self.span
        return {
            "code": self.code,
            "impact": str(self.impact),
            "message": self.message,
            "fingerprint": self.fingerprint,
            "layer": self.layer,
            "argument": self.argument,
            "old": self.old,
            "new": self.new,
            "because": list(self.because),
            "file": self.file,
            "line": None if span is None else span.line,
            "column": None if span is None else span.column,
            "end_line": None if span is None else span.end_line,
            "end_column": None if span is None else span.end_column,
        }


@dataclass(frozen=True, slots=True)
class LayerPair:
    """A layer of the old model and the one that it became; one of the two may be None.

    Reports show pairs in order: that of the new model, with what is gone where it stood.
    """

    match: Match
    old: LayerReport | None
    new: LayerReport | None
    changes: tuple[Change, ...] = ()
    tensors: tuple[TensorFit, ...] = ()

    @property
    def name(self) -> str:
        """The new name, or the old one of a layer that is gone."""
        shown = self.new or self.old
        assert shown is not None, "a pair has a layer"
        return shown.name


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity of the whole model: ``parameters``, ``multiply_adds``, ``activation_bytes``,
    ``peak_bytes``. None where it is open."""

    name: str
    old: Dim | None
    new: Dim | None


@dataclass(frozen=True, slots=True)
class ModelDiff:
    """Two models compared."""

    old: ShapeReport
    new: ShapeReport
    old_name: str
    """What the user called it: a file, or ``HEAD~1:model.yaml``."""
    new_name: str
    layers: tuple[LayerPair, ...]
    changes: tuple[Change, ...]
    """All of them, the model's own first, then those of the layers in their order."""
    diverges_at: str | None
    """The first layer, by its new name, whose output shape changed."""
    amounts: tuple[Amount, ...]

    def __str__(self) -> str:
        between = f"{self.old_name} -> {self.new_name}"
        if self.same:
            return f"{between}: no change"
        return "\n".join([f"{between}: {self.impact}", *map(str, self.changes)])

    @property
    def same(self) -> bool:
        """Whether nothing changed that the compiler can see."""
        return not self.changes

    @property
    def impact(self) -> Impact | None:
        """The worst impact of all changes; None where nothing changed."""
        found = {change.impact for change in self.changes}
        return next((impact for impact in Impact if impact in found), None)

    @property
    def own_changes(self) -> tuple[Change, ...]:
        """The changes of the model as a whole, without those of its layers."""
        return self.changes[: len(self.changes) - sum(len(p.changes) for p in self.layers)]

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; a layer's ``changes`` are numbers of those in the one list."""
        layers: list[dict[str, Any]] = []
        start = len(self.own_changes)
        for pair in self.layers:
            end = start + len(pair.changes)
            layers.append(
                {
                    "name": pair.name,
                    "match": str(pair.match),
                    "old": None if pair.old is None else pair.old.to_data(),
                    "new": None if pair.new is None else pair.new.to_data(),
                    "changes": list(range(start, end)),
                    "tensors": [tensor.to_data() for tensor in pair.tensors],
                }
            )
            start = end
        return {
            "format_version": FORMAT_VERSION,
            "old": self.old_name,
            "new": self.new_name,
            "same": self.same,
            "impact": None if self.impact is None else str(self.impact),
            "diverges_at": self.diverges_at,
            "totals": {
                amount.name: {
                    "old": None if amount.old is None else dim_data(amount.old),
                    "new": None if amount.new is None else dim_data(amount.new),
                }
                for amount in self.amounts
            },
            "changes": [change.to_data() for change in self.changes],
            "layers": layers,
        }
