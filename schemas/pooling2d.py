"""Max and average pooling of windows of an image (Keras 1.2.2 layers/pooling.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import ORDERING_TEXT, Layer, LayerOrdering, Pair
from speccompiler.schemas.pooling import BORDER_MODE_TEXT, PoolBorderMode, PoolMode


class Pooling2D(Layer):
    """Windows of an image."""

    rank: ClassVar[int] = 2
    mode: ClassVar[PoolMode]
    pool_size: Pair = Field((2, 2), description="Window: rows, columns.")
    strides: Pair | None = Field(None, description="Step: rows, columns. Default: pool_size.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class MaxPooling2D(Pooling2D):
    """Largest value of each window of an image."""

    type: Literal["MaxPooling2D"]
    mode: ClassVar[PoolMode] = "max"


class AveragePooling2D(Pooling2D):
    """Mean of each window of an image."""

    type: Literal["AveragePooling2D"]
    mode: ClassVar[PoolMode] = "average"
