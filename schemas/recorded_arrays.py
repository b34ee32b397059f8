"""Recorded inputs and outputs that a spec may carry, for ``convspec verify``."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from speccompiler.schemas.fields import Schema
from speccompiler.schemas.weights import WeightEntry


def _kind(value: object) -> str:
    return "<several>" if isinstance(value, dict) else "<one>"


Recorded = Annotated[
    Annotated[WeightEntry, Tag("<one>")]
    | Annotated[dict[str, WeightEntry], Field(min_length=1), Tag("<several>")],
    Discriminator(_kind),
]
"""A file of one array, file#key, or nested lists; several of them by name."""


class Vectors(Schema):
    """What a run once gave for an input."""

    input: Recorded = Field(
        description="The samples: a .npy file, relative to the spec, an array of another "
        "(file.npz#name, file.h5#group/dataset), or nested lists; with several inputs a mapping "
        "from their names."
    )
    expect: Recorded | None = Field(
        None,
        description="The model's output for them, in the same forms; with several outputs a "
        "mapping from their names.",
    )
    layers: dict[str, WeightEntry] = Field(
        default_factory=dict, description="Outputs of single layers for them, by name."
    )
    tolerance: Annotated[float, Field(gt=0)] = Field(
        1e-4,
        description="Largest difference that counts as equal, as a part of the largest value.",
    )
