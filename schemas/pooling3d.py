"""Max and average pooling of windows of a volume (Keras 1.2.2 layers/pooling.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import ORDERING_TEXT, Layer, LayerOrdering, Triple
from speccompiler.schemas.pooling import BORDER_MODE_TEXT, PoolBorderMode, PoolMode


class Pooling3D(Layer):
    """Windows of a volume."""

    rank: ClassVar[int] = 3
    mode: ClassVar[PoolMode]
    pool_size: Triple = Field((2, 2, 2), description="Window along each spatial axis.")
    strides: Triple | None = Field(None, description="Step along each axis. Default: pool_size.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class MaxPooling3D(Pooling3D):
    """Largest value of each window of a volume."""

    type: Literal["MaxPooling3D"]
    mode: ClassVar[PoolMode] = "max"


class AveragePooling3D(Pooling3D):
    """Mean of each window of a volume."""

    type: Literal["AveragePooling3D"]
    mode: ClassVar[PoolMode] = "average"
