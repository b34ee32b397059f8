"""Other layers that only training has (Keras 1.2.2 layers/core.py and noise.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.dropout import MaskShape, Share
from speccompiler.schemas.fields import Layer, LayerOrdering, Seed, TrainingFactor
from speccompiler.schemas.training import TRAINING_ONLY

MaskOrdering = Annotated[LayerOrdering, TRAINING_ONLY]


class SpatialDropout1D(Layer):
    """Drops whole channels while training; passes everything on in a forward pass."""

    type: Literal["SpatialDropout1D"]
    keeps_places: ClassVar[bool] = True
    rank: ClassVar[int] = 1
    p: Share = Field(description="Share of the channels that training drops.")


class SpatialDropout2D(Layer):
    """Drops whole channels while training; passes everything on in a forward pass."""

    type: Literal["SpatialDropout2D"]
    keeps_places: ClassVar[bool] = True
    rank: ClassVar[int] = 2
    p: Share = Field(description="Share of the channels that training drops.")
    dim_ordering: MaskOrdering = Field(
        "default", description="Where training finds the channels; a forward pass needs none."
    )
    uses_ordering: ClassVar[bool] = False


class SpatialDropout3D(Layer):
    """Drops whole channels while training; passes everything on in a forward pass."""

    type: Literal["SpatialDropout3D"]
    keeps_places: ClassVar[bool] = True
    rank: ClassVar[int] = 3
    p: Share = Field(description="Share of the channels that training drops.")
    dim_ordering: MaskOrdering = Field(
        "default", description="Where training finds the channels; a forward pass needs none."
    )
    uses_ordering: ClassVar[bool] = False


class GaussianDropout(Layer):
    """Multiplies with noise while training; passes everything on in a forward pass."""

    type: Literal["GaussianDropout"]
    keeps_places: ClassVar[bool] = True
    p: Share = Field(description="Training's noise has the deviation sqrt(p / (1 - p)).")


class AlphaDropout(Layer):
    """Drops values and keeps mean and variance while training; else passes everything on."""

    type: Literal["AlphaDropout"]
    keeps_places: ClassVar[bool] = True
    p: Share = Field(description="Share of the values that training drops.")
    noise_shape: MaskShape = Field(
        None, description="Shape of the training mask; a forward pass has none."
    )
    seed: Annotated[Seed | None, TRAINING_ONLY] = Field(
        None, description="Seed of the training mask; a forward pass has none."
    )


class GaussianNoise(Layer):
    """Adds noise while training; passes everything on in a forward pass."""

    type: Literal["GaussianNoise"]
    keeps_places: ClassVar[bool] = True
    sigma: TrainingFactor = Field(description="Deviation of the noise that training adds.")
