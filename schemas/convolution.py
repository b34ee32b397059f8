"""Convolutions: plain, dilated, transposed, separable (Keras 1.2.2 layers/convolutional.py)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from speccompiler.schemas.activation import Activation
from speccompiler.schemas.constraint import Constraint
from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    BorderMode,
    Dimension,
    Layer,
    LayerOrdering,
    Pair,
    PoolBorderMode,
    PositiveInt,
    Triple,
    as_tuple,
)
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.kernel_layer import KernelLayer
from speccompiler.schemas.regularizer import Regularizer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.weights import LayerWeights


class Convolution(KernelLayer):
    """What convolutions of every rank share."""

    nb_filter: PositiveInt = Field(description="Number of filters: channels of the output.")
    border_mode: BorderMode = Field(
        "valid",
        description="'valid' pads nothing, 'same' gives ceil(length / stride), 'full' pads "
        "kernel - 1 on both sides.",
    )


class Convolution1D(Convolution):
    """Convolution over steps: (batch, steps, input_dim) to (batch, new_steps, nb_filter)."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv1D",)
    type: Literal["Convolution1D"]
    rank: ClassVar[int] = 1
    init: Initializer = Field(
        "uniform",
        description="How W is drawn when no weights are given: a name, or {name: .., scale: ..}.",
    )
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
    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the kernel.")
    nb_col: PositiveInt = Field(description="Columns of the kernel.")
    subsample: Pair = Field((1, 1), description="Stride: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class Convolution3D(Convolution):
    """Convolution over the three axes of a volume or a clip."""

    aliases: ClassVar[tuple[str, ...]] = ("Conv3D",)
    type: Literal["Convolution3D"]
    rank: ClassVar[int] = 3
    kernel_dim1: PositiveInt = Field(description="Kernel length along the first spatial axis.")
    kernel_dim2: PositiveInt = Field(description="Kernel length along the second spatial axis.")
    kernel_dim3: PositiveInt = Field(description="Kernel length along the third spatial axis.")
    subsample: Triple = Field((1, 1, 1), description="Stride along each spatial axis.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


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


class SeparableConvolution2D(Layer):
    """A kernel for each channel by itself, then a 1x1 convolution over all that they give."""

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConv2D",)
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
    type: Literal["SeparableConvolution2D"]
    rank: ClassVar[int] = 2
    nb_filter: PositiveInt = Field(description="Number of filters: channels of the output.")
    nb_row: PositiveInt = Field(description="Rows of the depthwise kernels.")
    nb_col: PositiveInt = Field(description="Columns of the depthwise kernels.")
    init: Initializer = Field(
        "glorot_uniform", description="How both kernels are drawn when no weights are given."
    )
    activation: Activation | None = Field(
        None, description="Applied after the bias: a name, or {expr: ..} in x. Default: linear."
    )
    weights: LayerWeights = None
    border_mode: PoolBorderMode = Field(
        "valid", description="'valid' pads nothing, 'same' gives ceil(length / stride)."
    )
    subsample: Pair = Field((1, 1), description="Stride of the depthwise kernels: rows, columns.")
    depth_multiplier: PositiveInt = Field(1, description="Depthwise kernels for each channel.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
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
