"""The hint at a layer that is code: the ``--replace`` options that say what to compute instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.diagnostics.wording import and_more
from speccompiler.loading.replacement.lrn import NOTE as LRN_NOTE
from speccompiler.loading.replacement.lrn import lrn_answer
from speccompiler.loading.replacement.option import option
from speccompiler.loading.replacement.replaceable_layers import ReplaceableLayer
from speccompiler.source.tree import to_data

EXAMPLE = "x / 127.5 - 1"
MOST_SHOWN = 100
_IDENTITY = re.compile("dropout|noise", re.IGNORECASE)
_REFUSED = {"CS027", "CS028", "CS082"}


def with_hints(
    diagnostics: Sequence[Diagnostic],
    layers: Sequence[ReplaceableLayer],
    native: bool,
    answered: Collection[str] = (),
) -> list[Diagnostic]:
    """The findings, with a hint at the first refused layer that replaces all refused ones.

    A layer in ``answered`` still is refused where its answer is wrong. The answer's own finding
    says so, and the refusal is left out.
    """
    mistaken = {layer.span for layer in layers if layer.name in answered}
    diagnostics = [d for d in diagnostics if d.code not in _REFUSED or d.span not in mistaken]
    refused = {d.span for d in diagnostics if d.code in _REFUSED}
    if not refused:
        return diagnostics
    wanted = [layer for layer in layers if layer.is_code or not native]
    # An expression has one input. A Merge has several: its own hint offers a named mode.
    wanted = [layer for layer in wanted if layer.type != "Merge" and _answerable(layer)]
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
        said = meant or (layer.unknown and diagnostic.code == "CS028")
        guess = diagnostic.hint if said and not named else None
        whole = "; or ".join(part for part in (guess, hint) if part) or None
        found.append(replace(diagnostic, hint=whole, layer=layer.name))
        hint = None
    return found


def _answerable(layer: ReplaceableLayer) -> bool:
    """Whether an expression or layers in its place could answer a layer."""
    if layer.unknown:
        from speccompiler.loading.keras2 import refusals

        return refusals.answerable(layer.type)
    from speccompiler.loading.keras0.refusals import answerable

    return answerable(layer.type)


def _hint(layers: Sequence[ReplaceableLayer]) -> str:
    """What to write for each layer; only for the first of very many: no shell takes such a line."""
    from speccompiler.loading.replacement.byte_code import lambda_expression

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
    start = f"say what {'it computes' if one else 'they compute'}, as an expression or as layers"
    unread = EXAMPLE if not notes else "..."
    line = " ".join(option(name, text or unread) for name, text in options)
    line += and_more(len(layers), MOST_SHOWN)
    if not notes:
        return f"{start}, for example {line}"
    if one:
        note = notes[0].removeprefix(f"{layers[0].name}: ")
        return f"{start}: {line} ({note})"
    return f"{start}: {line} ({'; '.join(notes)})"
