"""The companions that whole classifiers need (Keras 1.2.2 layers/core.py)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from .activation import Activation as ActivationFunction
from .fields import LARGEST, Layer, PositiveInt, Seed, as_tuple, exactly, filled_array


class InputLayer(Layer):
    """Declares the input; every model has one, written or implied by the first layer."""

    type: Literal["InputLayer"]
    sparse: Annotated[Literal[False], exactly(False)] = Field(
        False, description="Sparse inputs are not supported."
    )


class Activation(Layer):
    """Applies an activation."""

    type: Literal["Activation"]
    activation: ActivationFunction = Field(
        description="A name, or {expr: ..}: an elementwise expression in x."
    )


class Dropout(Layer):
    """Drops activations while training; passes everything on in a forward pass."""

    type: Literal["Dropout"]
    p: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Share of the values that training drops."
    )
    noise_shape: Annotated[tuple[PositiveInt | None, ...], BeforeValidator(as_tuple)] | None = (
        Field(None, description="Shape of the training mask; a forward pass has none.")
    )
    seed: Seed | None = Field(
        None, description="Seed of the training mask; a forward pass has none."
    )


class Flatten(Layer):
    """Joins every axis but the batch axis, in the order the array has them."""

    type: Literal["Flatten"]


def _check_target(value: tuple[int, ...]) -> tuple[int, ...]:
    if any(v == 0 or v < -1 for v in value) or value.count(-1) > 1:
        raise PydanticCustomError(
            "bad_target_shape", "sizes are 1 or more, and at most one of them is -1"
        )
    return value


class Reshape(Layer):
    """Gives the values of a sample another shape."""

    type: Literal["Reshape"]
    target_shape: Annotated[
        tuple[Annotated[int, Field(le=LARGEST)], ...],
        BeforeValidator(as_tuple),
        Field(min_length=1),
        AfterValidator(_check_target),
        filled_array(
            {"type": "integer", "anyOf": [{"const": -1}, {"minimum": 1}], "maximum": LARGEST}
        ),
    ] = Field(description="Shape without the batch axis; one -1 takes what is left.")
