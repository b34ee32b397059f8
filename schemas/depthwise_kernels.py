"""Kernels that see each channel by itself, of depthwise and of separable convolutions."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    STEP_BORDER_TEXT,
    Layer,
    LayerOrdering,
    Pair,
    PoolBorderMode,
    PositiveInt,
)


class StepKernels(Layer):
    """Kernels over steps."""

    rank: ClassVar[int] = 1
    filter_length: PositiveInt = Field(description="Length of the depthwise kernels, in steps.")
    border_mode: Literal["valid", "same", "causal"] = Field("valid", description=STEP_BORDER_TEXT)
    subsample_length: PositiveInt = Field(
        1, description="Stride of the depthwise kernels, in steps."
    )
    atrous_rate: PositiveInt = Field(1, description="Distance of the steps that they read.")


class ImageKernels(Layer):
    """Kernels over the rows and columns of an image."""

    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the depthwise kernels.")
    nb_col: PositiveInt = Field(description="Columns of the depthwise kernels.")
    border_mode: PoolBorderMode = Field(
        "valid", description="'valid' pads nothing, 'same' gives ceil(length / stride)."
    )
    subsample: Pair = Field((1, 1), description="Stride of the depthwise kernels: rows, columns.")
    atrous_rate: Pair = Field((1, 1), description="Distance of what they read: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
