"""Highway (Keras 1.2.2 layers/core.py)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import PositiveInt
from speccompiler.schemas.kernel_layer import INPUT_DIM_TEXT, KernelLayer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.training import TRAINING_ONLY


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
        1.0, description="What b_carry is filled with without weights: 1 in Keras 1.2, -2 before."
    )
