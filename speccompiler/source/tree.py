"""The positioned tree: what a spec says, and where it says it.

    TreeNode = Scalar | Sequence | Mapping
    Scalar   = value: bool | int | float | str | None, span
    Sequence = items: (TreeNode, ...), span
    Mapping  = entries: {text: Entry}, span
    Entry    = key_span, value: TreeNode

A YAML alias shares the node of its anchor, and its place. The readers bound
the nesting at ``findings.MAX_DEPTH``, so recursion over a tree is safe.
"""

from __future__ import annotations

from collections import abc
from typing import TypeAlias

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value that holds no others."""

    value: bool | int | float | str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list, in the order written."""

    items: tuple[TreeNode, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping and its value."""

    key_span: Span
    value: TreeNode


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values, in the order written; keys that were merged in come first."""

    entries: dict[str, Entry]
    span: Span


TreeNode: TypeAlias = Scalar | Sequence | Mapping
Path: TypeAlias = abc.Sequence[str | int]


def to_data(node: TreeNode) -> object:
    """The plain dicts, lists and scalars of a tree; shared nodes are copied."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [to_data(item) for item in node.items]
    return {key: to_data(entry.value) for key, entry in node.entries.items()}


def _step(node: TreeNode, step: str | int) -> tuple[TreeNode, Span | None] | None:
    """The child at one step and the span of its key, if it has one; None where there is none."""
    if isinstance(node, Mapping) and isinstance(step, str):
        entry = node.entries.get(step)
        return None if entry is None else (entry.value, entry.key_span)
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step], None
    return None


def find(node: TreeNode, path: Path) -> TreeNode | None:
    """The node at a path of keys and indices, or None."""
    for step in path:
        child = _step(node, step)
        if child is None:
            return None
        node = child[0]
    return node


def span_at(node: TreeNode, path: Path, *, key: bool = False) -> Span:
    """The place of the deepest existing part of a path.

    With ``key``, and when the whole path exists and ends in a mapping's entry,
    the place of that entry's key. A missing key thus points at its mapping.
    """
    key_span = None
    for step in path:
        child = _step(node, step)
        if child is None:
            return node.span
        node, key_span = child
    return key_span if key and key_span is not None else node.span


def mappings(root: TreeNode) -> abc.Iterator[Mapping]:
    """Every mapping of a tree, each once, those in front first."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            yield node
            waiting += [entry.value for entry in reversed(node.entries.values())]
        elif isinstance(node, Sequence):
            waiting += reversed(node.items)
