"""Which part of a tree stands at a place, and which layer it belongs to."""

from __future__ import annotations

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a place: the nodes from the root to it, and the steps between them."""

    nodes: tuple[TreeNode, ...]
    steps: tuple[str | int, ...]
    on_key: bool
    """Whether the place is in the key of the last step, and not in its value."""
    span: Span


@dataclass(frozen=True, slots=True)
class Owner:
    """The layer that a part belongs to: its type, its arguments, and the steps from them."""

    type: str
    arguments: Mapping
    steps: tuple[str | int, ...]
    native: bool


def found_at(root: TreeNode, line: int, column: int) -> Found | None:
    """The innermost part at a place (from 1); the end of a word still belongs to it."""
    nodes, steps = [root], list[str | int]()
    on_key, span = False, root.span
    node: TreeNode = root
    while not on_key:
        inner = _inner(node, line, column)
        if inner is None:
            break
        step, child, on_key, span = inner
        steps.append(step)
        nodes.append(child)
        node = child
    if not steps:
        return None
    return Found(tuple(nodes), tuple(steps), on_key, span)


def _inner(node: TreeNode, line: int, column: int) -> tuple[str | int, TreeNode, bool, Span] | None:
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            if covers(entry.key_span, line, column):
                return key, entry.value, True, entry.key_span
            if covers(entry.value.span, line, column):
                return key, entry.value, False, entry.value.span
    elif isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            if covers(item.span, line, column):
                return number, item, False, item.span
    return None


def covers(span: Span, line: int, column: int) -> bool:
    """Whether a place is in a span, or at its end."""
    at = (line, column)
    return (span.line, span.column) <= at <= (span.end_line, span.end_column)


def owner_of(found: Found) -> Owner | None:
    """The innermost layer around a part."""
    for depth in range(len(found.nodes) - 1, -1, -1):
        node = found.nodes[depth]
        above = found.steps[:depth]
        if not isinstance(node, Mapping):
            continue
        kind = text_at(node, "type")
        if kind is not None and _lists_layers(above):
            return Owner(kind, node, found.steps[depth:], True)
        kind, config = text_at(node, "class_name"), node.entries.get("config")
        if kind is not None and config is not None and isinstance(config.value, Mapping) and above:
            steps = found.steps[depth:]
            inside = steps[1:] if steps[:1] == ("config",) else steps
            return Owner(kind, config.value, inside, False)
    return None


def _lists_layers(above: tuple[str | int, ...]) -> bool:
    return bool(above) and (above[-1] == "layer" or "layers" in above or "replace" in above)


def scalar_text(node: TreeNode) -> str | None:
    """The text of a scalar that holds one."""
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, str) else None
