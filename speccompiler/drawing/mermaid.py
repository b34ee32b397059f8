"""A model's graph as Mermaid text, which GitHub and GitLab draw in a comment."""

from __future__ import annotations

import re

from speccompiler.drawing.layer_graph import LayerNode, layer_graph
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.reports.shape_table import batched

MOST_EDGES = 500
MOST_CHARACTERS = 50_000
"""What Mermaid draws where nobody can raise its limits, as in a comment."""


def mermaid(report: ShapeReport) -> str | None:
    """A flowchart from top to bottom; None for a model that is too large to be drawn."""
    graph = layer_graph(report)
    number = {node.key: f"n{index}" for index, node in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for node in graph.nodes:
        before, after = ('(["', '"])') if node.is_input else ('["', '"]')
        lines.append(f"  {number[node.key]}{before}{_label(node)}{after}")
    lines += [f"  {number[source]} --> {number[target]}" for source, target in graph.edges]
    text = "\n".join(lines)
    small = len(graph.edges) <= MOST_EDGES and len(text) <= MOST_CHARACTERS
    return text if small else None


def _label(node: LayerNode) -> str:
    kind = [] if node.is_input else [node.type]
    if node.layer is not None and node.layer.shared_with is not None:
        kind = [f"{node.layer.shared_with} again"]
    return "<br/>".join(map(escaped, (node.name, *kind, batched(node.output_shape))))


def escaped(text: str) -> str:
    """Text in a quoted label: all but letters, digits and harmless signs by their numbers.

    A point, a hyphen or a plus before a space would begin a list of Markdown; a backslash has an
    invisible sign after it, as one before an n would end a line.
    """
    harmless = r"\w|[,/()]| (?! )|[.+\-](?! |$)"
    return re.sub(
        rf"(?!{harmless})[\s\S]", lambda c: f"#{ord(c[0])};", text.replace("\\", "\\\u2060")
    )
