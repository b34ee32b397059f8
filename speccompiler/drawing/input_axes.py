"""Which axes of a model's input are its channels: a picture of the input leaves them out."""

from __future__ import annotations

from speccompiler.graph.ir import Shape
from speccompiler.loading.dim_orderings import ordering_of
from speccompiler.schemas.model import ModelSpec


def channel_axes(spec: ModelSpec, shapes: dict[str, Shape]) -> dict[str, int | None]:
    """For each input of the model its axis of channels; None where it has none.

    The first layer with spatial axes that reads it decides: by its dim_ordering, else the
    channels are last.
    """
    layers = spec.by_call()
    reached: dict[str, set[str]] = {name: {name} for name in shapes}
    found: dict[str, int | None] = {}
    for call in spec.calls:
        inner = layers[call.name].inner
        for name, names in reached.items():
            if call.name not in names and names.isdisjoint(call.inputs):
                continue
            names.add(call.name)
            rank = len(shapes[name])
            if name in found or not 0 < inner.rank < rank:
                continue
            first = ordering_of(layers[call.name]) == "th"
            found[name] = rank - 1 - inner.rank if first else rank - 1
    return {
        name: found.get(name, len(shape) - 1 if len(shape) > 1 else None)
        for name, shape in shapes.items()
    }
