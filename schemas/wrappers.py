"""TimeDistributed (Keras 1.2.2 layers/wrappers.py)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from speccompiler.schemas.fields import Layer


def _layer(value: Any) -> Any:
    """A mapping as the layer that it says; the loader has made one of it already."""
    from speccompiler.schemas.registry import ALIASES, LAYERS

    if not isinstance(value, dict):
        return value
    name = value.get("type")
    name = ALIASES.get(name, name) if isinstance(name, str) else None
    if name not in LAYERS:
        raise PydanticCustomError("bad_inner_layer", "expected a layer: a mapping with its 'type'")
    return LAYERS[name].model_validate({**value, "type": name})


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

    def wrapping(self, inner: Layer) -> Layer:
        """The same with another layer."""
        return self.model_copy(update={"layer": self.layer.wrapping(inner)})
