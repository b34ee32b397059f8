"""One window over everything (Keras 1.2.2 layers/pooling.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import ORDERING_TEXT, Layer, LayerOrdering
from speccompiler.schemas.pooling import PoolMode


class GlobalPooling(Layer):
    """One window: everything along the spatial axes."""

    mode: ClassVar[PoolMode]
    keepdims: bool = Field(False, description="Keep the spatial axes, with a length of 1.")


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
