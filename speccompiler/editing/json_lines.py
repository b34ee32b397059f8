"""A native spec as lines of JSON: what fits on a line stands on one, values as they are written."""

from __future__ import annotations

from collections.abc import Iterator

from speccompiler.diagnostics.core import Span
from speccompiler.editing.key_order import Place, layer_places, spec_places
from speccompiler.editing.written_nodes import INDENT
from speccompiler.source.document import Document
from speccompiler.source.positions import LineIndex
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode


def json_lines(document: Document, width: int) -> list[str]:
    """The lines of a spec."""
    assert isinstance(document.root, Mapping), "a native spec is a mapping"
    return list(_Layout(document.text, width).spec(document.root))


class _Layout:
    def __init__(self, text: str, width: int) -> None:
        self.text = text
        self.places = LineIndex(text)
        self.width = width

    def written(self, node: TreeNode) -> str:
        """A value on one line, its scalars as they are written."""
        if isinstance(node, Scalar):
            return self.at(node)
        if isinstance(node, Sequence):
            return "[" + ", ".join(map(self.written, node.items)) + "]"
        return "{" + ", ".join(self.entries(node)) + "}"

    def entries(self, node: Mapping) -> Iterator[str]:
        for key, value in node.entries.items():
            yield f"{self.key(node, key)}: {self.written(value.value)}"

    def at(self, node: Scalar) -> str:
        span = node.span
        start = self.places.offset(span.line, span.column)
        return self.text[start : self.places.offset(span.end_line, span.end_column)]

    def key(self, node: Mapping, key: str) -> str:
        return self.at(Scalar(key, node.entries[key].key_span))

    def is_apart(self, span: Span) -> bool:
        """Whether a blank line comes before a place."""
        start = self.places.offset(span.line, 1)
        before = self.text[:start].removesuffix("\n").removesuffix("\r")
        first = not self.text[start : start + span.column - 1].strip()
        return first and span.line > 2 and not before.rpartition("\n")[2].strip()

    def spec(self, root: Mapping) -> Iterator[str]:
        yield "{"
        yield from self.mapping(_sorted(root, spec_places()), INDENT, top=True)
        yield "}"

    def mapping(self, node: Mapping, indent: int, *, top: bool = False) -> Iterator[str]:
        last = len(node.entries) - 1
        for number, (key, entry) in enumerate(node.entries.items()):
            start = " " * indent + f"{self.key(node, key)}: "
            if number and self.is_apart(entry.key_span):
                yield ""
            layers = top and key == "layers"
            yield from self.value(start, entry.value, indent, number == last, layers=layers)

    def value(
        self, start: str, node: TreeNode, indent: int, last: bool, *, layers: bool = False
    ) -> Iterator[str]:
        comma = "" if last else ","
        text = self.written(node)
        single = isinstance(node, Scalar) or text in {"[]", "{}"}
        if single or (not layers and len(start) + len(text) + len(comma) <= self.width):
            yield start + text + comma
            return
        inner = indent + INDENT
        if isinstance(node, Mapping):
            yield start + "{"
            yield from self.mapping(node, inner)
            yield " " * indent + "}" + comma
            return
        assert isinstance(node, Sequence), "a scalar fits anywhere"
        yield start + "["
        if all(isinstance(item, Scalar) for item in node.items):
            yield from self.row(node, inner)
        else:
            final = len(node.items) - 1
            for number, item in enumerate(node.items):
                item = layer_in_order(item) if layers else item
                if number and self.is_apart(item.span):
                    yield ""
                yield from self.value(" " * inner, item, inner, number == final)
        yield " " * indent + "]" + comma

    def row(self, node: Sequence, indent: int) -> Iterator[str]:
        """Many single values, broken where a line is full."""
        line = " " * indent
        last = len(node.items) - 1
        for number, item in enumerate(node.items):
            text = self.written(item) + ("" if number == last else ",")
            if line.strip() and len(line) + len(text) + 1 > self.width:
                yield line
                line = " " * indent
            line += text if not line.strip() else f" {text}"
        yield line


def layer_in_order(node: TreeNode) -> TreeNode:
    """A layer's arguments, and those of the layer that it holds, in their order."""
    if not isinstance(node, Mapping):
        return node
    kind = node.entries["type"].value if "type" in node.entries else None
    said = kind.value if isinstance(kind, Scalar) and isinstance(kind.value, str) else None
    entries = dict(node.entries)
    if "layer" in entries:
        held = entries["layer"]
        entries["layer"] = type(held)(held.key_span, layer_in_order(held.value))
    return _sorted(Mapping(entries, node.span), layer_places(said))


def _sorted(node: Mapping, places: Place) -> Mapping:
    return Mapping(dict(sorted(node.entries.items(), key=lambda e: places(e[0]))), node.span)
