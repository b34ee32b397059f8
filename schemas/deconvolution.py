"""Transposed convolutions (Keras 1.2.2 and 2.3.1 layers/convolutional.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from speccompiler.schemas.convolution import Convolution
from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    BorderMode,
    Dimension,
    LayerOrdering,
    NonNegativeInt,
    PaddingPair,
    PaddingTriple,
    Pair,
    PositiveInt,
    Triple,
    as_tuple,
)

_OUTPUT_TEXT = (
    "Shape of the output with the batch axis in front, which counts for nothing here, in the "
    "order of dim_ordering. It has to be one that a convolution with these arguments makes the "
    "input's shape of. null takes Keras 2's: (n - 1) * stride + window + output_padding, less "
    "2 * (window // 2) where border_mode is 'same'; without an output_padding n * stride for "
    "'same', and for 'valid' as much as a window shorter than the stride leaves more."
)
_PADDING_TEXT = "How many values more the output has at its end, where output_shape is null"
_MODE_TEXT = "The border_mode of the convolution that it is the transpose of."
_ORDERING_TEXT = (
    "How the kernel is stored: 'default' as Keras 1.x does, by the layer's dim_ordering: "
    "(filters, channels, rows, columns) for 'th', (rows, columns, channels, filters) for 'tf'. "
    "'tf' as Keras 2 does: (rows, columns, filters, channels)."
)


class Deconvolution2D(Convolution):
    """Transposed convolution: every input adds the kernel, times itself, to the output."""

    aliases: ClassVar[tuple[str, ...]] = ("Deconv2D",)
    type: Literal["Deconvolution2D"]
    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the kernel.")
    nb_col: PositiveInt = Field(description="Columns of the kernel.")
    output_shape: Annotated[
        tuple[Dimension, Dimension, Dimension, Dimension] | None, BeforeValidator(as_tuple)
    ] = Field(None, description=_OUTPUT_TEXT)
    border_mode: BorderMode = Field("valid", description=_MODE_TEXT)
    subsample: Pair = Field((1, 1), description="Factors: rows, columns.")
    atrous_rate: Pair = Field(
        (1, 1), description="Distance of what the kernel adds to: rows, columns."
    )
    output_padding: PaddingPair | None = Field(
        None, description=f"{_PADDING_TEXT}: rows, columns. Less than subsample."
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
    kernel_ordering: Literal["default", "tf"] = Field("default", description=_ORDERING_TEXT)


class Deconvolution1D(Convolution):
    """Transposed convolution over steps; W is (filter_length, nb_filter, channels)."""

    type: Literal["Deconvolution1D"]
    rank: ClassVar[int] = 1
    filter_length: PositiveInt = Field(description="Length of the kernel, in steps.")
    border_mode: BorderMode = Field("valid", description=_MODE_TEXT)
    subsample_length: PositiveInt = Field(1, description="Factor.")
    atrous_rate: PositiveInt = Field(1, description="Distance of the steps that it adds to.")
    output_padding: NonNegativeInt | None = Field(
        None, description="How many steps more the output has. Less than subsample_length."
    )


class Deconvolution3D(Convolution):
    """Transposed convolution over a volume; W is (*lengths, nb_filter, channels)."""

    type: Literal["Deconvolution3D"]
    rank: ClassVar[int] = 3
    kernel_dim1: PositiveInt = Field(description="Kernel length along the first spatial axis.")
    kernel_dim2: PositiveInt = Field(description="Kernel length along the second spatial axis.")
    kernel_dim3: PositiveInt = Field(description="Kernel length along the third spatial axis.")
    border_mode: BorderMode = Field("valid", description=_MODE_TEXT)
    subsample: Triple = Field((1, 1, 1), description="Factor along each spatial axis.")
    atrous_rate: Triple = Field(
        (1, 1, 1), description="Distance of what the kernel adds to along each spatial axis."
    )
    output_padding: PaddingTriple | None = Field(
        None,
        description="How many values more the output has along each axis. Less than subsample.",
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
