"""Asks pydantic about data that is not plainly right: what is wrong, in which place.

Each schema has a pydantic model of the same fields, made when it is first needed.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WrapValidator, create_model

from speccompiler.schemas.declaring import Mismatch
from speccompiler.schemas.record import Record

_CONFIG = ConfigDict(
    strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True
)


def judged(schema: type[Record], data: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The values of all fields, and the names of those that are given.

    Raises ``Mismatch`` with every mistake.
    """
    try:
        model = pydantic_model(schema).model_validate(data)
    except ValidationError as error:
        raise Mismatch(str(error), _errors(error)) from None
    values = {name: _as_ours(getattr(model, name)) for name in schema.model_fields}
    return values, frozenset(model.model_fields_set)


def _errors(error: ValidationError) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [dict(each) for each in error.errors(include_url=False)]


_MODEL_OF: dict[type[Record], type[BaseModel]] = {}
_SCHEMA_OF: dict[type[BaseModel], type[Record]] = {}


def pydantic_model(schema: type[Record]) -> type[BaseModel]:
    """The pydantic model with a schema's fields."""
    if schema not in _MODEL_OF:
        model = _MODEL_OF[schema] = _model(schema)
        _SCHEMA_OF[model] = schema
    return _MODEL_OF[schema]


def _model(schema: type[Record]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, field in schema.model_fields.items():
        said: dict[str, Any] = {"description": field.description}
        if field.default_factory is not None:
            said["default_factory"] = field.default_factory
        elif not field.is_required():
            said["default"] = field.default
        fields[name] = (_as_pydantic(field.annotation), Field(**said))
    return create_model(
        schema.__name__,
        __config__=_CONFIG,
        __doc__=schema.__doc__,
        __module__=schema.__module__,
        **fields,
    )


def _as_pydantic(kind: Any) -> Any:
    """A type with our marks as one with pydantic's, and models for our schemas."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        marks = [mark.as_pydantic() for mark in arguments[1:]]
        return Annotated[_as_pydantic(arguments[0]), *marks]  # pyright: ignore
    if origin is Literal:
        return kind
    if origin is Union or origin is types.UnionType:
        members = tuple([_as_pydantic(member) for member in arguments])
        return Union[members]  # noqa: UP007 - made of a list
    if arguments:
        return origin[tuple([_as_pydantic(each) for each in arguments])]
    if isinstance(kind, type) and issubclass(kind, Record):
        return Annotated[pydantic_model(kind), WrapValidator(_unless_made(kind))]
    return kind


def _unless_made(schema: type[Record]) -> Any:
    """Lets a record of the schema pass as it is."""

    def validate(value: Any, handler: Callable[[Any], Any]) -> Any:
        return value if isinstance(value, schema) else handler(value)

    return validate


def _as_ours(value: Any) -> Any:
    """A value of a pydantic model with our schemas' records in it."""
    if isinstance(value, BaseModel):
        schema = _SCHEMA_OF[type(value)]
        values = {name: _as_ours(getattr(value, name)) for name in schema.model_fields}
        return schema.made(values, frozenset(value.model_fields_set))
    if isinstance(value, tuple | list):
        return type(value)(_as_ours(item) for item in value)
    if isinstance(value, dict):
        return {key: _as_ours(item) for key, item in value.items()}
    return value
