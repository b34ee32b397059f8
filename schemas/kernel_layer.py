"""The arguments that every layer with W and a bias takes."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from speccompiler.schemas.activation import Activation
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.weight_rules import Constraint, Regularizer
from speccompiler.schemas.weights import LayerWeights

INPUT_DIM_TEXT = (
    "Length of the last axis of the input. On a first layer that nothing else gives a shape it "
    "is short for the input's shape."
)


class ProductLayer(Layer):
    """A layer that computes products with W and adds b."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "W": StoredTensor("init", regularizer="W_regularizer", constraint="W_constraint"),
        "b": StoredTensor(regularizer="b_regularizer", constraint="b_constraint"),
    }

    init: Initializer = Field(
        "glorot_uniform",
        description="How W is drawn when no weights are given: a name, or {name: .., scale: ..}.",
    )
    weights: LayerWeights = None
    W_regularizer: Regularizer | None = Field(
        None, description="Penalty on W, shown by --penalties."
    )
    b_regularizer: Regularizer | None = Field(
        None, description="Penalty on b, shown by --penalties."
    )
    activity_regularizer: Regularizer | None = Field(
        None, description="Penalty on the layer's output, shown by --penalties."
    )
    W_constraint: Constraint | None = Field(
        None, description="Checked on W; --apply-constraints projects W onto it."
    )
    b_constraint: Constraint | None = Field(
        None, description="Checked on b; --apply-constraints projects b onto it."
    )
    bias: bool = Field(True, description="Whether one value a filter is added.")


class KernelLayer(ProductLayer):
    """A layer that computes ``activation(x * W + b)``."""

    activation: Activation | None = Field(
        None,
        description="Applied after the bias: a name, or {expr: ..} in x. Default: linear.",
    )
