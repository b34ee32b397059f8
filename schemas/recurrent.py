"""SimpleRNN, LSTM and GRU (Keras 1.2.2 layers/recurrent.py)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.activation import Activation
from speccompiler.schemas.fields import PositiveInt
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.recurrent_layer import (
    FORGET_BIAS_TEXT,
    INNER_ACTIVATION_TEXT,
    LSTM_TENSORS,
    RecurrentLayer,
    gate_tensors,
)
from speccompiler.schemas.tensors import StoredTensor


class Recurrent(RecurrentLayer):
    """A layer over steps of values: (steps, channels) to (output_dim) or (steps, output_dim)."""

    rank: ClassVar[int] = 1
    output_dim: PositiveInt = Field(description="Number of units: values of the state.")
    unroll: bool = Field(
        False,
        description="Whether Keras wrote the steps out one by one. It changes no number but what "
        "a masked first step of a stateful layer gives on TensorFlow.",
    )
    input_dim: PositiveInt | None = Field(
        None, description="First layer only: channels; input_shape: [input_length, input_dim]."
    )
    input_length: PositiveInt | None = Field(
        None, description="First layer only: steps, with input_dim; null leaves them open."
    )

    @property
    def first_states(self) -> int:
        """h alone."""
        return 1


CONSUME_TEXT = (
    "How the tensors are stored: 'gpu' as one W, U and b of all gates, 'cpu' and 'mem' as those of "
    "each gate. It changes no number."
)


class SimpleRNN(Recurrent):
    """A fully connected layer whose output is fed back as its state."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = gate_tensors("")
    type: Literal["SimpleRNN"]
    consume_less: str = Field(
        "cpu", description="Changes nothing: a SimpleRNN stores one W, U and b however it computes."
    )


class LSTM(Recurrent):
    """Long short-term memory: a cell that gates fill, keep and read."""

    gates: ClassVar[str] = "icfo"
    tensors: ClassVar[Mapping[str, StoredTensor]] = LSTM_TENSORS
    type: Literal["LSTM"]
    forget_bias_init: Initializer = Field("one", description=FORGET_BIAS_TEXT)
    inner_activation: Activation | None = Field("hard_sigmoid", description=INNER_ACTIVATION_TEXT)
    consume_less: Literal["cpu", "mem", "gpu"] = Field("cpu", description=CONSUME_TEXT)

    @property
    def first_states(self) -> int:
        """h, then c."""
        return 2

    @property
    def joined(self) -> bool:
        """Whether the tensors of all gates are stored as one: i, f, c, o side by side."""
        return self.consume_less == "gpu"


class GRU(Recurrent):
    """Gated recurrent unit: a state that one gate keeps and another one resets."""

    gates: ClassVar[str] = "zrh"
    tensors: ClassVar[Mapping[str, StoredTensor]] = gate_tensors("zrh")
    type: Literal["GRU"]
    inner_activation: Activation | None = Field("hard_sigmoid", description=INNER_ACTIVATION_TEXT)
    consume_less: Literal["cpu", "mem", "gpu"] = Field("cpu", description=CONSUME_TEXT)
    reset_after: bool = Field(
        False,
        description="Whether the reset gate multiplies what U makes of the state, which then has a "
        "bias of its own, as Keras 2 writes it; Keras 1.x multiplies the state before. With it "
        "the tensors are stored as with consume_less: gpu, and b as (2, 3 * output_dim).",
    )

    @property
    def joined(self) -> bool:
        """Whether the tensors of all gates are stored as one: z, r, h side by side."""
        return self.consume_less == "gpu" or self.reset_after
