"""Layers whose meaning a file does not hold: Lambdas, custom classes, and what their hint says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from speccompiler.diagnostics import Diagnostic, Span
from speccompiler.schemas.registry import ALIASES, LAYERS, NATIVE_LAYERS, RECURRENT_LAYERS
from speccompiler.source.tree import Mapping, Scalar, to_data

from .answer_option import option
from .byte_code import lambda_expression
from .entries import Entries
from .keras0.refusals import ONE_VALUE, refusal
from .keras_models import LayerEntry
from .merge_code import CODE

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
    """All that convspec cannot run as they are, and that have a name, or get one here.

    One without a name in a Keras file, as most of 0.x, is called as Keras 1.x would call it.
    """
    taken = {_text(entry.arguments, "name") for entry in entries.layers}
    counts: Counter[str] = Counter()
    found: list[OpenLayer] = []
    for index, entry in enumerate(entries.layers):
        if entry.answer is not None:
            continue
        name = _text(entry.arguments, "name")
        if name is None and not entries.native and _is_open(entry, native=False):
            name = _free_name(entry.type.lower(), counts, taken)
        found += _open(entry, name, index, entries.native)
    return found


def _free_name(base: str, counts: Counter[str], taken: Collection[str | None]) -> str:
    while True:
        counts[base] += 1
        name = f"{base}_{counts[base]}"
        if name not in taken:
            return name


def _is_open(entry: LayerEntry, native: bool) -> bool:
    return not runs(entry.type, native) or _merges_by_code(entry)


def _open(entry: LayerEntry, name: str | None, index: int, native: bool) -> Iterator[OpenLayer]:
    if _is_open(entry, native):
        if name is not None:
            yield OpenLayer(name, entry.type, entry.type_span, entry.arguments, index)
        return
    inner = inner_layer(entry)
    if inner is not None and not runs(inner.type, native):
        name = _text(inner.arguments, "name")
        if name is not None:
            yield OpenLayer(name, inner.type, inner.type_span, inner.arguments, index, inside=True)


def runs(kind: str, native: bool) -> bool:
    """Whether a type is one that convspec knows, in a native spec or in a Keras file."""
    kind = ALIASES.get(kind, kind)
    if native:
        return kind in LAYERS or kind == "Shared"
    return kind in LAYERS and kind not in NATIVE_LAYERS


def inner_layer(entry: LayerEntry) -> LayerEntry | None:
    """The layer that a TimeDistributed holds, in either spelling; None where it holds none."""
    held = entry.arguments.entries.get("layer") if entry.type == "TimeDistributed" else None
    if held is None or not isinstance(held.value, Mapping):
        return None
    entries = held.value.entries
    key = "type" if "type" in entries else "class_name"
    kind = entries[key].value if key in entries else None
    arguments = held.value
    if key == "class_name" and "config" in entries:
        config = entries["config"].value
        if not isinstance(config, Mapping):
            return None
        arguments = config
    if not isinstance(kind, Scalar) or not isinstance(kind.value, str):
        return None
    return LayerEntry(kind.value, kind.span, arguments)


def _merges_by_code(entry: LayerEntry) -> bool:
    return entry.type == "Merge" and _text(entry.arguments, "mode_type") in CODE


def _text(arguments: Mapping, key: str) -> str | None:
    entry = arguments.entries.get(key)
    value = entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None
    return value if isinstance(value, str) and value.strip() else None


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
    wanted = [layer for layer in layers if layer.type not in RECURRENT_LAYERS]
    wanted = [layer for layer in wanted if refusal(layer.type) is None or layer.type in ONE_VALUE]
    if native:
        wanted = [layer for layer in wanted if layer.is_code]
    # An expression is of one value; what merges several is answered by a named mode.
    wanted = [layer for layer in wanted if layer.type != "Merge"]
    refused = {d.span for d in diagnostics if d.code in _REFUSED}
    by_place = {layer.span: layer for layer in wanted if layer.span in refused}
    hint: str | None = _hint([*by_place.values()]) if by_place else None
    found: list[Diagnostic] = []
    for diagnostic in diagnostics:
        layer = by_place.get(diagnostic.span) if diagnostic.span is not None else None
        if diagnostic.code not in _REFUSED or layer is None:
            found.append(diagnostic)
            continue
        meant = (diagnostic.hint or "").startswith("did you mean")
        guess = diagnostic.hint if meant and not _IDENTITY.search(layer.type) else None
        whole = "; or ".join(part for part in (guess, hint) if part) or None
        found.append(replace(diagnostic, hint=whole, layer=layer.name))
        hint = None
    return found


def _hint(layers: Sequence[OpenLayer]) -> str:
    """What to write; of very many the first, which a shell could not take all either."""
    options, notes = [], []
    for layer in layers[:MOST_SHOWN]:
        expression = lambda_expression(to_data(layer.arguments)) if layer.is_code else None
        if expression is not None:
            notes.append(f"{layer.name}: read from its byte code; check it")
        elif not layer.is_code and _IDENTITY.search(layer.type):
            expression = "x"
            notes.append(f"{layer.name}: the identity at test time, if it is what its class says")
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
