"""Dense (Keras 1.2.2 layers/core.py)."""

from typing import Literal

from pydantic import Field

from speccompiler.schemas.fields import PositiveInt
from speccompiler.schemas.kernel_layer import KernelLayer


class Dense(KernelLayer):
    """A matrix product over the last axis, a bias and an activation (Keras 1.x ``Dense``)."""

    type: Literal["Dense"]
    output_dim: PositiveInt = Field(description="Size of the last axis of the output.")
    input_dim: PositiveInt | None = Field(
        None,
        description="Length of the last axis of the input. On a first layer that nothing else "
        "gives a shape it is short for input_shape: [input_dim].",
    )
