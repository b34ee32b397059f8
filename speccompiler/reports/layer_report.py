"""What the shape report says of one layer."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.graph.ir import Shape


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer. Sizes are of one sample and float32.

    Receptive field and stride are per spatial axis, in input positions. Where an output sees
    the whole input the field is None, and empty where it is unknown; values that are no grid,
    as after Flatten, have no stride (None).
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    non_trainable_parameters: int
    """All of a layer that is not trainable; else those that a layer counts by itself, such as
    the mean and deviation of BatchNormalization."""
    trainable: bool
    multiply_adds: Dim
    activation_bytes: Dim
    receptive_field: tuple[int, ...] | None
    stride: tuple[Fraction, ...] | None
    inputs: tuple[str, ...] = ()
    """What it reads, where that is not the layer before it; several inputs always."""
    reads: tuple[str, ...] = ()
    """All that it reads: names of layers. Empty where it reads a model's input of its own name."""
    shared_with: str | None = None
    """The layer that is called once more here, which has the parameters of both."""

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; open sizes are text."""
        field = self.receptive_field
        return {
            "name": self.name,
            "type": self.type,
            **({"inputs": list(self.inputs)} if self.inputs else {}),
            "output_shape": shape_data(self.output_shape),
            "parameters": self.parameters,
            "non_trainable_parameters": self.non_trainable_parameters,
            "trainable": self.trainable,
            "multiply_adds": dim_data(self.multiply_adds),
            "activation_bytes": dim_data(self.activation_bytes),
            "receptive_field": None if field is None else list(field),
            "stride": None if self.stride is None else [str(s) for s in self.stride],
            "reads": list(self.reads),
            "shared_with": self.shared_with,
        }


def dim_data(dim: Dim) -> int | str:
    """A number, or the text of an open size."""
    return dim if isinstance(dim, int) else format_dim(dim)


def shape_data(shape: Shape) -> list[int | str]:
    """Its lengths, as ``dim_data`` has each."""
    return [dim_data(dim) for dim in shape]
