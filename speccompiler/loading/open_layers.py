"""Layers whose meaning a file does not hold: Lambdas, custom classes, and what their hint says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from speccompiler.diagnostics.core import Diagnostic, Span
from speccompiler.loading.entries import Entries
from speccompiler.loading.layer_entries import LayerEntry, inner_layer
from speccompiler.loading.lrn_answer import NOTE as LRN_NOTE
from speccompiler.loading.lrn_answer import lrn_answer
from speccompiler.loading.merge_code import CODE
from speccompiler.schemas.registry import RECURRENT_LAYERS, type_name
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, to_data

EXAMPLE = "x / 127.5 - 1"
MOST_SHOWN = 100
_IDENTITY = re.compile("dropout|noise", re.IGNORECASE)
_REFUSED = {"CS027", "CS028", "CS082"}


@dataclass(frozen=True, slots=True)
class OpenLayer:
    """A layer that its owner may answer: its place in the list, or inside of a wrapper there."""

    name: str
    type: str
    span: Span
    arguments: Mapping
    entry: int
    inside: bool = False

    @property
    def is_code(self) -> bool:
        """Whether it is a Lambda."""
        return self.type == "Lambda"


def open_layers(entries: Entries) -> list[OpenLayer]:
    """All that have a name and that convspec cannot run as they are."""
    return [
        layer
        for index, entry in enumerate(entries.layers)
        if entry.answer is None
        for layer in _open(entry, index, entries.native)
    ]


def _open(entry: LayerEntry, index: int, native: bool) -> Iterator[OpenLayer]:
    name = _text(entry.arguments, "name")
    if type_name(entry.type, native=native or entry.own) is None or _merges_by_code(entry):
        if name is not None:
            yield OpenLayer(name, entry.type, entry.type_span, entry.arguments, index)
        return
    held = inner_layer(entry) if entry.type == "TimeDistributed" else None
    if held is None:
        return
    inner, native = held
    if type_name(inner.type, native=native) is None:
        name = _text(inner.arguments, "name")
        if name is not None:
            yield OpenLayer(name, inner.type, inner.type_span, inner.arguments, index, inside=True)


def _merges_by_code(entry: LayerEntry) -> bool:
    return entry.type == "Merge" and _text(entry.arguments, "mode_type") in CODE


def _text(arguments: Mapping, key: str) -> str | None:
    value = text_at(arguments, key)
    return value if value is not None and value.strip() else None


def with_hints(
    diagnostics: Sequence[Diagnostic],
    layers: Sequence[OpenLayer],
    native: bool,
    answered: Collection[str] = (),
) -> list[Diagnostic]:
    """The refusals of layers, the first with the line that answers all of them.

    Of a layer that has an answer, which is wrong, that has been said.
    """
    mistaken = {layer.span for layer in layers if layer.name in answered}
    diagnostics = [d for d in diagnostics if d.code not in _REFUSED or d.span not in mistaken]
    refused = {d.span for d in diagnostics if d.code in _REFUSED}
    if not refused:
        return diagnostics
    from speccompiler.loading.keras0.refusals import answerable

    wanted = [layer for layer in layers if layer.type not in RECURRENT_LAYERS]
    if native:
        wanted = [layer for layer in wanted if layer.is_code]
    # An expression is of one value; what merges several is answered by a named mode.
    wanted = [layer for layer in wanted if layer.type != "Merge" and answerable(layer.type)]
    by_place = {layer.span: layer for layer in wanted if layer.span in refused}
    hint: str | None = _hint([*by_place.values()]) if by_place else None
    found: list[Diagnostic] = []
    for diagnostic in diagnostics:
        layer = by_place.get(diagnostic.span) if diagnostic.span is not None else None
        if diagnostic.code not in _REFUSED or layer is None:
            found.append(diagnostic)
            continue
        meant = (diagnostic.hint or "").startswith("did you mean")
        named = _IDENTITY.search(layer.type) or lrn_answer(layer.type, layer.arguments)
        guess = diagnostic.hint if meant and not named else None
        whole = "; or ".join(part for part in (guess, hint) if part) or None
        found.append(replace(diagnostic, hint=whole, layer=layer.name))
        hint = None
    return found


def _hint(layers: Sequence[OpenLayer]) -> str:
    """What to write; of very many the first, which a shell could not take all either."""
    from speccompiler.loading.answer_option import option
    from speccompiler.loading.byte_code import lambda_expression

    options, notes = [], []
    for layer in layers[:MOST_SHOWN]:
        expression = lambda_expression(to_data(layer.arguments)) if layer.is_code else None
        if expression is not None:
            notes.append(f"{layer.name}: read from its byte code; check it")
        elif not layer.is_code and _IDENTITY.search(layer.type):
            expression = "x"
            notes.append(f"{layer.name}: the identity at test time, if it is what its class says")
        elif not layer.is_code and (lrn := lrn_answer(layer.type, layer.arguments)) is not None:
            expression = lrn
            notes.append(f"{layer.name}: {LRN_NOTE}")
        options.append((layer.name, expression))
    one = len(layers) == 1
    more = f" and {len(layers) - MOST_SHOWN} more" if len(layers) > MOST_SHOWN else ""
    start = f"say what {'it computes' if one else 'they compute'}, as an expression or as layers"
    unread = EXAMPLE if not notes else "..."
    line = " ".join(option(name, text or unread) for name, text in options) + more
    if not notes:
        return f"{start}, for example {line}"
    if one:
        note = notes[0].removeprefix(f"{layers[0].name}: ")
        return f"{start}: {line} ({note})"
    return f"{start}: {line} ({'; '.join(notes)})"
