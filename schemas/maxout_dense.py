"""MaxoutDense (Keras 1.2.2 layers/core.py)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import PositiveInt
from speccompiler.schemas.kernel_layer import INPUT_DIM_TEXT, ProductLayer
from speccompiler.schemas.tensors import StoredTensor


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
