"""Convolution1D (Keras 1.2.2 layers/convolutional.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.convolution import BORDER_MODE_TEXT, Filters
from speccompiler.schemas.fields import GROUPS_TEXT, PositiveInt, StepBorderMode
from speccompiler.schemas.initializer import Initializer


class Convolution1D(Filters):
    """Convolution over steps: (batch, steps, input_dim) to (batch, new_steps, nb_filter)."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv1D",)
    type: Literal["Convolution1D"]
    rank: ClassVar[int] = 1
    init: Initializer = Field(
        "uniform",
        description="How W is drawn when no weights are given: a name, or {name: .., scale: ..}.",
    )
    filter_length: PositiveInt = Field(description="Length of the kernel, in steps.")
    border_mode: StepBorderMode = Field(
        "valid",
        description=f"{BORDER_MODE_TEXT}; 'causal' pads as much before the first step alone.",
    )
    subsample_length: PositiveInt = Field(1, description="Stride, in steps.")
    atrous_rate: PositiveInt = Field(1, description="Distance of the steps that it reads.")
    groups: PositiveInt = Field(1, description=GROUPS_TEXT)
    input_dim: PositiveInt | None = Field(
        None, description="First layer only: channels; input_shape: [input_length, input_dim]."
    )
    input_length: PositiveInt | None = Field(
        None, description="First layer only: steps, with input_dim; null leaves them open."
    )
