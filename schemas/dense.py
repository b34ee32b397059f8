"""Dense, Highway, MaxoutDense and TimeDistributedDense (Keras 1.2.2 layers/core.py)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import PositiveInt
from speccompiler.schemas.kernel_layer import KernelLayer, ProductLayer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.training import TRAINING_ONLY

INPUT_DIM_TEXT = (
    "Length of the last axis of the input. On a first layer that nothing else gives a shape it "
    "is short for the input's shape."
)


class Dense(KernelLayer):
    """A matrix product over the last axis, a bias and an activation (Keras 1.x ``Dense``)."""

    type: Literal["Dense"]
    output_dim: PositiveInt = Field(description="Size of the last axis of the output.")
    input_dim: PositiveInt | None = Field(
        None,
        description="Length of the last axis of the input. On a first layer that nothing else "
        "gives a shape it is short for input_shape: [input_dim].",
    )


class Highway(KernelLayer):
    """``t * activation(x * W + b) + (1 - t) * x`` with ``t = sigmoid(x * W_carry + b_carry)``."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "W": StoredTensor("init", regularizer="W_regularizer", constraint="W_constraint"),
        "W_carry": StoredTensor("init"),
        "b": StoredTensor(regularizer="b_regularizer", constraint="b_constraint"),
        "b_carry": StoredTensor(drawn="one", scale="transform_bias"),
    }
    type: Literal["Highway"]
    input_dim: PositiveInt | None = Field(None, description=INPUT_DIM_TEXT)
    transform_bias: Annotated[float, TRAINING_ONLY] = Field(
        1.0,
        description="What b_carry is filled with without weights: 1 in Keras 1.2, -2 before.",
    )


class MaxoutDense(ProductLayer):
    """The largest of several linear products of the input."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "W": StoredTensor(
            "init", fans="stacked", regularizer="W_regularizer", constraint="W_constraint"
        ),
        "b": StoredTensor(regularizer="b_regularizer", constraint="b_constraint"),
    }
    type: Literal["MaxoutDense"]
    output_dim: PositiveInt = Field(description="Length of the output.")
    nb_feature: PositiveInt = Field(4, description="How many products the largest is taken of.")
    bias: bool = Field(True, description="Whether one value a product is added.")
    input_dim: PositiveInt | None = Field(None, description=INPUT_DIM_TEXT)


class TimeDistributedDense(KernelLayer):
    """A Dense of every step."""

    type: Literal["TimeDistributedDense"]
    output_dim: PositiveInt = Field(description="Size of the last axis of the output.")
    input_dim: PositiveInt | None = Field(
        None, description="First layer only: channels; input_shape: [input_length, input_dim]."
    )
    input_length: PositiveInt | None = Field(
        None, description="First layer only: steps, with input_dim; null leaves them open."
    )
