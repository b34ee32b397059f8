"""The two models of a comparison, each with what is asked of it again and again."""

from __future__ import annotations

import hashlib
from collections import abc
from collections.abc import Hashable, Iterable
from dataclasses import field

from speccompiler.comparing.alignment import Alignment
from speccompiler.comparing.argument_effects import Changed, changed_arguments
from speccompiler.comparing.codes import CODES
from speccompiler.comparing.lowered_alone import Alone, lowered_alone
from speccompiler.comparing.model_diff import Change, Impact
from speccompiler.comparing.outline import Outline
from speccompiler.diagnostics.core import Diagnostic, Span
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Weight
from speccompiler.lowering.masks import calls_before_readers
from speccompiler.lowering.semantics import Semantics
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.source.tree import Mapping, span_at
from speccompiler.validation.validated import ValidatedModel


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models."""

    model: ValidatedModel
    outline: Outline
    report: ShapeReport
    stored: abc.Mapping[str, abc.Mapping[str, Weight]]
    """The stored tensors, by layer and name."""

    def layer_report(self, number: int) -> LayerReport:
        """What the shape report says of a call: its layers stand in the order of the calls."""
        return self.report.layers[number]

    def name(self, number: int) -> str:
        """A call's name; that of the model's input for the number of one."""
        outline = self.outline
        if number < 0:
            return outline.spec.inputs[-1 - number].name
        return outline.items[number].name


@dataclass(frozen=True, slots=True)
class Sides:
    """Both models, and which of their calls are the same."""

    old: Side
    new: Side
    alignment: Alignment
    semantics: tuple[Semantics, Semantics]
    """By which each was lowered; where only one says it, that for both."""
    other_form: bool = False
    """The new file has the layers of another format and weights of its own: old files of weights
    are not for it."""
    lowered: dict[Hashable, Alone | None] = field(default_factory=dict)
    """Layers that were lowered by themselves: many layers of a model say the same."""
    judged: dict[Hashable, list[Changed]] = field(default_factory=dict)
    """What arguments do, for the same reason."""
    readers: dict[bool, frozenset[str]] = field(default_factory=dict)
    """What ``calls_before_readers`` says of the old model, and of the new one."""

    def new_over_old(self, partner: int, number: int) -> Alone | None:
        """The layer of a new call, lowered over what the old one read."""
        item, shapes = self.new.outline.items[number], self.old.outline.input_shapes(partner)
        key = item.said, shapes
        if key not in self.lowered:
            self.lowered[key] = lowered_alone(item.layer, self.semantics[1], shapes)
        return self.lowered[key]

    def arguments(self, partner: int, number: int) -> list[Changed]:
        """What the changed arguments of a pair of one type do."""
        one, other = self.old.outline.items[partner], self.new.outline.items[number]
        shapes = self.old.outline.input_shapes(partner)
        masked = one.name in self._readers(self.old) or other.name in self._readers(self.new)
        given_mask = self.old.outline.reads_mask(partner) or self.new.outline.reads_mask(number)
        key = one.said, other.said, shapes, masked, given_mask
        if key not in self.judged:
            self.judged[key] = changed_arguments(
                one.layer,
                other.layer,
                self.semantics[1],
                shapes,
                masked=masked,
                given_mask=given_mask,
            )
        return self.judged[key]

    def _readers(self, side: Side) -> frozenset[str]:
        """The calls whose masks may reach a layer that reads one."""
        key = side is self.new
        if key not in self.readers:
            self.readers[key] = calls_before_readers(side.model.spec)
        return self.readers[key]

    def change(
        self,
        code: str,
        message: str,
        *,
        layer: str | None = None,
        argument: str | None = None,
        old: str | None = None,
        new: str | None = None,
        impact: Impact | None = None,
        gone: bool = False,
        because: Iterable[str] = (),
    ) -> Change:
        """A change at its place: in the new file, or with ``gone`` in the old one."""
        model = (self.old if gone else self.new).model
        at = model.loaded.locate(Diagnostic(code, "", layer=layer, argument=argument))
        if layer is not None and argument == "inputs":
            span = _reads_span(model, layer) or at.span
        else:
            span = _header_span(model, argument) or at.span
        return Change(
            code,
            CODES[code].impact if impact is None else impact,
            message,
            fingerprint(code, layer, argument, old, new),
            layer,
            argument,
            old,
            new,
            at.file,
            span,
            tuple(because),
        )


_OF_HEADER = frozenset(
    {"input_shape", "input_dtype", "inputs", "outputs", "semantics", "seed", "batch_size"}
)


def _header_span(model: ValidatedModel, argument: str | None) -> Span | None:
    """Where the head of a native spec says something of the whole model."""
    root = model.loaded.document.root
    if argument not in _OF_HEADER or not isinstance(root, Mapping) or "layers" not in root.entries:
        return None
    return span_at(root, (argument,)) if argument in root.entries else None


def _reads_span(model: ValidatedModel, layer: str) -> Span | None:
    """Where a native layer says what it reads, from the first name to the last."""
    place = model.loaded.places.get(layer)
    if place is None or not place.reads:
        return None
    (_, start), (_, end) = place.reads[0], place.reads[-1]
    return Span(start.line, start.column, end.end_line, end.end_column)


def fingerprint(*parts: str | None) -> str:
    """16 hexadecimal digits of what a change is, without its place."""
    text = "\0".join("" if part is None else f"={part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
