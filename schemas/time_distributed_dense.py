"""TimeDistributedDense (Keras 1.2.2 layers/core.py)."""

from typing import Literal

from pydantic import Field

from speccompiler.schemas.fields import PositiveInt
from speccompiler.schemas.kernel_layer import KernelLayer


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
