"""What SimpleRNN, LSTM, GRU and ConvLSTM2D share (Keras 1.2.2 layers/recurrent.py)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from speccompiler.schemas.activation import Activation
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.training import TRAINING_ONLY
from speccompiler.schemas.weight_rules import Regularizer
from speccompiler.schemas.weights import LayerWeights

Share = Annotated[float, Field(ge=0, le=1), TRAINING_ONLY]

INNER_ACTIVATION_TEXT = "Of the gates: a name, or {expr: ..} in x. softmax is over the units."
FORGET_BIAS_TEXT = "How the bias of the forget gate is drawn without weights."


class RecurrentLayer(Layer):
    """Steps through time with a state."""

    gates: ClassVar[str] = ""
    """The letters of the gates, in the order in which Keras stores their tensors."""

    init: Initializer = Field(
        "glorot_uniform", description="How W, which multiplies the input, is drawn without weights."
    )
    inner_init: Initializer = Field(
        "orthogonal", description="How U, which multiplies the state, is drawn without weights."
    )
    activation: Activation | None = Field(
        "tanh",
        description="Of the new state: a name, or {expr: ..} in x. softmax is over the units.",
    )
    weights: LayerWeights = Field(
        None,
        description="The layer's arrays in Keras's order: W, U and b of each gate in turn, or of "
        "all gates. References to files, or nested lists of numbers, as for every layer.",
    )
    W_regularizer: Regularizer | None = Field(
        None, description="Penalty on W, shown by --penalties."
    )
    U_regularizer: Regularizer | None = Field(
        None, description="Penalty on U, shown by --penalties."
    )
    b_regularizer: Regularizer | None = Field(
        None, description="Penalty on b, shown by --penalties."
    )
    dropout_W: Share = Field(
        0.0, description="Share of the inputs that training drops; a forward pass drops none."
    )
    dropout_U: Share = Field(
        0.0, description="Share of the state that training drops; a forward pass drops none."
    )
    return_sequences: bool = Field(
        False, description="Whether the outputs of all steps are given, and not the last alone."
    )
    go_backwards: bool = Field(
        False,
        description="Whether the last step comes first. The outputs stay in the order in which "
        "they were computed.",
    )
    stateful: bool = Field(
        False,
        description="Whether the state goes on from one call to the next: the n-th sample of a "
        "batch continues the n-th of the batch before.",
    )
    zero_output_for_mask: bool = Field(
        False,
        description="Whether a masked step gives zeros. Else it gives what the step before gave, "
        "as always in Keras 1.x (Keras 3, and Bidirectional in tf.keras: zeros).",
    )
    bias: bool = Field(
        True, description="Whether b is added, as it always is in Keras 1.x (Keras 2: use_bias)."
    )

    @property
    def joined(self) -> bool:
        """Whether the tensors of all gates are stored as one."""
        return not self.gates

    @property
    def stored(self) -> Mapping[str, StoredTensor]:
        """W, U and b; or those of each gate, gate by gate."""
        gates = [""] if self.joined else [f"_{gate}" for gate in self.gates]
        found = {f"{name}{gate}": self.tensors[f"{name}{gate}"] for gate in gates for name in "WUb"}
        return found if self.bias else {n: t for n, t in found.items() if n[0] != "b"}


def gate_tensors(gates: str, **drawn: StoredTensor) -> dict[str, StoredTensor]:
    """The tensors that a layer of these gates may store, gate by gate and fused.

    ``drawn`` overrules what is said of some.
    """
    of = {
        "W": StoredTensor("init", regularizer="W_regularizer"),
        "U": StoredTensor("inner_init", regularizer="U_regularizer"),
        "b": StoredTensor(regularizer="b_regularizer"),
    }
    endings = ["", *(f"_{gate}" for gate in gates)]
    names = {f"{name}{ending}": tensor for ending in endings for name, tensor in of.items()}
    return {**names, **drawn}


LSTM_TENSORS = gate_tensors(
    "icfo",
    b=StoredTensor(
        "forget_bias_init", regularizer="b_regularizer", fans="elementwise", part=(1, 4)
    ),
    b_f=StoredTensor("forget_bias_init", regularizer="b_regularizer", fans="elementwise"),
)
"""Those of an LSTM, of images too: the bias of the forget gate is drawn by itself."""
