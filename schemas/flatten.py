"""Flatten (Keras 1.2.2 layers/core.py)."""

from typing import Literal

from pydantic import Field

from speccompiler.schemas.fields import Layer


class Flatten(Layer):
    """Joins every axis but the batch axis, in the order the array has them."""

    type: Literal["Flatten"]
    channels_first: bool = Field(
        False,
        description="The first axis of a sample goes last before they are joined, as Keras 2 does "
        "with data_format 'channels_first': the order is that of 'tf'.",
    )
