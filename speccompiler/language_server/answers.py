"""The answers to requests: what a feature finds, in the types of the protocol."""

from __future__ import annotations

import re

from lsprotocol import types

from speccompiler.diagnostics.core import Diagnostic, Fix, Span
from speccompiler.language_server.changed_lines import line_edits
from speccompiler.language_server.completion import completions_at
from speccompiler.language_server.findings import shown_findings
from speccompiler.language_server.formatting import laid_out
from speccompiler.language_server.hover import hover_at
from speccompiler.language_server.inlay_hints import shape_hints
from speccompiler.language_server.names import named_at, reads_of
from speccompiler.language_server.offer import KindName
from speccompiler.language_server.positions import PlacedText
from speccompiler.language_server.protocol import (
    as_diagnostic,
    as_range,
    markdown,
    span_range,
    text_edits,
    workspace_edit,
)
from speccompiler.language_server.quick_fixes import (
    fixes_between,
    ignores_between,
    is_asked_for,
    mended_text,
)
from speccompiler.language_server.rename import renamable_at, rename
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.language_server.symbols import layer_symbols
from speccompiler.language_server.tree_paths import Found, found_at
from speccompiler.language_server.written_layers import NamedLayer

_KINDS = {
    "type": types.CompletionItemKind.Class,
    "argument": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "layer": types.CompletionItemKind.Reference,
    "file": types.CompletionItemKind.File,
}
_PLACES = re.compile(r"\$\{[0-9]+\}")


def diagnostics(file: SpecFile) -> list[types.Diagnostic]:
    """Every finding."""
    return [as_diagnostic(file.placed, found) for found in shown_findings(file)]


def hover(file: SpecFile, params: types.HoverParams) -> types.Hover | None:
    """The text for the place that the pointer is over."""
    found = hover_at(file, *_place(file, params.position))
    if found is None:
        return None
    return types.Hover(markdown(found.markdown), span_range(file.placed, found.span))


def inlay_hints(file: SpecFile, params: types.InlayHintParams) -> list[types.InlayHint]:
    """The shapes of the layers on the lines that are asked for."""
    first, last = params.range.start.line + 1, params.range.end.line + 1
    return [
        types.InlayHint(
            _hint_position(file.placed, hint.line, hint.column),
            hint.label,
            tooltip=hint.tooltip,
            padding_left=True,
        )
        for hint in shape_hints(file)
        if first <= hint.line <= last
    ]


def _hint_position(placed: PlacedText, line: int, column: int | None) -> types.Position:
    if column is None:
        return types.Position(*placed.end_of_line(line))
    return span_range(placed, Span(line, column, line, column)).start


def document_symbols(
    file: SpecFile, params: types.DocumentSymbolParams
) -> list[types.DocumentSymbol]:
    """The outline."""
    return [
        types.DocumentSymbol(
            symbol.name,
            types.SymbolKind.Variable if symbol.is_input else types.SymbolKind.Object,
            span_range(file.placed, symbol.whole),
            span_range(file.placed, symbol.selected),
            symbol.detail,
        )
        for symbol in layer_symbols(file)
    ]


def folding_ranges(file: SpecFile, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    """The layers of several lines."""
    return [
        types.FoldingRange(symbol.whole.line - 1, symbol.whole.end_line - 1)
        for symbol in layer_symbols(file)
        if symbol.whole.end_line > symbol.whole.line
    ]


def selection_ranges(
    file: SpecFile, params: types.SelectionRangeParams
) -> list[types.SelectionRange]:
    """For each place the part of the text that it is in, and what is around that."""
    return [_selection(file, position) for position in params.positions]


def _selection(file: SpecFile, position: types.Position) -> types.SelectionRange:
    line, column = _place(file, position)
    then, root = file.then(line), file.readable.document.root
    found = None if then is None or root is None else found_at(root, then, column)
    chosen: types.SelectionRange | None = None
    for span in () if found is None else _spans(found):
        now = file.range_now(span)
        if now is not None and (chosen is None or as_range(now) != chosen.range):
            chosen = types.SelectionRange(as_range(now), chosen)
    return chosen or types.SelectionRange(types.Range(position, position))


def _spans(found: Found) -> list[Span]:
    """From the root inwards; a key stands for its own value."""
    nodes = found.nodes[:-1] if found.on_key else found.nodes
    return [*(node.span for node in nodes), found.span]


def definition(file: SpecFile, params: types.DefinitionParams) -> types.Location | None:
    """Where the layer is named whose name stands at a place."""
    found = _named(file, params.position)
    place = None if found is None else file.range_now(found.name_span)
    return None if place is None else types.Location(params.text_document.uri, as_range(place))


def references(file: SpecFile, params: types.ReferenceParams) -> list[types.Location]:
    """Where the name of a layer is read, and where it is given if that is asked for."""
    given = params.context.include_declaration
    ranges = _occurrences(file, params.position, with_declaration=given)
    return [types.Location(params.text_document.uri, each) for each in ranges]


def highlights(
    file: SpecFile, params: types.DocumentHighlightParams
) -> list[types.DocumentHighlight]:
    """Every place of the name at a place."""
    return [
        types.DocumentHighlight(each)
        for each in _occurrences(file, params.position, with_declaration=True)
    ]


def _occurrences(
    file: SpecFile, position: types.Position, *, with_declaration: bool
) -> list[types.Range]:
    layer = _named(file, position)
    if layer is None:
        return []
    spans = [layer.name_span] if with_declaration else []
    spans += [place.span for place in reads_of(file.readable, layer)]
    ranges = (file.range_now(span) for span in dict.fromkeys(spans))
    return [as_range(each) for each in ranges if each is not None]


def _named(file: SpecFile, position: types.Position) -> NamedLayer | None:
    line, column = _place(file, position)
    then = file.then(line)
    found = None if then is None else named_at(file.readable, then, column)
    return None if found is None else found[0]


def prepared_rename(
    file: SpecFile, params: types.PrepareRenameParams
) -> types.PrepareRenamePlaceholder:
    """The name that may be changed at a place. Raises ``NotRenamed``."""
    span, name = renamable_at(file.current, *_place(file, params.position))
    return types.PrepareRenamePlaceholder(span_range(file.placed, span), name)


def renamed(file: SpecFile, params: types.RenameParams) -> types.WorkspaceEdit:
    """The edits of a new name. Raises ``NotRenamed``."""
    edits = rename(file.current, *_place(file, params.position), params.new_name)
    return workspace_edit(params.text_document.uri, text_edits(file.placed, edits))


def formatted(
    file: SpecFile, params: types.DocumentFormattingParams
) -> list[types.TextEdit] | None:
    """The edits that lay a text out; none where it cannot be read."""
    new = laid_out(file)
    return None if new is None else _whole_text(file, new)


def code_actions(file: SpecFile, params: types.CodeActionParams) -> list[types.CodeAction]:
    """The fixes of the findings in a range, and one for all safe fixes."""
    uri = params.text_document.uri
    only = params.context.only
    actions = []
    if is_asked_for(types.CodeActionKind.QuickFix.value, only):
        first, last = params.range.start.line + 1, params.range.end.line + 1
        by_fix: dict[Fix, list[Diagnostic]] = {}
        for found in (fixes_between, ignores_between):
            for diagnostic, fix in found(file, first, last):
                by_fix.setdefault(fix, []).append(diagnostic)
        for fix, mended in by_fix.items():
            actions.append(
                types.CodeAction(
                    fix.title,
                    types.CodeActionKind.QuickFix,
                    [as_diagnostic(file.placed, diagnostic) for diagnostic in mended],
                    is_preferred=fix.safe,
                    edit=workspace_edit(uri, text_edits(file.placed, fix.edits)),
                )
            )
    if is_asked_for(types.CodeActionKind.SourceFixAll.value, only):
        text = mended_text(file)
        if text != file.text:
            actions.append(
                types.CodeAction(
                    "apply every safe fix of convspec",
                    types.CodeActionKind.SourceFixAll,
                    edit=workspace_edit(uri, _whole_text(file, text)),
                )
            )
    return actions


def _whole_text(file: SpecFile, new: str) -> list[types.TextEdit]:
    """The edits that make another text of a file's."""
    return [
        types.TextEdit(as_range(file.placed.between(edit.start, edit.end)), edit.new)
        for edit in line_edits(file.text, new)
    ]


def completion(
    file: SpecFile, params: types.CompletionParams, folder: str | None, *, snippets: bool
) -> types.CompletionList:
    """What may be written at a place, also in a text that is not yet a spec."""
    offset = file.placed.offset((params.position.line, params.position.character))
    items = []
    is_spec = file.current.is_spec
    for found in completions_at(file.text, offset, folder, is_spec=is_spec):
        new = found.new if snippets else _PLACES.sub("", found.new)
        items.append(
            types.CompletionItem(
                found.label,
                kind=_kind(found.kind),
                detail=found.detail or None,
                documentation=markdown(found.documentation) if found.documentation else None,
                sort_text=f"{found.rank:04}",
                filter_text=found.label,
                text_edit=types.TextEdit(
                    as_range(file.placed.between(found.start, found.end)), new
                ),
                insert_text_format=types.InsertTextFormat.Snippet
                if found.snippet and snippets
                else types.InsertTextFormat.PlainText,
            )
        )
    return types.CompletionList(is_incomplete=False, items=items)


def _kind(name: KindName) -> types.CompletionItemKind:
    return _KINDS[name]


def _place(file: SpecFile, position: types.Position) -> tuple[int, int]:
    """A place of the protocol as spans count: lines and characters from 1."""
    return file.placed.counted_from_1((position.line, position.character))
