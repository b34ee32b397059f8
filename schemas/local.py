"""LocallyConnected1D and 2D (Keras 1.2.2 layers/local.py)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import ORDERING_TEXT, LayerOrdering, Pair, PositiveInt
from speccompiler.schemas.kernel_layer import KernelLayer
from speccompiler.schemas.tensors import StoredTensor


class _LocallyConnected(KernelLayer):
    """A convolution whose weights differ from position to position."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "W": StoredTensor(
            "init", fans="local", regularizer="W_regularizer", constraint="W_constraint"
        ),
        "b": StoredTensor(regularizer="b_regularizer", constraint="b_constraint"),
    }
    nb_filter: PositiveInt = Field(description="Number of filters: channels of the output.")
    border_mode: Literal["valid"] = Field("valid", description="Nothing is padded.")
    bias: bool = Field(True, description="Whether one value a filter and position is added.")


class LocallyConnected1D(_LocallyConnected):
    """Convolution over steps with a kernel of its own at each of them."""

    type: Literal["LocallyConnected1D"]
    rank: ClassVar[int] = 1
    filter_length: PositiveInt = Field(description="Length of the kernel, in steps.")
    subsample_length: PositiveInt = Field(1, description="Stride, in steps.")
    input_dim: PositiveInt | None = Field(
        None, description="First layer only: channels; input_shape: [input_length, input_dim]."
    )
    input_length: PositiveInt | None = Field(
        None, description="First layer only: steps, with input_dim."
    )


class LocallyConnected2D(_LocallyConnected):
    """Convolution over an image with a kernel of its own at each position."""

    type: Literal["LocallyConnected2D"]
    rank: ClassVar[int] = 2
    nb_row: PositiveInt = Field(description="Rows of the kernel.")
    nb_col: PositiveInt = Field(description="Columns of the kernel.")
    subsample: Pair = Field((1, 1), description="Stride: rows, columns.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
