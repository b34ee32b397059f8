"""Reads single values of a layer's config, and writes those of Keras 1.x in their place."""

from __future__ import annotations

from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode


def value_of(config: Mapping, key: str) -> object:
    """The plain value of an entry that is one; None without it, and where it is none."""
    entry = config.entries.get(key)
    return entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None


def is_null(entry: Entry) -> bool:
    """Whether an entry says nothing."""
    return isinstance(entry.value, Scalar) and entry.value.value is None


def whole_numbers(node: TreeNode) -> list[int] | None:
    """The numbers of a list, or a number alone as a list of one; None for anything else."""
    items = node.items if isinstance(node, Sequence) else (node,)
    values = [item.value if isinstance(item, Scalar) else None for item in items]
    numbers = [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
    return numbers if len(numbers) == len(values) else None


def one_of(node: TreeNode) -> TreeNode:
    """The only item of a list of one; anything else as it is."""
    return node.items[0] if isinstance(node, Sequence) and len(node.items) == 1 else node


def spread(node: TreeNode, count: int) -> list[TreeNode]:
    """As many values as there are axes: Keras takes a number for a list of equal ones."""
    if isinstance(node, Sequence) and len(node.items) == count:
        return list(node.items)
    return [node] * count


def without(config: Mapping, *keys: str) -> Mapping:
    """A config without some entries."""
    return Mapping({k: e for k, e in config.entries.items() if k not in keys}, config.span)
