"""Bidirectional (Keras 1.2.2 layers/wrappers.py)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from speccompiler.schemas.fields import Layer
from speccompiler.schemas.recurrent_layer import RecurrentLayer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.weights import LayerWeights

DIRECTIONS = ("forward", "backward")


def _recurrent(value: Any) -> Any:
    """Refuse a layer that has no direction."""
    if not isinstance(value, RecurrentLayer):
        raise PydanticCustomError(
            "bad_inner_layer",
            "expected a recurrent layer: SimpleRNN, LSTM, GRU or ConvLSTM2D",
        )
    return value


class Bidirectional(Layer):
    """A recurrent layer and its copy that goes the other way, with weights of its own."""

    type: Literal["Bidirectional"]
    layer: Annotated[
        InstanceOf[RecurrentLayer], BeforeValidator(_recurrent), WithJsonSchema({"type": "object"})
    ] = Field(
        description="The recurrent layer, as a mapping with its type and arguments. It steps "
        "through time as it says; the copy goes the other way."
    )
    merge_mode: Literal["sum", "mul", "concat", "ave"] | None = Field(
        "concat",
        description="What becomes of the outputs of both: 'concat' puts them side by side along "
        "the last axis, null keeps them apart along a new first axis of 2, from which a Pick "
        "takes either.",
    )
    weights: LayerWeights = Field(
        None,
        description="The arrays of the forward layer, then those of the backward one, as the "
        "layer itself would take them.",
    )

    @property
    def inner(self) -> Layer:
        """The layer that is applied both ways."""
        return self.layer.inner

    @property
    def stored(self) -> Mapping[str, StoredTensor]:
        """Those of the layer, and then those of its copy."""
        stored = self.layer.stored
        return {f"{d}_{name}": tensor for d in DIRECTIONS for name, tensor in stored.items()}

    @property
    def own_weights(self) -> Any:
        """Those of both directions: the forward ones come first."""
        return self.weights

    @property
    def first_states(self) -> int:
        """Those of the layer, and then those of its copy."""
        return 2 * self.layer.first_states

    def wrapping(self, inner: Layer) -> Layer:
        """The same with another layer."""
        return self.model_copy(update={"layer": self.layer.wrapping(inner)})
