"""Rescaling and Normalization (Keras 3.15 layers/preprocessing). None of Keras 1.x."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from speccompiler.schemas.axes import AXIS_TEXT, OptionalAxes
from speccompiler.schemas.fields import Layer, as_tuple
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.weights import LayerWeights


def _listed(value: object) -> object:
    return as_tuple(value) if isinstance(value, list | tuple) else (value,)


Numbers = Annotated[
    tuple[float, ...],
    BeforeValidator(_listed),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "array", "minItems": 1, "items": {"type": "number"}},
            ]
        }
    ),
]
_EACH = "one number, or one for each place of the last axis"


class Rescaling(Layer):
    """``x * scale + offset``."""

    type: Literal["Rescaling"]
    keeps_places: ClassVar[bool] = True
    scale: Numbers = Field(description=f"The factor: {_EACH}.")
    offset: Numbers = Field((0.0,), description=f"What is added: {_EACH}.")


class Normalization(Layer):
    """``(x - mean) / max(sqrt(variance), 1e-7)``, with a mean and a variance that are known."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "mean": StoredTensor(trainable=False),
        "variance": StoredTensor(drawn="one", trainable=False),
    }
    type: Literal["Normalization"]
    keeps_places: ClassVar[bool] = True
    axis: OptionalAxes = Field(
        (-1,),
        description="The axes along which each place has a mean and a variance of its own, or one; "
        f"{AXIS_TEXT}. null: one of both for all values.",
    )
    mean: Numbers | None = Field(
        None, description="The means, row by row, or one for all; null: they are stored as weights."
    )
    variance: Numbers | None = Field(None, description="The variances; given where the means are.")
    invert: bool = Field(
        False, description="The other way round: x * max(sqrt(variance), 1e-7) + mean."
    )
    weights: LayerWeights = None
