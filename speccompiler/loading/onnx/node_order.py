"""The nodes that a model's outputs need, each behind those that it reads; CS269."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.onnx.model import OnnxModel, OnnxNode

Producers = Mapping[str, OnnxNode]
"""The node that gives a value, by the value's name."""


def producers(model: OnnxModel) -> Producers:
    """Who gives each value. CS269 for a value that two give."""
    given = {value.name for value in model.inputs} | set(model.initializers)
    found: dict[str, OnnxNode] = {}
    for node in model.nodes:
        for name in node.outputs:
            if name and (name in found or name in given):
                raise Problem("CS269", f"{node.label}: a second value is named {quoted(name)}")
            if name:
                found[name] = node
    return found


def needed_nodes(model: OnnxModel, by: Producers) -> tuple[OnnxNode, ...]:
    """In an order in which they can be computed: that of the file where it is one.

    CS269 for a value that nothing gives, and for values that need each other.
    """
    known = {value.name for value in model.inputs} | set(model.initializers) | model.sparse
    order: list[OnnxNode] = []
    state: dict[int, int] = {}  # 1: its inputs are looked at, 2: it is in the order
    for output in model.outputs:
        if output.name not in known and output.name not in by:
            raise Problem("CS269", f"nothing gives the output {quoted(output.name)}")
        waiting = [by[output.name]] if output.name in by else []
        while waiting:
            node = waiting[-1]
            if state.get(node.number) == 2:
                waiting.pop()
                continue
            state[node.number] = 1
            missing = []
            for name in node.reads:
                if not name or name in known:
                    continue
                source = by.get(name)
                if source is None:
                    raise Problem(
                        "CS269", f"{node.label} reads {quoted(name)}, which nothing gives"
                    )
                if state.get(source.number) == 1:
                    raise Problem("CS269", f"{node.label} and {source.label} need each other")
                if source.number not in state:
                    missing.append(source)
            if missing:
                waiting += missing[:1]
            else:
                state[node.number] = 2
                order.append(waiting.pop())
    in_file = sorted(order, key=lambda node: node.number)
    return tuple(in_file if _computable(in_file, known) else order)


def _computable(nodes: list[OnnxNode], known: set[str]) -> bool:
    done = set(known)
    for node in nodes:
        if any(name and name not in done for name in node.reads):
            return False
        done.update(node.outputs)
    return True
