"""The order of a functional model's layers, by which files of weights number them.

Keras sorts layers by their distance from the outputs, and those of one distance by when a search
from the outputs, depth first, comes upon them (Keras 3.15 src/ops/function.py, map_graph). A file
has the layers in that order, because ``layers/conv2d_1`` is the second Conv2D in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.convert.keras3.builder import KerasLayer, Value

Call = tuple[KerasLayer, int]


def in_order(
    layers: Sequence[KerasLayer], inputs: Sequence[Value], outputs: Sequence[Value]
) -> list[KerasLayer]:
    """The layers that the outputs need, and the inputs, as Keras orders them."""
    calls, seen = _by_search(outputs)
    depths: dict[Call, int] = {}
    of_layers: dict[KerasLayer, int] = {}
    for layer, number in reversed(calls):
        depth = max(depths.get((layer, number), 0), of_layers.get(layer, 0))
        of_layers[layer] = depths[layer, number] = depth
        for value in layer.calls[number].values:
            before = value.layer, value.call
            depths[before] = max(depth + 1, depths.get(before, 0))
    for value in inputs:
        if value.layer not in of_layers:
            of_layers[value.layer], seen[value.layer] = 0, -1
    return sorted(of_layers, key=lambda layer: (-of_layers[layer], seen[layer]))


def _by_search(outputs: Sequence[Value]) -> tuple[list[Call], dict[KerasLayer, int]]:
    """The calls, each after what it reads, and when each layer was first come upon.

    Without recursion, since models are deep.
    """
    calls: list[Call] = []
    finished: set[Call] = set()
    seen: dict[KerasLayer, int] = {}
    for output in outputs:
        waiting: list[tuple[Call, int]] = [((output.layer, output.call), 0)]
        while waiting:
            call, place = waiting.pop()
            layer, number = call
            if call in finished:
                continue
            seen.setdefault(layer, len(seen))
            read = layer.calls[number].values
            if place < len(read):
                waiting.append((call, place + 1))
                value = read[place]
                waiting.append(((value.layer, value.call), 0))
            else:
                finished.add(call)
                calls.append(call)
    return calls, seen
