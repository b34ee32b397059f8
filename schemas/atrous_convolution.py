"""Dilated convolutions (Keras 1.2.2 layers/convolutional.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.convolution import Convolution
from speccompiler.schemas.fields import ORDERING_TEXT, LayerOrdering, Pair, PositiveInt


class AtrousConvolution1D(Convolution):
    """Convolution over steps whose kernel reads every ``atrous_rate``-th of them."""

    aliases: ClassVar[tuple[str, ...]] = ("AtrousConv1D",)
    type: Literal["AtrousConvolution1D"]
    rank: ClassVar[int] = 1
    filter_length: PositiveInt = Field(description="Length of the kernel, in steps that it reads.")
    subsample_length: PositiveInt = Field(1, description="Stride, in steps.")
    atrous_rate: PositiveInt = Field(1, description="Distance of the steps that it reads.")
    input_dim: PositiveInt | None = Field(
        None, description="First layer only: channels; input_shape: [input_length, input_dim]."
    )
    input_length: PositiveInt | None = Field(
        None, description="First layer only: steps, with input_dim; null leaves them open."
    )


class AtrousConvolution2D(Convolution):
    """Convolution over an image whose kernel reads positions that stand apart."""

    aliases: ClassVar[tuple[str, ...]] = ("AtrousConv2D",)
    type: Literal["AtrousConvolution2D"]
    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the kernel.")
    nb_col: PositiveInt = Field(description="Columns of the kernel.")
    subsample: Pair = Field((1, 1), description="Stride: rows, columns.")
    atrous_rate: Pair = Field((1, 1), description="Distance of what it reads: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
