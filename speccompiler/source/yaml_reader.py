"""YAML text to a positioned tree, composed from PyYAML's events.

Only PyYAML's parser is used: it makes no objects, and the composing here runs
nothing and does not recurse. Aliases share nodes but are counted as copies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Any

import yaml

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.source.findings import MAX_VALUES, Findings, Stop, duplicate_key, too_many_values
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode
from speccompiler.source.yaml_events import events
from speccompiler.source.yaml_scalars import Value, check_collection_tag, differs, scalar_value
from speccompiler.source.yaml_syntax import missing_key

MOST_SHOWN = 60
"""Characters of an inline mapping that a hint repeats."""
_SURROGATE = "[\ud800-\udfff]"
# An anchor may stand before a tag.
_TAG = re.compile(r"(?:&\S+\s+)?\S+")
# Stands for a value that a finding is already about.
_BROKEN = Scalar(None, Span(1, 1, 1, 1))


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being composed."""

    is_mapping: bool
    is_flow: bool
    start: int
    end: int
    anchor: str | None
    counted_before: int
    refused: bool
    height: int = 1
    items: list[TreeNode] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    merged: dict[str, Entry] = field(default_factory=dict)
    merge_line: int | None = None
    merges_again: list[tuple[int, int]] = field(default_factory=list)
    """The places of every '<<' after the first."""
    written: list[str | None] = field(default_factory=list)
    """How the items of a list, or what a mapping merges, can be written in a flow list."""
    expects_key: bool = True
    is_merge: bool = False
    # None drops the value that follows: its key was refused.
    key: str | None = None
    key_span: Span = _BROKEN.span


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A complete node that aliases may name, how many values it holds, and how deep it nests."""

    node: TreeNode
    values: int
    height: int


class _Composer:
    """Builds the tree of one document from its events."""

    def __init__(self, findings: Findings, *, keras: bool) -> None:
        self.findings = findings
        self.keras = keras
        self.differs = False
        """Whether an unquoted scalar is another value to PyYAML."""
        self.root: TreeNode | None = None
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Anchored | _Open] = {}
        self.values = 0
        self.used_alias = False
        self.plain: dict[str, Value] = {}
        """What unquoted scalars mean that have been read before: most of a large text."""

    def scalar(self, event: Any) -> None:
        """A scalar: at once, if another with this text had nothing to say of it."""
        text = event.value
        ordinary = not event.style and event.tag is None and event.anchor is None
        if not ordinary or text not in self.plain or not self.stack:
            self._first_scalar(event)
            return
        value, top = self.plain[text], self.stack[-1]
        start, end = event.start_mark.index, event.end_mark.index
        if top.is_mapping and top.expects_key:
            if not isinstance(value, str) or value in top.entries:
                self._first_scalar(event)
                return
            top.expects_key = top.is_merge = False
            top.key, top.key_span = value, self.findings.lines.span(start, end)
        else:
            self._count(1, start, end)
            self._place(Scalar(value, self.findings.lines.span(start, end)), 0, start, end)
        top.end = end

    def _first_scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        top = self.stack[-1] if self.stack else None
        node = _BROKEN
        plain = not event.style
        is_key = top is not None and top.is_mapping and top.expects_key
        is_merge = is_key and plain and event.value == "<<" and event.tag is None
        if not is_key:
            self._count(1, start, end)
        if plain and not self.differs:
            self.differs = differs(event.value)
        try:
            value = scalar_value(event.value, event.tag, plain=plain, keras=self.keras)
            if isinstance(value, str) and not value.isascii() and re.search(_SURROGATE, value):
                raise Problem("CS003", "half of a surrogate pair is not text", "remove it")
            node = Scalar(value, self.findings.lines.span(start, end))
            if plain and event.tag is None and event.value != "<<":  # which merges as a key
                self.plain[event.value] = value
        except Problem as problem:
            self._report(problem, start, min(end, self._tag_end(start)) if event.tag else end)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(node, 1, 0)
        self._place(node, 0, start, end, is_merge=is_merge)

    def open(self, event: Any, *, is_mapping: bool) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        before = self.values
        self._count(1, start, end)
        self.findings.check_depth(len(self.stack) + 1, start, end)
        refused = bool(self.stack) and self.stack[-1].refused
        try:
            check_collection_tag(event.tag, mapping=is_mapping)
        except Problem as problem:
            self._report(problem, start, self._tag_end(start))
            refused = True
        opened = _Open(
            is_mapping, bool(event.flow_style), start, end, event.anchor, before, refused
        )
        if event.anchor is not None:
            self.anchors[event.anchor] = opened
        self.stack.append(opened)

    def close(self, event: Any) -> None:
        for start, end in self.stack[-1].merges_again:
            self._report(_second_merge(self.stack[-1]), start, end)
        done = self.stack.pop()
        # libyaml ends a block collection where the next token starts; its last item is the end.
        end = event.end_mark.index if done.is_flow else done.end
        span = self.findings.lines.span(done.start, end)
        node: TreeNode
        if done.is_mapping:
            entries = {**done.merged, **done.entries} if done.merged else done.entries
            node = Mapping(entries, span)
        else:
            node = Sequence(tuple(done.items), span)
        if done.refused and not (self.stack and self.stack[-1].refused):
            node = _BROKEN
        # An inner node may have taken the same anchor since.
        if done.anchor is not None and self.anchors[done.anchor] is done:
            values = self.values - done.counted_before
            self.anchors[done.anchor] = _Anchored(node, values, done.height)
        self._place(node, done.height, done.start, end, written=self._written(done, end))

    def _written(self, done: _Open, end: int) -> str | None:
        """How a merge can name a collection: a list by its items, a short mapping as it is."""
        if not done.is_mapping:
            items = [item for item in done.written if item is not None]
            return ", ".join(items) if len(items) == len(done.written) else None
        text = self.findings.text[done.start : end]
        short = done.is_flow and end - done.start <= MOST_SHOWN and text.isprintable()
        return text if short and text.startswith("{") else None

    def alias(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        name = shown(event.anchor)
        known = self.anchors.get(event.anchor)
        self.used_alias = True
        if isinstance(known, _Anchored):
            self._count(known.values, start, end)
            self.findings.check_depth(len(self.stack) + known.height, start, end)
            self._place(known.node, known.height, start, end, written=f"*{name}")
            return
        if known is None:
            message = f"the alias '*{name}' names no anchor '&{name}' above it"
            problem = Problem("CS003", message, "put it in quotes if it is meant as text")
        else:
            message = f"the alias '*{name}' stands inside of its own anchor '&{name}'"
            problem = Problem("CS008", message, "write the repeated part out")
        self._report(problem, start, end)
        self._place(_BROKEN, 0, start, end)

    def _report(self, problem: Problem, start: int, end: int) -> None:
        """Note a problem, unless it is part of something refused as a whole."""
        if not (self.stack and self.stack[-1].refused):
            self.findings.add(problem, start, end)

    def _tag_end(self, start: int) -> int:
        found = _TAG.match(self.findings.text, start)
        return start if found is None else found.end()

    def _count(self, values: int, start: int, end: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            self.findings.stop(too_many_values(by_aliases=self.used_alias), start, end)

    def _place(
        self,
        node: TreeNode,
        height: int,
        start: int,
        end: int,
        *,
        is_merge: bool = False,
        written: str | None = None,
    ) -> None:
        """Give a complete node to the collection it stands in."""
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.height = max(top.height, height + 1)
        top.end = end
        if not top.is_mapping:
            top.items.append(node)
            top.written.append(written)
        elif top.expects_key:
            top.expects_key = False
            self._take_key(top, node, start, end, is_merge)
        else:
            top.expects_key = True
            if top.is_merge:
                top.written.append(written)
                self._merge(top, node, start, end)
            elif top.key is not None:
                top.entries[top.key] = Entry(top.key_span, node)

    def _take_key(self, top: _Open, node: TreeNode, start: int, end: int, is_merge: bool) -> None:
        top.key, top.is_merge = None, is_merge
        if is_merge:
            if top.merge_line is not None:
                top.merges_again.append((start, end))
            top.merge_line = top.merge_line or self.findings.lines.line(start)
        elif node is _BROKEN:
            return
        elif not isinstance(node, Scalar):
            what = "list" if isinstance(node, Sequence) else "mapping"
            message = f"a {what} is used as a key; keys are text"
            self._report(Problem("CS010", message, "use a text as the key"), start, end)
        elif not isinstance(node.value, str):
            written = shown(self.findings.text[start:end])
            from speccompiler.diagnostics.remedies import Quote, Remedy

            # What a forgotten quote has left over is no key: '(8, 8)' in a flow mapping.
            remedy = Remedy(Quote()) if self.findings.text[end : end + 1] == ":" else None
            message = f"the key {written} is not text"
            problem = Problem("CS010", message, "put the key in quotes", remedy=remedy)
            self._report(problem if written else missing_key(), start, end)
        elif node.value in top.entries:
            first = top.entries[node.value].key_span.line
            self._report(duplicate_key(node.value, first), start, end)
        else:
            top.key, top.key_span = node.value, node.span

    def _merge(self, top: _Open, node: TreeNode, start: int, end: int) -> None:
        """Take the entries of '<<'; an earlier source wins (yaml.org/type/merge.html)."""
        for source in node.items if isinstance(node, Sequence) else (node,):
            if isinstance(source, Mapping):
                for key, entry in source.entries.items():
                    top.merged.setdefault(key, entry)
            elif source is not _BROKEN:
                message = "the merge key '<<' takes a mapping or a list of mappings"
                hint = "name the anchor of a mapping, such as '<<: *defaults'"
                self._report(Problem("CS003", message, hint), start, end)
                return


def _second_merge(mapping: _Open) -> Problem:
    """CS004 for a further '<<': one takes a list, in which an earlier mapping wins."""
    assert mapping.merge_line is not None, "there is a first one"
    named = [name for name in mapping.written if name]
    listed = ", ".join(named) if len(named) == len(mapping.written) else "*a, *b"
    hint = f"merge them with one key: <<: [{listed}]"
    problem = duplicate_key("<<", mapping.merge_line)
    return Problem(problem.code, problem.message, hint)


def read_yaml(findings: Findings) -> TreeNode:
    """The tree of the only document of a YAML text; raises ``Stop`` where there is none.

    What PyYAML wrote for Keras means what PyYAML reads. Only the whole tree tells whose it is,
    and few files hold a scalar for which that matters: those are read once more.
    """
    first = findings.apart()
    composer = _Composer(first, keras=False)
    stopped = None
    try:
        _compose(composer)
    except Stop as stop:
        stopped = stop
    if composer.differs and _written_by_keras(composer.root):
        composer = _Composer(findings, keras=True)
        _compose(composer)
    else:
        findings.take(first)
        if stopped is not None:
            raise stopped
    assert composer.root is not None, "an empty document has ended the reading"
    return composer.root


def _written_by_keras(root: TreeNode | None) -> bool:
    """Whether this is a model of Keras 1.x or 0.x, or a list of its layers."""
    if isinstance(root, Sequence) and root.items:
        root = root.items[0]
    if not isinstance(root, Mapping) or "convspec" in root.entries:
        return False
    older = "name" in root.entries and not root.entries.keys().isdisjoint({"layers", "nodes"})
    return "class_name" in root.entries or older


def _compose(composer: _Composer) -> None:
    """Compose the only document; raises ``Stop`` where there is none."""
    findings = composer.findings
    documents = 0
    empty = True
    found: Iterator[Any] = events(findings)
    # A tag may have any letter as %xx.
    if any(word in findings.text for word in ("numpy", "ListWrapper", "%")):
        from speccompiler.source.yaml_objects import plain_values

        found = plain_values(found)
    scalar_event, scalar = yaml.ScalarEvent, composer.scalar
    for event in found:
        kind = type(event)
        if kind is scalar_event:
            empty = empty and not event.value and not event.style and event.tag is None
            scalar(event)
        elif kind is yaml.MappingStartEvent:
            empty = False
            composer.open(event, is_mapping=True)
        elif kind is yaml.SequenceStartEvent:
            empty = False
            composer.open(event, is_mapping=False)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            composer.close(event)
        elif kind is yaml.AliasEvent:
            empty = False
            composer.alias(event)
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                problem = Problem(
                    "CS011",
                    "a second document starts here; a file holds one spec",
                    "keep each document in a file of its own",
                )
                findings.stop(problem, event.start_mark.index, event.end_mark.index)
    if composer.root is None or empty:
        findings.stop(Problem("CS012", "the document is empty", "write a spec in it"), 0, 0)
