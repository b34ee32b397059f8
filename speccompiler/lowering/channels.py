"""Which axis of a value holds its channels, as far as the layers before it tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.graph.ir import Shape
from speccompiler.schemas.advanced_activations import (
    ELU,
    LeakyReLU,
    ParametricSoftplus,
    PReLU,
    SReLU,
    ThresholdedReLU,
)
from speccompiler.schemas.core import (
    Activation,
    ActivityRegularization,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    InputLayer,
    Masking,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from speccompiler.schemas.dense import Dense
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.merge import Merge
from speccompiler.schemas.normalization import BatchNormalization
from speccompiler.schemas.time_distributed import TimeDistributed

KEEPING = (
    Activation, ActivityRegularization, BatchNormalization, Dropout, ELU, GaussianDropout,
    GaussianNoise, InputLayer, LeakyReLU, Masking, PReLU, ParametricSoftplus, SReLU,
    SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, ThresholdedReLU,
)  # fmt: skip
"""Layers that leave every value where it is."""

Axis = int | None


def orderings(layers: Iterable[Layer]) -> frozenset[str]:
    """Those that the layers say, each once."""
    return frozenset(o for layer in layers if (o := _ordering(layer.inner)) is not None)


def of_input(said: frozenset[str], shape: Shape) -> Axis:
    """Of an image, where all layers that have an ordering have the same."""
    if len(shape) < 3 or len(said) != 1:
        return None
    return 0 if said == {"th"} else len(shape) - 1


def after(layer: Layer, read: Sequence[Axis], shape: Shape) -> Axis:
    """Of a layer's value of this shape; ``read`` are those of what it reads."""
    if isinstance(layer, TimeDistributed):
        inner = after(layer.layer, [None if a is None else a - 1 for a in read], shape[1:])
        return None if inner is None else inner + 1
    if isinstance(layer, KEEPING) or (
        isinstance(layer, Merge) and layer.mode not in {"dot", "cos"}
    ):
        return read[0] if len(set(read)) == 1 else None
    ordering = _ordering(layer)
    if ordering is not None and len(shape) > 2:
        return 0 if ordering == "th" else len(shape) - 1
    steps = layer.class_name.endswith("1D") and not layer.class_name.startswith("Global")
    last = (steps and len(shape) == 2) or isinstance(layer, Dense)
    return len(shape) - 1 if last else None


def _ordering(layer: Layer) -> str | None:
    found = getattr(layer, "dim_ordering", None) if layer.uses_ordering else None
    return str(found) if found in {"th", "tf"} else None


def off_the_channels(layer: Layer, call: str, channels: Axis, shape: Shape) -> Diagnostic | None:
    """CS088 for a BatchNormalization whose axis is another one than the channels'."""
    inner, steps = layer.inner, int(layer.inner is not layer)
    if not isinstance(inner, BatchNormalization) or inner.mode == 1 or channels is None:
        return None
    if inner.axis is None:  # as Keras 0.x normalised: every value by itself
        return None
    rank = len(shape) + 1 - steps
    axis = (inner.axis + rank if inner.axis < 0 else inner.axis) + steps
    wanted = channels + 1
    if axis == wanted:
        return None
    return Diagnostic(
        "CS088",
        f"axis {inner.axis}, counted with the batch axis, is not that of the channels, which is "
        f"{wanted - steps}",
        Severity.WARNING,
        layer=call,
        argument="axis",
        hint=f"the numbers follow the axis that is given; if the channels are meant, write axis: "
        f"{wanted - steps}",
    )
