"""The first half of loading: the header and each layer are checked by their schemas."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, has_errors
from speccompiler.frozen import dataclass
from speccompiler.loading.connections import unknown_reads
from speccompiler.loading.header import read_header
from speccompiler.loading.layer_names import duplicate_names, layer_names
from speccompiler.loading.layer_validation import validate_layer
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.loading.replacement.replaceable_layers import replaceable_layers
from speccompiler.loading.spellings import read_written
from speccompiler.loading.wrapped_model import overruled
from speccompiler.loading.written_spec import WrittenLayer, WrittenSpec
from speccompiler.schemas.model import ModelHeader
from speccompiler.source.document import Document

if TYPE_CHECKING:
    from speccompiler.loading.layer_names import Item
    from speccompiler.loading.replacement.answers import Answers


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """The header and layers as their schemas took them.

    ``items`` and ``names`` have an entry for each of ``written.layers``.
    """

    written: WrittenSpec
    header: ModelHeader
    items: tuple[Item, ...]
    names: tuple[str, ...]
    places: Mapping[str, WrittenLayer]
    diagnostics: tuple[Diagnostic, ...]
    """Warnings and notes."""


def check_document(document: Document, replace: Answers | None) -> CheckedDocument | LoadedSpec:
    """The layers and the header of a document, or everything that is wrong with them.

    ``replace`` is what the caller says of layers that are code.
    """
    if document.root is None:
        return LoadedSpec(document, None, {}, document.diagnostics)
    written = read_written(document)
    diagnostics = [*document.diagnostics, *written.diagnostics]
    answered, found = _insert_answers(document, written, replace)
    diagnostics += found
    unanswered = replaceable_layers(written)
    header, found = read_header(document, written)
    header = overruled(document, header)
    diagnostics += found
    reading_input = {call.layer for call in written.calls or () if not call.reads}
    items = [
        validate_layer(document, layer, written.native, diagnostics, number in reading_input)
        for number, layer in enumerate(written.layers)
    ]
    if unanswered:
        from speccompiler.loading.replacement.hints import with_hints

        diagnostics = with_hints(diagnostics, unanswered, written.native, answered)
    names = layer_names(written.layers, items)
    places = dict(zip(names, written.layers, strict=True))
    diagnostics += duplicate_names(names, written.layers, document.file)
    if header is None or has_errors(diagnostics):
        wrong = LoadedSpec(document, None, places, tuple(diagnostics))
        wrong = wrong.adding(unknown_reads(written, names))
        return LoadedSpec(document, None, places, tuple(sorted(wrong.diagnostics, key=_place)))
    checked = tuple(item for item in items if item is not None)
    return CheckedDocument(written, header, checked, tuple(names), places, tuple(diagnostics))


def _insert_answers(
    document: Document, written: WrittenSpec, given: Answers | None
) -> tuple[Collection[str], list[Diagnostic]]:
    """Put the answers for layers that are code into ``written``; return the names answered."""
    if not given and document.wrapper is None:
        return (), []
    from speccompiler.loading.replacement.answers import read_answers
    from speccompiler.loading.replacement.insertion import insert_answers

    answers, found = read_answers(document, given)
    return answers, found + (insert_answers(written, answers) if answers else [])


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return (diagnostic.span.line, diagnostic.span.column) if diagnostic.span else (0, 0)
