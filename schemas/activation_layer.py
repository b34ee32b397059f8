"""Activation as a layer of its own (Keras 1.2.2 layers/core.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.activation import Activation as ActivationFunction
from speccompiler.schemas.fields import Layer


class Activation(Layer):
    """Applies an activation."""

    type: Literal["Activation"]
    keeps_places: ClassVar[bool] = True
    activation: ActivationFunction = Field(
        description="A name, or {expr: ..}: an elementwise expression in x."
    )
