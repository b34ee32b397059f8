"""What a model may take at most, for ``convspec validate`` to hold."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from speccompiler.schemas.amounts import (
    BYTE_UNITS,
    BYTES_PATTERN,
    COUNT_PATTERN,
    COUNT_UNITS,
    amount,
)
from speccompiler.schemas.fields import Schema


def _read(units: dict[str, int]) -> BeforeValidator:
    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return amount(value, units)
        except ValueError as error:
            raise PydanticCustomError("bad_amount", "{said}", {"said": str(error)}) from None

    return BeforeValidator(read)


def _either(pattern: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": pattern}]}
    )


Count = Annotated[int, Field(ge=0), _read(COUNT_UNITS), _either(COUNT_PATTERN)]
Bytes = Annotated[int, Field(ge=0), _read(BYTE_UNITS), _either(BYTES_PATTERN)]


class Budget(Schema):
    """Upper bounds; a number, or a text such as 5M or 64 MiB."""

    parameters: Count | None = Field(
        None, description="Parameters of all layers; a shared layer counts once. Such as 5M."
    )
    multiply_adds: Count | None = Field(
        None, description="Multiply-adds of one sample. Such as 1.5G."
    )
    activations: Bytes | None = Field(
        None, description="Bytes of all layers' outputs together, of one sample. Such as 64 MiB."
    )
    peak: Bytes | None = Field(
        None,
        description="Bytes that the plan takes at most for a batch of 1, weights included. "
        "Such as 256 MiB.",
    )
