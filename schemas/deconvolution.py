"""Deconvolution2D (Keras 1.2.2 layers/convolutional.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from speccompiler.schemas.convolution import Convolution
from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    BorderMode,
    Dimension,
    LayerOrdering,
    Pair,
    PositiveInt,
    as_tuple,
)


class Deconvolution2D(Convolution):
    """Transposed convolution: every input adds the kernel, times itself, to the output."""

    aliases: ClassVar[tuple[str, ...]] = ("Deconv2D",)
    type: Literal["Deconvolution2D"]
    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the kernel.")
    nb_col: PositiveInt = Field(description="Columns of the kernel.")
    output_shape: Annotated[
        tuple[Dimension, Dimension, Dimension, Dimension], BeforeValidator(as_tuple)
    ] = Field(
        description="Shape of the output with the batch axis in front, which counts for nothing "
        "here, in the order of dim_ordering. It has to be one that a convolution with these "
        "arguments makes the input's shape of."
    )
    border_mode: BorderMode = Field(
        "valid", description="The border_mode of the convolution that it is the transpose of."
    )
    subsample: Pair = Field((1, 1), description="Factors: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
