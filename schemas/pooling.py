"""Max and average pooling of windows, and global, in 1 to 3 dimensions (Keras 1.2.2 pooling.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    Layer,
    LayerOrdering,
    Pair,
    PositiveInt,
    Triple,
)

PoolMode = Literal["max", "average"]
PoolBorderMode = Literal["valid", "same", "partial"]
BORDER_MODE_TEXT = (
    "'valid' drops partial windows, 'same' gives ceil(length / stride), 'partial' keeps the "
    "windows that reach over the end (ignore_border=False of Keras before 0.3); padding is never "
    "counted, neither by max nor by average."
)


class Pooling1D(Layer):
    """Windows of steps."""

    rank: ClassVar[int] = 1
    mode: ClassVar[PoolMode]
    pool_length: PositiveInt = Field(2, description="Length of the window, in steps.")
    stride: PositiveInt | None = Field(None, description="Step. Default: pool_length.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)


class Pooling2D(Layer):
    """Windows of an image."""

    rank: ClassVar[int] = 2
    mode: ClassVar[PoolMode]
    pool_size: Pair = Field((2, 2), description="Window: rows, columns.")
    strides: Pair | None = Field(None, description="Step: rows, columns. Default: pool_size.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class Pooling3D(Layer):
    """Windows of a volume."""

    rank: ClassVar[int] = 3
    mode: ClassVar[PoolMode]
    pool_size: Triple = Field((2, 2, 2), description="Window along each spatial axis.")
    strides: Triple | None = Field(None, description="Step along each axis. Default: pool_size.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


Pooling = Pooling1D | Pooling2D | Pooling3D


class GlobalPooling(Layer):
    """One window: everything along the spatial axes."""

    mode: ClassVar[PoolMode]


class MaxPooling1D(Pooling1D):
    """Largest value of each window of steps."""

    type: Literal["MaxPooling1D"]
    mode: ClassVar[PoolMode] = "max"


class MaxPooling2D(Pooling2D):
    """Largest value of each window of an image."""

    type: Literal["MaxPooling2D"]
    mode: ClassVar[PoolMode] = "max"


class MaxPooling3D(Pooling3D):
    """Largest value of each window of a volume."""

    type: Literal["MaxPooling3D"]
    mode: ClassVar[PoolMode] = "max"


class AveragePooling1D(Pooling1D):
    """Mean of each window of steps."""

    type: Literal["AveragePooling1D"]
    mode: ClassVar[PoolMode] = "average"


class AveragePooling2D(Pooling2D):
    """Mean of each window of an image."""

    type: Literal["AveragePooling2D"]
    mode: ClassVar[PoolMode] = "average"


class AveragePooling3D(Pooling3D):
    """Mean of each window of a volume."""

    type: Literal["AveragePooling3D"]
    mode: ClassVar[PoolMode] = "average"


class GlobalMaxPooling1D(GlobalPooling):
    """Largest value of all steps: (steps, features) to (features)."""

    type: Literal["GlobalMaxPooling1D"]
    mode: ClassVar[PoolMode] = "max"
    rank: ClassVar[int] = 1


class GlobalMaxPooling2D(GlobalPooling):
    """Largest value of a whole image, for each channel."""

    type: Literal["GlobalMaxPooling2D"]
    mode: ClassVar[PoolMode] = "max"
    rank: ClassVar[int] = 2
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class GlobalMaxPooling3D(GlobalPooling):
    """Largest value of a whole volume, for each channel."""

    type: Literal["GlobalMaxPooling3D"]
    mode: ClassVar[PoolMode] = "max"
    rank: ClassVar[int] = 3
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class GlobalAveragePooling1D(GlobalPooling):
    """Mean of all steps: (steps, features) to (features)."""

    type: Literal["GlobalAveragePooling1D"]
    mode: ClassVar[PoolMode] = "average"
    rank: ClassVar[int] = 1


class GlobalAveragePooling2D(GlobalPooling):
    """Mean of a whole image, for each channel."""

    type: Literal["GlobalAveragePooling2D"]
    mode: ClassVar[PoolMode] = "average"
    rank: ClassVar[int] = 2
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class GlobalAveragePooling3D(GlobalPooling):
    """Mean of a whole volume, for each channel."""

    type: Literal["GlobalAveragePooling3D"]
    mode: ClassVar[PoolMode] = "average"
    rank: ClassVar[int] = 3
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
