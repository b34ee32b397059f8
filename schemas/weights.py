"""What ``weights`` may say: where the arrays of a layer are, or the arrays themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_INLINE = 65_536
"""Numbers in one inline array; larger arrays belong in a file."""


def inline_shape(value: object) -> tuple[int, ...]:
    """Shape of nested lists of numbers; raises when they are ragged or hold no numbers."""
    level: list[object] = [value]
    shape: list[int] = []
    while isinstance(level[0], list | tuple):
        lengths = {len(v) if isinstance(v, list | tuple) else -1 for v in level}
        if len(lengths) != 1 or -1 in lengths:
            raise PydanticCustomError(
                "bad_inline_array",
                "the inline array is ragged: lists at depth {depth} differ in length",
                {"depth": len(shape) + 1},
            )
        (length,) = lengths
        shape.append(length)
        if length == 0:
            raise PydanticCustomError("bad_inline_array", "the inline array has an empty list")
        level = [item for v in level if isinstance(v, list | tuple) for item in v]
        if len(level) > MAX_INLINE:
            raise PydanticCustomError(
                "bad_inline_array",
                "the inline array has more than {limit} numbers; put it in a file",
                {"limit": MAX_INLINE},
            )
    for item in level:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise PydanticCustomError(
                "bad_inline_array", "the inline array holds something that is no number"
            )
        if not abs(item) <= 3.4028234663852886e38:
            raise PydanticCustomError(
                "bad_inline_array", "the inline array holds a number outside float32"
            )
    return tuple(shape)


def _check_entry(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            raise PydanticCustomError("bad_reference", "an empty file reference")
        return value
    if isinstance(value, list | tuple):
        inline_shape(value)
        return value
    raise PydanticCustomError(
        "bad_reference",
        "expected a file reference such as 'kernel.npy' or 'model.npz#conv1/W', or nested lists "
        "of numbers",
    )


WeightEntry = Annotated[
    object,
    BeforeValidator(_check_entry),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {}, "minItems": 1},
            ]
        }
    ),
]

LayerWeights = Annotated[
    list[WeightEntry] | None,
    Field(
        description="The layer's arrays in Keras's order, W then b: file references "
        "(kernel.npy, model.npz#conv1/W, model.safetensors#conv1/W, model.h5#group/dataset) "
        "or nested lists of numbers."
    ),
]
