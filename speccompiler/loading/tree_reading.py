"""Reads a positioned tree by hand: what is missing or of another kind is a ``ProblemAt``."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.diagnostics.wording import described
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode, to_data


class ProblemAt(Exception):
    """A problem whose place in the text is known: it ends the reading of a layer or a model."""

    def __init__(self, span: Span | None, problem: Problem) -> None:
        super().__init__(problem.message)
        self.span = span
        self.problem = problem


def text(node: TreeNode, key: str) -> str:
    """The text that a node is; CS024."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    value = node.value if isinstance(node, Scalar) else to_data(node)
    raise ProblemAt(node.span, Problem("CS024", f"'{key}' is {described(value)}, not text"))


def child(node: Mapping, key: str) -> TreeNode:
    """What a key of a Keras model holds; CS021."""
    if key not in node.entries:
        raise ProblemAt(node.span, Problem("CS021", f"the Keras model needs '{key}' here"))
    return node.entries[key].value


def items_of(node: TreeNode, key: str) -> tuple[TreeNode, ...]:
    """The items of the list that a node is; CS024."""
    if not isinstance(node, Sequence):
        raise ProblemAt(node.span, Problem("CS024", f"'{key}' is a list"))
    return node.items
