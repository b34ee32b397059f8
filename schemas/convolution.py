"""Convolution1D, Convolution2D, Convolution3D (Keras 1.2.2 layers/convolutional.py)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .fields import ORDERING_TEXT, LayerOrdering, Pair, PositiveInt, Triple
from .kernel import Convolution


class Convolution1D(Convolution):
    """Convolution over steps: (batch, steps, input_dim) to (batch, new_steps, nb_filter)."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv1D",)
    type: Literal["Convolution1D"]
    filter_length: PositiveInt = Field(description="Length of the kernel, in steps.")
    subsample_length: PositiveInt = Field(1, description="Stride, in steps.")
    input_dim: PositiveInt | None = Field(
        None, description="First layer only: channels; input_shape: [input_length, input_dim]."
    )
    input_length: PositiveInt | None = Field(
        None, description="First layer only: steps, with input_dim; null leaves them open."
    )


class Convolution2D(Convolution):
    """Convolution over rows and columns of an image."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv2D",)
    type: Literal["Convolution2D"]
    nb_row: PositiveInt = Field(description="Rows of the kernel.")
    nb_col: PositiveInt = Field(description="Columns of the kernel.")
    subsample: Pair = Field((1, 1), description="Stride: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class Convolution3D(Convolution):
    """Convolution over the three axes of a volume or a clip."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv3D",)
    type: Literal["Convolution3D"]
    kernel_dim1: PositiveInt = Field(description="Kernel length along the first spatial axis.")
    kernel_dim2: PositiveInt = Field(description="Kernel length along the second spatial axis.")
    kernel_dim3: PositiveInt = Field(description="Kernel length along the third spatial axis.")
    subsample: Triple = Field((1, 1, 1), description="Stride along each spatial axis.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
