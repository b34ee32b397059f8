"""ConvLSTM2D (Keras 1.2.2 layers/convolutional_recurrent.py)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.activation import Activation
from speccompiler.schemas.fields import ORDERING_TEXT, BorderMode, LayerOrdering, Pair, PositiveInt
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.recurrent_layer import (
    FORGET_BIAS_TEXT,
    INNER_ACTIVATION_TEXT,
    LSTM_TENSORS,
    RecurrentLayer,
)
from speccompiler.schemas.tensors import StoredTensor


class ConvLSTM2D(RecurrentLayer):
    """An LSTM over images, whose products are convolutions."""

    gates: ClassVar[str] = "icfo"
    tensors: ClassVar[Mapping[str, StoredTensor]] = LSTM_TENSORS
    type: Literal["ConvLSTM2D"]
    rank: ClassVar[int] = 2
    nb_filter: PositiveInt = Field(description="Number of filters: channels of the output.")
    nb_row: PositiveInt = Field(description="Rows of the kernels.")
    nb_col: PositiveInt = Field(description="Columns of the kernels.")
    forget_bias_init: Initializer = Field("one", description=FORGET_BIAS_TEXT)
    inner_activation: Activation | None = Field("hard_sigmoid", description=INNER_ACTIVATION_TEXT)
    border_mode: BorderMode = Field(
        "valid", description="Of the convolution of the input; that of the state is always 'same'."
    )
    subsample: Pair = Field(
        (1, 1), description="Stride of the convolution of the input: rows, columns."
    )
    atrous_rate: Pair = Field(
        (1, 1),
        description="Distance of what the convolution of the input reads: rows, columns; that of "
        "the state reads neighbours.",
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
    fused: bool = Field(
        False,
        description="Whether W, U and b hold all gates, i, f, c and o side by side, as Keras 2 "
        "stores them; Keras 1.x has tensors of each gate.",
    )

    @property
    def first_states(self) -> int:
        """h, then c."""
        return 2

    @property
    def joined(self) -> bool:
        """Whether the tensors of all gates are stored as one."""
        return self.fused
