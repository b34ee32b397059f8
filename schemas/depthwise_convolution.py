"""Depthwise convolutions (Keras 2.3.1 layers/convolutional.py). No layers of Keras 1.x."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    STEP_BORDER_TEXT,
    LayerOrdering,
    Pair,
    PoolBorderMode,
    PositiveInt,
)
from speccompiler.schemas.kernel_layer import KernelLayer
from speccompiler.schemas.tensors import StoredTensor


class DepthwiseConvolution(KernelLayer):
    """What those of every rank share: the kernel is reversed under no semantics."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "W": StoredTensor(
            "init", fans="depthwise", regularizer="W_regularizer", constraint="W_constraint"
        ),
        "b": StoredTensor(regularizer="b_regularizer", constraint="b_constraint"),
    }
    depth_multiplier: PositiveInt = Field(
        1,
        description="Kernels for each channel: what kernel m makes of channel c is channel "
        "c * depth_multiplier + m.",
    )
    bias: bool = Field(True, description="Whether one value a channel of the output is added.")


class DepthwiseConvolution1D(DepthwiseConvolution):
    """Kernels of its own for each channel; W is (filter_length, channels, depth_multiplier)."""

    aliases: ClassVar[tuple[str, ...]] = ("DepthwiseConv1D",)
    type: Literal["DepthwiseConvolution1D"]
    rank: ClassVar[int] = 1
    filter_length: PositiveInt = Field(description="Length of the kernels, in steps.")
    border_mode: Literal["valid", "same", "causal"] = Field("valid", description=STEP_BORDER_TEXT)
    subsample_length: PositiveInt = Field(1, description="Stride, in steps.")
    atrous_rate: PositiveInt = Field(1, description="Distance of the steps that they read.")


class DepthwiseConvolution2D(DepthwiseConvolution):
    """Kernels of its own for each channel; W is (nb_row, nb_col, channels, depth_multiplier)."""

    aliases: ClassVar[tuple[str, ...]] = ("DepthwiseConv2D",)
    type: Literal["DepthwiseConvolution2D"]
    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the kernels.")
    nb_col: PositiveInt = Field(description="Columns of the kernels.")
    border_mode: PoolBorderMode = Field(
        "valid", description="'valid' pads nothing, 'same' gives ceil(length / stride)."
    )
    subsample: Pair = Field((1, 1), description="Stride: rows, columns.")
    atrous_rate: Pair = Field((1, 1), description="Distance of what they read: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
