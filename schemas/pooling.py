"""Max and average pooling of windows, and global, in 1 to 3 dimensions (Keras 1.2.2 pooling.py)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    Layer,
    LayerOrdering,
    Pair,
    PositiveInt,
    Triple,
)

PoolBorderMode = Literal["valid", "same", "partial"]
BORDER_MODE_TEXT = (
    "'valid' drops partial windows, 'same' gives ceil(length / stride), 'partial' keeps the "
    "windows that reach over the end (ignore_border=False of Keras before 0.3); padding is never "
    "counted, neither by max nor by average."
)


class _Pooling1D(Layer):
    pool_length: PositiveInt = Field(2, description="Length of the window, in steps.")
    stride: PositiveInt | None = Field(None, description="Step. Default: pool_length.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)


class _Pooling2D(Layer):
    pool_size: Pair = Field((2, 2), description="Window: rows, columns.")
    strides: Pair | None = Field(None, description="Step: rows, columns. Default: pool_size.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class _Pooling3D(Layer):
    pool_size: Triple = Field((2, 2, 2), description="Window along each spatial axis.")
    strides: Triple | None = Field(None, description="Step along each axis. Default: pool_size.")
    border_mode: PoolBorderMode = Field("valid", description=BORDER_MODE_TEXT)
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class MaxPooling1D(_Pooling1D):
    """Largest value of each window of steps."""

    type: Literal["MaxPooling1D"]


class MaxPooling2D(_Pooling2D):
    """Largest value of each window of an image."""

    type: Literal["MaxPooling2D"]


class MaxPooling3D(_Pooling3D):
    """Largest value of each window of a volume."""

    type: Literal["MaxPooling3D"]


class AveragePooling1D(_Pooling1D):
    """Mean of each window of steps."""

    type: Literal["AveragePooling1D"]


class AveragePooling2D(_Pooling2D):
    """Mean of each window of an image."""

    type: Literal["AveragePooling2D"]


class AveragePooling3D(_Pooling3D):
    """Mean of each window of a volume."""

    type: Literal["AveragePooling3D"]


class GlobalMaxPooling1D(Layer):
    """Largest value of all steps: (steps, features) to (features)."""

    type: Literal["GlobalMaxPooling1D"]


class GlobalMaxPooling2D(Layer):
    """Largest value of a whole image, for each channel."""

    type: Literal["GlobalMaxPooling2D"]
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class GlobalMaxPooling3D(Layer):
    """Largest value of a whole volume, for each channel."""

    type: Literal["GlobalMaxPooling3D"]
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class GlobalAveragePooling1D(Layer):
    """Mean of all steps: (steps, features) to (features)."""

    type: Literal["GlobalAveragePooling1D"]


class GlobalAveragePooling2D(Layer):
    """Mean of a whole image, for each channel."""

    type: Literal["GlobalAveragePooling2D"]
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class GlobalAveragePooling3D(Layer):
    """Mean of a whole volume, for each channel."""

    type: Literal["GlobalAveragePooling3D"]
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
