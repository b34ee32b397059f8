"""ReLU and Softmax as layers (Keras 2.3.1 layers/advanced_activations.py). None of Keras 1.x."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.axes import AXIS_TEXT, Axes
from speccompiler.schemas.fields import Layer, NonNegativeFloat


class ReLU(Layer):
    """``x`` above ``threshold``, else ``negative_slope * (x - threshold)``."""

    type: Literal["ReLU"]
    keeps_places: ClassVar[bool] = True
    max_value: NonNegativeFloat | None = Field(
        None, description="The largest value that it gives; null is none."
    )
    negative_slope: NonNegativeFloat = Field(0.0, description="Slope up to the threshold.")
    threshold: float = Field(0.0, description="Where the values begin that pass unchanged.")


class Softmax(Layer):
    """``exp(x)`` over its sum along an axis, or several."""

    type: Literal["Softmax"]
    axis: Axes = Field((-1,), description=f"The axis, or a list of axes; {AXIS_TEXT}.")
