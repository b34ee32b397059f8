"""A native spec laid out as documented; it means the same, which is checked each time."""

from __future__ import annotations

from speccompiler.diagnostics.core import SpecError
from speccompiler.source.document import Document
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

LINE_LENGTH = 100


class NotTheSame(AssertionError):
    """The formatter is wrong: what it made does not mean what the spec says."""


def is_native(document: Document) -> bool:
    """Whether a document is a native spec, which alone is ours to lay out."""
    root = document.root
    return (
        isinstance(root, Mapping)
        and not {"convspec", "layers"}.isdisjoint(root.entries)
        and "class_name" not in root.entries
        and document.holder is None
        and document.wrapper is None
    )


def formatted(document: Document, line_length: int = LINE_LENGTH) -> str:
    """The text of a native spec, laid out.

    Raises ``SpecError`` with what is wrong with a text that cannot be read.
    """
    if document.root is None or document.diagnostics:
        raise SpecError(document.diagnostics)
    lines = _lines(document, line_length)
    end = "\r\n" if "\r\n" in document.text else "\n"
    text = end.join(lines) + end
    again = parse_document(text, document.file)
    if again.root is None or not same(document.root, again.root):
        raise NotTheSame("the formatted spec does not mean the same")
    return text


def _lines(document: Document, line_length: int) -> list[str]:
    if document.syntax != "yaml":
        from speccompiler.editing.json_lines import json_lines

        return json_lines(document, line_length)
    from speccompiler.editing.written_nodes import WrittenList
    from speccompiler.editing.yaml_lines import yaml_lines
    from speccompiler.editing.yaml_nodes import written_yaml

    written = written_yaml(document.text)
    assert isinstance(written.root, WrittenList), "a native spec is a mapping"
    lines = yaml_lines(written.root, line_length)
    opening = written.opening.splitlines()
    closing = written.closing.splitlines()
    return [*opening, *lines, *closing]


def same(one: TreeNode, other: TreeNode) -> bool:
    """Whether two trees say the same: values by type and digits, lists in order."""
    if isinstance(one, Scalar):
        return isinstance(other, Scalar) and repr(one.value) == repr(other.value)
    if isinstance(one, Sequence):
        return (
            isinstance(other, Sequence)
            and len(one.items) == len(other.items)
            and all(map(same, one.items, other.items))
        )
    return (
        isinstance(other, Mapping)
        and one.entries.keys() == other.entries.keys()
        and all(same(entry.value, other.entries[key].value) for key, entry in one.entries.items())
    )
