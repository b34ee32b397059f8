"""Flatten (Keras 1.2.2 layers/core.py)."""

from typing import Literal

from speccompiler.schemas.fields import Layer


class Flatten(Layer):
    """Joins every axis but the batch axis, in the order the array has them."""

    type: Literal["Flatten"]
