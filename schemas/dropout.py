"""Dropout (Keras 1.2.2 layers/core.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from speccompiler.schemas.fields import Layer, PositiveInt, Seed, as_tuple
from speccompiler.schemas.training import TRAINING_ONLY

Share = Annotated[float, Field(ge=0, le=1), TRAINING_ONLY]

MaskShape = Annotated[
    tuple[PositiveInt | None, ...] | None, BeforeValidator(as_tuple), TRAINING_ONLY
]


class Dropout(Layer):
    """Drops activations while training; passes everything on in a forward pass."""

    type: Literal["Dropout"]
    keeps_places: ClassVar[bool] = True
    p: Share = Field(description="Share of the values that training drops.")
    noise_shape: MaskShape = Field(
        None, description="Shape of the training mask; a forward pass has none."
    )
    seed: Annotated[Seed | None, TRAINING_ONLY] = Field(
        None, description="Seed of the training mask; a forward pass has none."
    )
