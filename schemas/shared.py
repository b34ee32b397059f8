"""Shared: a layer that is used again."""

from typing import Literal

from pydantic import Field

from speccompiler.schemas.fields import Name, Schema


class Shared(Schema):
    """Calls a layer of the model once more, with the same weights."""

    type: Literal["Shared"]
    layer: Name = Field(description="Name of the layer, which stands anywhere in the list.")
    name: Name | None = Field(
        None,
        description="What this call is named for inputs, outputs and reports. Default: the "
        "layer's name with @2 for its second call, and so on.",
    )
