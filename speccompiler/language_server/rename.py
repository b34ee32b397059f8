"""A layer under another name: every place that says the name, or why it cannot be."""

from __future__ import annotations

import json
import re

from speccompiler.diagnostics.core import Edit, Span
from speccompiler.diagnostics.wording import shown
from speccompiler.editing.edited_text import with_edits
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.names import named_at, read_names, reads_of
from speccompiler.language_server.written_layers import NamedLayer
from speccompiler.source.positions import LineIndex, split_lines

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@-]*")
_MARKS = re.compile(r"(?:[&!]\S*[ \t]+)*")
"""An anchor and a tag."""
_BRACE = re.compile(r"(?:[&!]\S*\s+)*\{")
_NO_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""Words that some YAML reader takes for something else than text."""


class NotRenamed(Exception):
    """Why a name cannot be changed, in words for the editor."""


def renamable_at(analysis: Analysis, line: int, column: int) -> tuple[Span, str]:
    """The span of the name at a place, and the name. Raises ``NotRenamed``."""
    layer, span = _named(analysis, line, column)
    return span, layer.name


def rename(analysis: Analysis, line: int, column: int, new: str) -> tuple[Edit, ...]:
    """The edits that give the layer at a place another name. Raises ``NotRenamed``."""
    layer, _ = _named(analysis, line, column)
    if not new.strip():
        raise NotRenamed("a name needs at least one visible character")
    if not new.isprintable():
        raise NotRenamed("a name may hold only visible characters and spaces")
    if new == layer.name:
        return ()
    taken = next((one for one in analysis.layers if one.name == new), None)
    if taken is not None:
        raise NotRenamed(
            f"'{shown(new)}' is the name of another layer, on line {taken.line}; names are unique"
        )
    if any(place.text.startswith(f"{new}@") for place in reads_of(analysis, layer)):
        raise NotRenamed(f"'{shown(new)}' would be taken for a later call of another layer")
    given = _given(analysis, layer, new)
    names = _names_after(analysis, given) | {layer.name: new}
    found = {given.span: given}
    for place in read_names(analysis):
        name = names.get(place.name, place.name)
        if name != place.name:
            text = name + place.text.removeprefix(place.name)
            found[place.span] = Edit(place.span, _written(analysis, place.span, text))
    return tuple(sorted(found.values(), key=lambda edit: (edit.span.line, edit.span.column)))


def _names_after(analysis: Analysis, given: Edit) -> dict[str, str]:
    """The names after an edit: layers that say none may be counted otherwise then."""
    text = with_edits(analysis.text, [given])
    after = Analysis(text, analysis.file, analysis.options).layers
    if len(after) != len(analysis.layers):
        raise NotRenamed("the name cannot be written where the layer stands")
    return {old.name: new.name for old, new in zip(analysis.layers, after, strict=True)}


def _named(analysis: Analysis, line: int, column: int) -> tuple[NamedLayer, Span]:
    if not analysis.readable:
        raise NotRenamed("the text cannot be read as it is; mend its syntax error first")
    found = named_at(analysis, line, column)
    if found is None:
        raise NotRenamed("no name of a layer stands here")
    layer, _ = found
    same = [one for one in analysis.layers if one.name == layer.name]
    if len(same) > 1:
        lines = " and ".join(str(one.line) for one in same[:2])
        raise NotRenamed(
            f"two layers are named '{shown(layer.name)}', on lines {lines}; "
            "write another name at one of them first"
        )
    return found


def _given(analysis: Analysis, layer: NamedLayer, new: str) -> Edit:
    """The edit where the layer gets its name: in place of the old one, or behind its type."""
    if layer.says_name or layer.is_header_input:
        return Edit(layer.name_span, _written(analysis, layer.name_span, new))
    if not layer.is_native or layer.head != layer.written.type_span:
        raise NotRenamed(
            f"'{shown(layer.name)}' is a name that the layer gets by itself; write 'name' first"
        )
    span = layer.written.type_span
    end = Span(span.end_line, span.end_column, span.end_line, span.end_column)
    value = _written(analysis, span, new)
    if analysis.document.syntax == "json":
        return Edit(end, f', "name": {json.dumps(new, ensure_ascii=False)}')
    if _is_flow(analysis, layer):
        return Edit(end, f", name: {value}")
    indent = " " * (layer.written.arguments.entries["type"].key_span.column - 1)
    return Edit(end, f"\n{indent}name: {value}")


def _is_flow(analysis: Analysis, layer: NamedLayer) -> bool:
    """Whether a layer stands in braces."""
    span = layer.written.arguments.span
    start = LineIndex(analysis.text).offset(span.line, span.column)
    return _BRACE.match(analysis.text, start) is not None


def _written(analysis: Analysis, span: Span, name: str) -> str:
    """A name as it is written at a place, with its anchor: plain if it can be and was."""
    if analysis.document.syntax == "json":
        return json.dumps(name, ensure_ascii=False)
    line = split_lines(analysis.document.text)[span.line - 1]
    found = _MARKS.match(line, span.column - 1)
    assert found is not None, "no marks are a match too"
    quote = line[found.end() : found.end() + 1]
    if quote == "'" and "'" not in name:
        return f"{found.group()}'{name}'"
    plain = _PLAIN.fullmatch(name) is not None and name.lower() not in _NO_TEXT
    plain = plain and quote != '"'
    return found.group() + (name if plain else json.dumps(name, ensure_ascii=False))
