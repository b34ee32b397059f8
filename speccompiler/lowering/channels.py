"""Which axis of a value holds its channels, as far as the layers before it tell; CS088."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.graph.ir import Node, Shape
from speccompiler.schemas.fields import Layer, argument
from speccompiler.schemas.model import Call

Axis = int | None
"""Counted without the batch axis; None where nothing tells."""


class ChannelAxes:
    """The axis of the channels, call by call in the order of the model."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        found = {_ordering(layer.inner) for layer in layers}
        self._orderings = found - {None}
        self._of: dict[str, Axis] = {}

    def follow(
        self, call: Call, layer: Layer, read: Sequence[Node], value: Node
    ) -> list[Diagnostic]:
        """Note the axis of a call's value. CS088 where the call normalises along another one."""
        before = [self._of[name] for name in call.inputs] or [self._of_input(read[0].shape)]
        self._of[call.name] = _after(layer, before, value.shape)
        return _off_the_channels(layer, call.name, before[0], read[0].shape)

    def _of_input(self, shape: Shape) -> Axis:
        """That of an image, where all layers that have an ordering have the same."""
        if len(shape) < 3 or len(self._orderings) != 1:
            return None
        return 0 if self._orderings == {"th"} else len(shape) - 1


def _after(layer: Layer, read: Sequence[Axis], shape: Shape) -> Axis:
    """The axis of a layer's value of this shape, by those of the values that it reads."""
    said: Any = layer
    if layer.class_name == "TimeDistributed":
        inner = _after(said.layer, [None if a is None else a - 1 for a in read], shape[1:])
        return None if inner is None else inner + 1
    if layer.keeps_places or (layer.merges and said.mode not in {"dot", "cos"}):
        return read[0] if len(set(read)) == 1 else None
    ordering = _ordering(layer)
    if ordering is not None and len(shape) > 2:
        return 0 if ordering == "th" else len(shape) - 1
    last = (layer.rank == 1 and len(shape) == 2) or layer.class_name == "Dense"
    return len(shape) - 1 if last else None


def _ordering(layer: Layer) -> str | None:
    found = argument(layer, "dim_ordering") if layer.uses_ordering else None
    return str(found) if found in {"th", "tf"} else None


def _off_the_channels(layer: Layer, call: str, channels: Axis, shape: Shape) -> list[Diagnostic]:
    """CS088 for a BatchNormalization along another axis than that of the channels."""
    if layer.inner.class_name != "BatchNormalization":
        return []
    inner: Any = layer.inner
    steps = int(inner is not layer)
    if inner.mode == 1 or channels is None:
        return []
    if inner.axis is None:  # Keras 0.x: every value by itself
        return []
    rank = len(shape) + 1 - steps
    axis = (inner.axis + rank if inner.axis < 0 else inner.axis) + steps
    wanted = channels + 1
    if axis == wanted:
        return []
    from speccompiler.diagnostics.remedies import Remedy, Write

    found = Diagnostic(
        "CS088",
        f"axis {inner.axis}, counted with the batch axis, is not that of the channels, which is "
        f"{wanted - steps}",
        Severity.WARNING,
        layer=call,
        argument="axis",
        hint=f"the numbers follow the axis that is given; if the channels are meant, write axis: "
        f"{wanted - steps}",
        remedy=Remedy(Write(wanted - steps), safe=False),
    )
    return [found]
