"""Separable convolutions (Keras 1.2.2 and 2.3.1 layers/convolutional.py)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.activation import Activation
from speccompiler.schemas.depthwise_kernels import ImageKernels, StepKernels
from speccompiler.schemas.fields import KERNEL_ORDERING_TEXT, Layer, LayerOrdering, PositiveInt
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.weight_rules import Constraint, Regularizer
from speccompiler.schemas.weights import LayerWeights


class SeparableConvolution(Layer):
    """What those of every rank share."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "depthwise_kernel": StoredTensor(
            "init",
            fans="depthwise",
            regularizer="depthwise_regularizer",
            constraint="depthwise_constraint",
        ),
        "pointwise_kernel": StoredTensor(
            "init", regularizer="pointwise_regularizer", constraint="pointwise_constraint"
        ),
        "b": StoredTensor(regularizer="b_regularizer", constraint="b_constraint"),
    }
    nb_filter: PositiveInt = Field(description="Number of filters: channels of the output.")
    init: Initializer = Field(
        "glorot_uniform", description="How both kernels are drawn when no weights are given."
    )
    activation: Activation | None = Field(
        None, description="Applied after the bias: a name, or {expr: ..} in x. Default: linear."
    )
    weights: LayerWeights = None
    depth_multiplier: PositiveInt = Field(1, description="Depthwise kernels for each channel.")
    depthwise_regularizer: Regularizer | None = Field(
        None,
        description="Penalty on the depthwise kernel, shown by --penalties. Keras 1.x stores it "
        "as the pointwise one.",
    )
    pointwise_regularizer: Regularizer | None = Field(
        None, description="Penalty on the pointwise kernel, shown by --penalties."
    )
    b_regularizer: Regularizer | None = Field(
        None, description="Penalty on b, shown by --penalties."
    )
    activity_regularizer: Regularizer | None = Field(
        None, description="Penalty on the layer's output, shown by --penalties."
    )
    depthwise_constraint: Constraint | None = Field(
        None, description="Checked on the depthwise kernel; --apply-constraints projects it."
    )
    pointwise_constraint: Constraint | None = Field(
        None, description="Checked on the pointwise kernel; --apply-constraints projects it."
    )
    b_constraint: Constraint | None = Field(
        None, description="Checked on b; --apply-constraints projects b onto it."
    )
    bias: bool = Field(True, description="Whether one value a filter is added.")


class SeparableConvolution2D(ImageKernels, SeparableConvolution):
    """A kernel for each channel by itself, then a 1x1 convolution over all that they give."""

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConv2D",)
    type: Literal["SeparableConvolution2D"]
    kernel_ordering: LayerOrdering = Field("default", description=KERNEL_ORDERING_TEXT)


class SeparableConvolution1D(StepKernels, SeparableConvolution):
    """A kernel over steps for each channel by itself, then a Dense over all that they give."""

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConv1D",)
    type: Literal["SeparableConvolution1D"]
