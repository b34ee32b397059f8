"""What ``init`` may say: a Keras 1.x initialiser by name, or with its parameters."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from speccompiler.schemas.fields import Schema
from speccompiler.schemas.training import TRAINING_ONLY

InitializerName = Literal[
    "uniform",
    "normal",
    "lecun_uniform",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "orthogonal",
    "identity",
    "zero",
    "one",
]


class ScaledInitializer(Schema):
    """An initialiser with its scale: the limit of uniform, the deviation of normal."""

    name: Literal["uniform", "normal", "orthogonal", "identity"] = Field(
        description="The initialiser; only these four take a scale."
    )
    scale: float | None = Field(
        None, description="Default: 0.05 for uniform and normal, 1.1 orthogonal, 1 identity."
    )


def _kind(value: object) -> str:
    return "<parameters>" if isinstance(value, dict | ScaledInitializer) else "<name>"


Initializer = Annotated[
    Annotated[InitializerName, Tag("<name>")] | Annotated[ScaledInitializer, Tag("<parameters>")],
    Discriminator(_kind),
    TRAINING_ONLY,
]
