"""Activations that are layers of their own (Keras 1.2.2 layers/advanced_activations.py)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .fields import Layer


class LeakyReLU(Layer):
    """``x`` where it is positive, else ``alpha * x``."""

    type: Literal["LeakyReLU"]
    alpha: float = Field(0.3, description="Slope below 0.")


class ELU(Layer):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``."""

    type: Literal["ELU"]
    alpha: float = Field(1.0, description="Scale of the part below 0.")


class ThresholdedReLU(Layer):
    """``x`` where it is larger than ``theta``, else 0."""

    type: Literal["ThresholdedReLU"]
    theta: float = Field(1.0, description="Values up to this one become 0.")
