"""Reshape, Permute and RepeatVector (Keras 1.2.2 layers/core.py)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from speccompiler.schemas.fields import LARGEST, Layer, PositiveInt, as_tuple, filled_array


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


def _check_dims(value: tuple[int, ...]) -> tuple[int, ...]:
    if sorted(value) != list(range(1, len(value) + 1)):
        raise PydanticCustomError(
            "bad_permutation", "the axes of a sample are counted from 1, and each is named once"
        )
    return value


class Permute(Layer):
    """Puts the axes of a sample into another order."""

    type: Literal["Permute"]
    dims: Annotated[
        tuple[PositiveInt, ...],
        BeforeValidator(as_tuple),
        Field(min_length=1),
        AfterValidator(_check_dims),
        filled_array({"type": "integer", "minimum": 1, "maximum": LARGEST}),
    ] = Field(
        description="Axis i of the output is axis dims[i] of the input. Axes are counted from 1, "
        "without the batch axis: [2, 1] swaps the two axes of a matrix."
    )


class RepeatVector(Layer):
    """Repeats a vector: (features) to (n, features)."""

    type: Literal["RepeatVector"]
    n: PositiveInt = Field(description="How often the vector is repeated.")
