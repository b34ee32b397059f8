"""Depthwise convolutions (Keras 2.3.1 layers/convolutional.py). No layers of Keras 1.x."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.depthwise_kernels import ImageKernels, StepKernels
from speccompiler.schemas.fields import PositiveInt
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


class DepthwiseConvolution1D(StepKernels, DepthwiseConvolution):
    """Kernels of its own for each channel; W is (filter_length, channels, depth_multiplier)."""

    aliases: ClassVar[tuple[str, ...]] = ("DepthwiseConv1D",)
    type: Literal["DepthwiseConvolution1D"]


class DepthwiseConvolution2D(ImageKernels, DepthwiseConvolution):
    """Kernels of its own for each channel; W is (nb_row, nb_col, channels, depth_multiplier)."""

    aliases: ClassVar[tuple[str, ...]] = ("DepthwiseConv2D",)
    type: Literal["DepthwiseConvolution2D"]
