"""Convolution2D (Keras 1.2.2 layers/convolutional.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.convolution import GroupedConvolution
from speccompiler.schemas.fields import (
    KERNEL_ORDERING_TEXT,
    ORDERING_TEXT,
    LayerOrdering,
    Pair,
    PositiveInt,
)


class Convolution2D(GroupedConvolution):
    """Convolution over rows and columns of an image."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv2D",)
    type: Literal["Convolution2D"]
    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the kernel.")
    nb_col: PositiveInt = Field(description="Columns of the kernel.")
    subsample: Pair = Field((1, 1), description="Stride: rows, columns.")
    atrous_rate: Pair = Field((1, 1), description="Distance of what it reads: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
    kernel_ordering: LayerOrdering = Field("default", description=KERNEL_ORDERING_TEXT)
