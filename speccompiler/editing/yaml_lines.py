"""Written nodes as lines of YAML: layers that fit on one line on one, all else in block style."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from speccompiler.editing.comment_places import (
    with_comment_inside,
    with_comments_before,
    with_head_before,
)
from speccompiler.editing.in_order import layer_in_order, spec_in_order
from speccompiler.editing.written_nodes import (
    INDENT,
    Child,
    Comment,
    Written,
    WrittenList,
    WrittenScalar,
    comments,
)
from speccompiler.frozen import dataclass
from speccompiler.source.flow_text import flow_text
from speccompiler.source.yaml_scalars import plain_value

_PLAIN_IN_FLOW = re.compile(r"[^\s,\[\]{}:?#&*!|>'\"%@`-][^,\[\]{}:#]*|[-+.]?[0-9][0-9a-zA-Z.+_-]*")
_IGNORES = re.compile(r"(?<!\S)#+\s*convspec\s*:\s*ignore\s*\[")
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end, and the comment behind it."""

    text: str
    comment: Comment | None = None

    def __str__(self) -> str:
        """A comment stays in its column where there is room, so that those below each other do."""
        if self.comment is None:
            return self.text
        if not self.text.strip():
            return self.text + self.comment.text
        return self.text.ljust(max(self.comment.column, len(self.text) + 2)) + self.comment.text


def yaml_lines(root: WrittenList, width: int) -> list[str]:
    """The lines of a spec."""
    first, *others = root.children
    opening = _alone(first.before, 0)
    root = replace(root, children=(replace(first, before=()), *others))
    layout = _Layout(width)
    lines = [str(line) for line in (*opening, *layout.spec(spec_in_order(root)))]
    while lines and not lines[0].strip():
        lines.pop(0)
    return lines


class _Layout:
    def __init__(self, width: int) -> None:
        self.width = width

    def spec(self, root: WrittenList) -> Iterator[Line]:
        for child in root.children:
            if child.key is not None and child.key.value == "layers":
                yield from self.layers(child)
            else:
                yield from self.child(child, 0)
        yield from _alone(root.tail, 0)

    def layers(self, child: Child) -> Iterator[Line]:
        """The list of layers: an item each, whatever it was."""
        layers = child.value
        if not isinstance(layers, WrittenList) or layers.mapping or not layers.children:
            yield from self.child(child, 0)
            return
        child = with_comment_inside(child)
        assert isinstance(child.value, WrittenList), "it was a list before"
        yield from self.opening(child, 0, child.value.marks)
        for layer in child.value.children:
            layer = layer_in_order(with_comments_before(layer))
            yield from self.child(layer, INDENT, in_layer=True)
        yield from _alone(child.value.tail, INDENT)

    def child(self, child: Child, indent: int, *, in_layer: bool = False) -> Iterator[Line]:
        """An item or a key with its value, on one line where it can be."""
        child = with_comments_before(child)
        value = child.value
        if isinstance(value, WrittenScalar) or not value.children:
            yield from self.on_one_line(child, indent, _scalar_text(value))
            return
        start = indent + len(_start(child))
        if in_layer or value.flow:
            text = _flow(value)
            fits = text is not None and start + len(text) <= self.width
            if text is not None and (fits or (value.flow and _ignores(child))):
                yield from self.on_one_line(child, indent, text)
                return
            if text is not None and _is_row(value):
                child = with_head_before(child)
                yield from _lead(child, indent)
                rows = list(_filled(value, indent, start, self.width))
                rows[0] = " " * indent + _start(child) + rows[0]
                yield from map(Line, rows[:-1])
                yield Line(rows[-1], child.after)
                return
        child = with_comment_inside(child)
        yield from self.block(child, indent, in_layer=in_layer)

    def on_one_line(self, child: Child, indent: int, text: str) -> Iterator[Line]:
        child = with_head_before(child)
        yield from _lead(child, indent)
        first, *more = _LINE_END.split(text)
        lines = [(" " * indent + _start(child) + first).rstrip()]
        pad = " " * (indent + INDENT)
        if isinstance(child.value, WrittenScalar) and child.value.block:
            lines += [pad + line if line else "" for line in more]
        else:
            lines += [pad + line.lstrip() if line.strip() else "" for line in more]
        yield from map(Line, lines[:-1])
        yield Line(lines[-1], child.after)

    def opening(self, child: Child, indent: int, marks: str) -> Iterator[Line]:
        """The line of a key whose value follows on lines of its own."""
        yield from _lead(child, indent)
        yield Line((" " * indent + _start(child) + marks).rstrip(), child.head)

    def block(self, child: Child, indent: int, *, in_layer: bool) -> Iterator[Line]:
        """A list or a mapping, a line or more for each entry."""
        value = child.value
        assert isinstance(value, WrittenList), "only lists have lines of their own"
        if child.key is not None or value.marks:
            yield from self.opening(child, indent, value.marks)
            for inner in value.children:
                yield from self.child(inner, indent + INDENT, in_layer=in_layer)
            yield from _alone(value.tail, indent + INDENT)
            return
        # An item: its first entry stands behind the dash.
        yield from _lead(child, indent)
        lines: list[Line] = []
        for inner in value.children:
            lines += self.child(inner, indent + INDENT, in_layer=in_layer)
        first = lines[0]
        yield Line(" " * indent + "- " + first.text.lstrip(), first.comment)
        yield from lines[1:]
        yield from _alone(value.tail, indent + INDENT)


def _ignores(child: Child) -> bool:
    """Whether findings of its line are ignored: on lines of their own they would not be."""
    said = (*child.before, *filter(None, (child.head, child.after)))
    return any(_IGNORES.search(comment.text) for comment in said)


def _start(child: Child) -> str:
    """What stands before a value on its line."""
    if child.key is None:
        return "- "
    key = _text_of(child.key)
    return f"{key} : " if child.key.alias else f"{key}: "


def _lead(child: Child, indent: int) -> Iterator[Line]:
    """The comments and the blank line before a child."""
    yield from _alone(child.before, indent)
    if child.blank:
        yield Line("")


def _alone(found: Iterable[Comment], indent: int) -> Iterator[Line]:
    for comment in found:
        if comment.blank:
            yield Line("")
        yield Line(" " * indent + comment.text)


def _scalar_text(value: Written) -> str:
    """A scalar, or a list that is empty, as it stands behind its key."""
    if isinstance(value, WrittenList):
        return " ".join(filter(None, [value.marks, "{}" if value.mapping else "[]"]))
    return _text_of(value)


def _text_of(scalar: WrittenScalar) -> str:
    """As it is written, without quotes that are not needed."""
    text = scalar.text
    quoted = text[:1] in {'"', "'"} and not scalar.plain
    if not quoted:
        return text
    bare = flow_text(scalar.value)
    if bare == scalar.value and plain_value(bare) == bare:
        return bare
    simple = text[:1] == "'" and not {'"', "\\"} & set(scalar.value) and "\n" not in text
    return json.dumps(scalar.value, ensure_ascii=False) if simple else text


def _flow(node: Written) -> str | None:
    """A value on one line; None where comments or lines of its own stand in it."""
    if isinstance(node, WrittenScalar):
        return _flow_scalar(node)
    if next(comments(node), None) is not None:
        return None
    parts = []
    for number, child in enumerate(node.children):
        value = _flow(child.value)
        # A blank line inside is there for people; the first follows a bracket or a dash.
        if value is None or (child.blank and number):
            return None
        if child.key is None:
            parts.append(value or "null")
            continue
        key = _flow_scalar(child.key)
        if key is None:
            return None
        parts.append(f"{key}{' ' if child.key.alias else ''}: {value or 'null'}")
    inside = ", ".join(parts)
    text = f"{{{inside}}}" if node.mapping else f"[{inside}]"
    return f"{node.marks} {text}" if node.marks else text


def _flow_scalar(scalar: WrittenScalar) -> str | None:
    text = _text_of(scalar)
    if scalar.block or "\n" in text or "\r" in text:
        return None
    if not scalar.plain or scalar.alias or scalar.marks or not text:
        return text
    if _PLAIN_IN_FLOW.fullmatch(text):
        return text
    return json.dumps(scalar.value, ensure_ascii=False)


def _is_row(value: WrittenList) -> bool:
    """Whether it is a list of single values."""
    return not value.mapping and all(isinstance(c.value, WrittenScalar) for c in value.children)


def _filled(value: WrittenList, indent: int, start: int, width: int) -> Iterator[str]:
    """A long row of values, broken where a line is full."""
    line = f"{value.marks} [" if value.marks else "["
    room = width - start
    last = len(value.children) - 1
    for number, child in enumerate(value.children):
        text = _flow(child.value) or "null"
        text += "]" if number == last else ","
        if len(line) + len(text) + 1 > room and not line.endswith("["):
            yield line
            line, room = " " * (indent + 2 * INDENT), width
        line += text if line.endswith(("[", " ")) else f" {text}"
    yield line
