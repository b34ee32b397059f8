"""Reading a positioned tree by hand: what is not there, or of another kind, ends it."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.loading.schema_errors import describe
from speccompiler.source.tree import Mapping, Node, Scalar, Sequence, to_data


class Stop(Exception):
    """A problem after which the rest of the layer, or of a Keras model, cannot be read."""

    def __init__(self, span: Span | None, problem: Problem) -> None:
        super().__init__(problem.message)
        self.span = span
        self.problem = problem


def text(node: Node, key: str) -> str:
    """A text; CS024."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    value = node.value if isinstance(node, Scalar) else to_data(node)
    raise Stop(node.span, Problem("CS024", f"'{key}' is {describe(value)}, not text"))


def child(node: Mapping, key: str) -> Node:
    """What a key of a Keras model holds; CS021."""
    if key not in node.entries:
        raise Stop(node.span, Problem("CS021", f"the Keras model needs '{key}' here"))
    return node.entries[key].value


def listed(node: Node, key: str) -> tuple[Node, ...]:
    """The items of a list; CS024."""
    if not isinstance(node, Sequence):
        raise Stop(node.span, Problem("CS024", f"'{key}' is a list"))
    return node.items
