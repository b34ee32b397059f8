"""Nodes of the tree that Keras 1.x would have written, at the places of the older one."""

from __future__ import annotations

from collections.abc import Iterable

from speccompiler.diagnostics.core import Span
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

Plain = bool | int | float | str | None


def scalar(value: Plain, span: Span) -> Scalar:
    """One value."""
    return Scalar(value, span)


def mapping(span: Span, **entries: TreeNode) -> Mapping:
    """A mapping whose keys stand where their values do."""
    return Mapping({key: Entry(node.span, node) for key, node in entries.items()}, span)


def sequence(span: Span, items: Iterable[TreeNode]) -> Sequence:
    """A list."""
    return Sequence(tuple(items), span)


def plain_list(span: Span, values: Iterable[Plain]) -> Sequence:
    """A list of plain values."""
    return sequence(span, (Scalar(value, span) for value in values))


def tree_of(data: object, span: Span) -> TreeNode:
    """Plain data, all of it at one place."""
    if isinstance(data, dict):
        return mapping(span, **{str(key): tree_of(value, span) for key, value in data.items()})
    if isinstance(data, list):
        return sequence(span, [tree_of(item, span) for item in data])
    assert data is None or isinstance(data, bool | int | float | str), "what is read is plain"
    return Scalar(data, span)


def class_of(name: str, span: Span, config: TreeNode) -> Mapping:
    """``{"class_name": .., "config": ..}``."""
    return mapping(span, class_name=Scalar(name, span), config=config)


def own_layer(name: str, span: Span, config: TreeNode) -> Mapping:
    """One of convspec's own layers, which a Keras file could not name: it says so beside."""
    return added(class_of(name, span, config), convspec=Scalar(1, span))


def changed(node: Mapping, renamed: dict[str, str], dropped: Iterable[str]) -> Mapping:
    """A mapping with some keys renamed and some left out."""
    left = set(dropped)
    entries = {renamed.get(key, key): e for key, e in node.entries.items() if key not in left}
    return Mapping(entries, node.span)


def added(node: Mapping, **entries: TreeNode) -> Mapping:
    """A mapping with further entries, at its own place."""
    more = {key: Entry(value.span, value) for key, value in entries.items()}
    return Mapping({**node.entries, **more}, node.span)
