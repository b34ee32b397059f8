"""TimeDistributed (Keras 1.2.2 layers/wrappers.py)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from speccompiler.schemas.fields import Layer
from speccompiler.schemas.tensors import StoredTensor


def _layer(value: Any) -> Any:
    """Refuse what is no layer: the loader makes one of the mapping that a spec holds."""
    if not isinstance(value, Layer):
        raise PydanticCustomError("bad_inner_layer", "expected a layer: a mapping with its 'type'")
    return value


class TimeDistributed(Layer):
    """Applies a layer to every step by itself, with the same weights."""

    type: Literal["TimeDistributed"]
    layer: Annotated[
        InstanceOf[Layer], BeforeValidator(_layer), WithJsonSchema({"type": "object"})
    ] = Field(description="The layer, as a mapping with its type and arguments.")

    @property
    def inner(self) -> Layer:
        """The layer that is applied, however many wrappers are around it."""
        return self.layer.inner

    @property
    def stored(self) -> Mapping[str, StoredTensor]:
        """Those of the layer in it."""
        return self.layer.stored

    @property
    def own_weights(self) -> Any:
        """Those of the layer in it."""
        return self.layer.own_weights

    def wrapping(self, inner: Layer) -> Layer:
        """The same with another layer."""
        return self.model_copy(update={"layer": self.layer.wrapping(inner)})
