"""The stored tensors of a model while it is lowered: those of a shared layer have to agree."""

from __future__ import annotations

from collections.abc import Iterable

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Graph, Node, Weight, weights_of

Name = tuple[str, str]


class StoredTensors:
    """The tensors of the calls so far, and those that were found with lengths still open."""

    def __init__(self, held: Graph | None) -> None:
        self._first: dict[Name, Weight] = {}
        self._held = {} if held is None else {w.name: w for w in held.weights()}

    def add(self, nodes: Iterable[Node]) -> None:
        """Add those of a shared layer's call. CS066 where an earlier one has other shapes."""
        for weight in _weights(nodes):
            first = self._first.setdefault(weight.name, weight)
            if first.stored_shape != weight.stored_shape:
                raise Problem(
                    "CS066",
                    f"layer '{weight.layer}' is shared: its {weight.tensor} has shape "
                    f"{first.stored_shape} by its first call, and {weight.stored_shape} by this "
                    "one",
                    "every call of a layer needs an input with the same number of channels",
                )
            assert first == weight, f"{weight.layer}: calls of a layer read its weights alike"

    def differ_from_held(self, nodes: Iterable[Node]) -> bool:
        """Whether a tensor of one call was found with another shape."""
        return any(
            weight.name in self._held
            and self._held[weight.name].stored_shape != weight.stored_shape
            for weight in _weights(nodes)
        )


def _weights(nodes: Iterable[Node]) -> list[Weight]:
    return [weight for node in nodes for weight in weights_of(node.op)]
