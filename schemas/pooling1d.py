"""Max and average pooling of windows of steps (Keras 1.2.2 layers/pooling.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import Layer, PositiveInt
from speccompiler.schemas.pooling import BORDER_MODE_TEXT, PoolBorderMode, PoolMode


class Pooling1D(Layer):
    """Windows of steps."""

    rank: ClassVar[int] = 1
    mode: ClassVar[PoolMode]
    pool_length: PositiveInt = Field(2, description="Length of the window, in steps.")
    stride: PositiveInt | None = Field(None, description="Step. Default: pool_length.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)


class MaxPooling1D(Pooling1D):
    """Largest value of each window of steps."""

    type: Literal["MaxPooling1D"]
    mode: ClassVar[PoolMode] = "max"


class AveragePooling1D(Pooling1D):
    """Mean of each window of steps."""

    type: Literal["AveragePooling1D"]
    mode: ClassVar[PoolMode] = "average"
