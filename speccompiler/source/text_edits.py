"""A remedy as edits of a text: what stands at its place is known here, and how it is quoted.

Nothing is made where the text is not what the tree says: an anchor, a tag or a comment stands in
the way, or the text is a part of another one. A finding without a fix is no harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Entries

from speccompiler.diagnostics.core import Edit, Fix, Span
from speccompiler.diagnostics.remedies import (
    Add,
    Instead,
    Quote,
    Remedy,
    Remove,
    Rename,
    Word,
    Write,
)
from speccompiler.frozen import dataclass
from speccompiler.source.flow_text import flow_text
from speccompiler.source.positions import LineIndex
from speccompiler.source.tree import Entry, Mapping, Path, Scalar, TreeNode, find

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class EditedText:
    """The text that is to be edited."""

    text: str
    lines: LineIndex
    yaml: bool
    """Whether it is YAML; else JSON."""

    def range(self, span: Span) -> tuple[int, int]:
        lines = self.lines
        return (
            lines.offset(span.line, span.column),
            lines.offset(span.end_line, span.end_column),
        )

    def at(self, span: Span) -> str:
        start, end = self.range(span)
        return self.text[start:end]

    def edit(self, start: int, end: int, new: str) -> tuple[Edit, ...]:
        return (Edit(self.lines.span(start, end), new),)

    def line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    @property
    def line_end(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


def fix_of(
    text: EditedText, remedy: Remedy, holder: TreeNode | None, path: Path, span: Span | None
) -> Fix | None:
    change = remedy.change
    edits: tuple[Edit, ...] | None = None
    if isinstance(change, Add):
        edits = _added(text, change, holder)
        title = f"add {change.key}: {flow_text(change.value)}"
        return None if edits is None else Fix(title, edits, remedy.safe)
    parent = None if holder is None or not path else find(holder, path[:-1])
    key = path[-1] if path else None
    entry = None
    if isinstance(parent, Mapping) and isinstance(key, str):
        entry = parent.entries.get(key)
    if isinstance(change, Write | Quote | Word):
        node = find(holder, path) if holder is not None and path else None
        place = span if node is None and not path else None if node is None else node.span
        if place is None:
            return None
        edits = _written(text, change, place, node)
    elif isinstance(parent, Mapping) and entry is not None and isinstance(key, str):
        edits = _entry_changed(text, change, parent, key, entry)
    return None if edits is None else Fix(_title(change, key), edits, remedy.safe)


def _title(change: Write | Quote | Word | Rename | Instead | Remove, key: str | int | None) -> str:
    if isinstance(change, Write):
        return f"write {change.text or flow_text(change.value)}"
    if isinstance(change, Quote):
        return "put it in quotes"
    if isinstance(change, Word):
        return f"write {change.new}" if change.new else f"remove the '{change.old}'"
    if isinstance(change, Rename):
        return f"rename '{key}' to '{change.name}'"
    if isinstance(change, Instead):
        listed = ", ".join(f"{k}: {flow_text(v)}" for k, v in change.entries.items())
        return f"write {listed}"
    return f"remove '{key}'"


def _written(
    text: EditedText, change: Write | Quote | Word, span: Span, node: TreeNode | None
) -> tuple[Edit, ...] | None:
    """Edits of the value at a span."""
    start, end = text.range(span)
    old = text.text[start:end]
    if isinstance(change, Word):
        word = rf"\b{re.escape(change.old)}\b" if change.old.isidentifier() else None
        said = re.sub(word or re.escape(change.old), lambda _: change.new, old)
        return text.edit(start, end, said) if said != old and _is_plain(old, spaces=True) else None
    if isinstance(change, Quote):
        fits = _is_plain(old) and old[:1] not in {'"', "'"} and bool(old)
        return text.edit(start, end, json.dumps(old, ensure_ascii=False)) if fits else None
    if isinstance(node, Mapping) or (isinstance(node, Scalar | None) and not _is_plain(old)):
        return None
    if node is None and old[:1] in {"[", "{"}:
        return None
    if not isinstance(node, Scalar | None) and not {"#", "&", "*"}.isdisjoint(old):
        return None
    new = change.text
    if new is None or (not text.yaml and not _JSON_NUMBER.fullmatch(new)):
        new = flow_text(change.value, yaml=text.yaml)
        if isinstance(change.value, str) and old[:1] == "'" and text.yaml:
            new = f"'{change.value}'" if "'" not in change.value else new
        elif isinstance(change.value, str) and old[:1] == '"':
            new = json.dumps(change.value, ensure_ascii=False)
    if start == end:
        new = f" {new}" if text.text[start - 1 : start] == ":" else new
    return text.edit(start, end, new)


def _is_plain(written: str, *, spaces: bool = False) -> bool:
    """Whether a scalar stands alone on its line: no anchor, tag, alias or block."""
    if written[:1] in {"&", "!", "*", "|", ">"} or "\n" in written or "\r" in written:
        return False
    return spaces or "#" not in written or written[:1] in {'"', "'"}


def _entry_changed(
    text: EditedText, change: Rename | Instead | Remove, parent: Mapping, key: str, entry: Entry
) -> tuple[Edit, ...] | None:
    """Edits of a key, or of a key and its value."""
    start, key_end = text.range(entry.key_span)
    written = text.text[start:key_end]
    quote = written[:1] if written[:1] in {'"', "'"} else ""
    if not _is_plain(written) or (not quote and written != key):
        return None
    if isinstance(change, Rename):
        if change.name in parent.entries:
            return None
        new = (
            flow_text(change.name, yaml=text.yaml) if not quote else f"{quote}{change.name}{quote}"
        )
        return text.edit(start, key_end, new)
    end = max(text.range(entry.value.span)[1], key_end)
    if isinstance(change, Remove):
        return _removed(text, start, end)
    if any(name in parent.entries and name != key for name in change.entries):
        return None
    value = text.text[text.range(entry.value.span)[0] : end]
    if isinstance(entry.value, Scalar) and not _is_plain(value):
        return None
    return text.edit(start, end, _entries(text, change.entries, start))


def _entries(text: EditedText, entries: Entries[str, object], start: int) -> str:
    """Keys and values as they stand beside the one that starts at ``start``."""
    items = [
        f"{flow_text(k, yaml=text.yaml)}: {flow_text(v, yaml=text.yaml)}"
        for k, v in entries.items()
    ]
    if _in_flow(text, start):
        return (_between(text, start)).join(items)
    indent = start - text.line_start(start)
    return (text.line_end + " " * indent).join(items)


def _in_flow(text: EditedText, start: int) -> bool:
    """Whether a key stands in ``{}``: before it is a brace or a comma, past line ends."""
    if not text.yaml:
        return True
    before = text.text[text.line_start(start) : start]
    if before.strip(" \t-"):
        return True
    # Alone on its line: a comma or a brace ends the line before, comments aside.
    for line in reversed(text.text[: text.line_start(start)].splitlines()):
        said = line.split(" #")[0].strip()
        if said and not said.startswith("#"):
            return said[-1] in "{,"
    return False


def _between(text: EditedText, start: int) -> str:
    """What separates entries of a flow mapping: a line each where the key begins one."""
    line = text.line_start(start)
    before = text.text[line:start]
    return f",{text.line_end}{before}" if before and not before.strip() else ", "


def _removed(text: EditedText, start: int, end: int) -> tuple[Edit, ...] | None:
    whole = text.text
    if _in_flow(text, start):
        gap = _GAP.match(whole, end)
        after = end if gap is None else gap.end()
        if whole[after : after + 1] == ",":
            space = _GAP.match(whole, after + 1)
            return text.edit(start, after + 1 if space is None else space.end(), "")
        before = len(whole[:start].rstrip())
        if whole[before - 1 : before] == "," and "#" not in whole[before:start]:
            return text.edit(before - 1, end, "")
        return None
    line = text.line_start(start)
    indent = whole[line:start]
    rest = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|\Z)").match(whole, end)
    if rest is None or end == rest.end():
        return None
    if not indent.strip():
        return text.edit(line, rest.end(), "")
    # The first key of an item: the next one comes to stand after the dash.
    space = _SPACE.match(whole, rest.end())
    next_key = rest.end() if space is None else space.end()
    if next_key - rest.end() != len(indent) or whole[next_key : next_key + 1] in {"#", "-", ""}:
        return None
    return text.edit(start, next_key, "")


def _added(text: EditedText, change: Add, holder: TreeNode | None) -> tuple[Edit, ...] | None:
    """Edits that write a new key in front of another one of its mapping."""
    if not isinstance(holder, Mapping) or change.key in holder.entries:
        return None
    start, end = text.range(holder.span)
    places = {}
    for key, entry in holder.entries.items():
        at, key_end = text.range(entry.key_span)
        if start <= at < end and _is_plain(text.text[at:key_end]):
            places[key] = at
    if not places:
        return None
    at = next((places[key] for key in change.before if key in places), min(places.values()))
    new = _entries(text, {change.key: change.value}, at)
    if _in_flow(text, at):
        return text.edit(at, at, new + _between(text, at))
    indent = at - text.line_start(at)
    return text.edit(at, at, new + text.line_end + " " * indent)
