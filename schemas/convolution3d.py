"""Convolution3D (Keras 1.2.2 layers/convolutional.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.convolution import GroupedConvolution
from speccompiler.schemas.fields import (
    KERNEL_ORDERING_TEXT,
    ORDERING_TEXT,
    LayerOrdering,
    PositiveInt,
    Triple,
)


class Convolution3D(GroupedConvolution):
    """Convolution over the three axes of a volume or a clip."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv3D",)
    type: Literal["Convolution3D"]
    rank: ClassVar[int] = 3
    kernel_dim1: PositiveInt = Field(description="Kernel length along the first spatial axis.")
    kernel_dim2: PositiveInt = Field(description="Kernel length along the second spatial axis.")
    kernel_dim3: PositiveInt = Field(description="Kernel length along the third spatial axis.")
    subsample: Triple = Field((1, 1, 1), description="Stride along each spatial axis.")
    atrous_rate: Triple = Field(
        (1, 1, 1), description="Distance of what it reads along each spatial axis."
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
    kernel_ordering: LayerOrdering = Field("default", description=KERNEL_ORDERING_TEXT)
