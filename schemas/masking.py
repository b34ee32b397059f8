"""Masking (Keras 1.2.2 layers/core.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import Layer


class Masking(Layer):
    """Steps of which every value is ``mask_value`` become zeros; recurrent layers skip them."""

    type: Literal["Masking"]
    keeps_places: ClassVar[bool] = True
    mask_value: float = Field(0.0, description="What marks a step that is not there.")
