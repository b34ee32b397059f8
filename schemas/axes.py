"""Arguments that name axes of a sample, counted as Keras counts them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from speccompiler.schemas.fields import LARGEST, as_tuple

AXIS_TEXT = "counted as in Keras: 0 is the batch axis, 1 the first of a sample, -1 the last"
WHOLE = {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}


def one_or_list(item: dict[str, Any], *others: dict[str, Any]) -> WithJsonSchema:
    """What JSON Schema says of an item, or a list of them."""
    return WithJsonSchema(
        {"anyOf": [item, {"type": "array", "minItems": 1, "items": item}, *others]}
    )


Whole = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]


def listed(value: object) -> object:
    """One of something as a list of one."""
    return as_tuple(value) if isinstance(value, list | tuple) else (value,)


def _optional(value: object) -> object:
    return value if value is None else listed(value)


def _check_axes(value: tuple[int, ...]) -> tuple[int, ...]:
    if 0 in value:
        raise PydanticCustomError("bad_axis", "axis 0 is that of the samples, which stay apart")
    if len(set(value)) < len(value):
        raise PydanticCustomError("bad_axis", "each axis is named once")
    return value


def _check_axis(value: int) -> int:
    _check_axes((value,))
    return value


Axis = Annotated[Whole, AfterValidator(_check_axis)]
_Checked = Annotated[tuple[Whole, ...], Field(min_length=1), AfterValidator(_check_axes)]
Axes = Annotated[_Checked, BeforeValidator(listed), one_or_list(WHOLE)]
OptionalAxes = Annotated[
    _Checked | None, BeforeValidator(_optional), one_or_list(WHOLE, {"type": "null"})
]
