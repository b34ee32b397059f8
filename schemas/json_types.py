"""What JSON Schema says of a type, with its marks, and of a schema's fields."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from speccompiler.schemas.declaring import Discriminator, Limits, Mark, WithJsonSchema
from speccompiler.schemas.record import FieldInfo, Record

REFERENCE = "#/$defs/"
_NAMED = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    types.NoneType: "null",
}
_LIMITS = {
    "array": {"min_length": "minItems", "max_length": "maxItems"},
    "object": {"min_length": "minProperties", "max_length": "maxProperties"},
    "string": {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"},
    "number": {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"},
}
_LIMITS["integer"] = _LIMITS["number"]


class Definitions:
    """Schemas that others refer to, by name."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def add(self, schema: type[Record]) -> dict[str, Any]:
        """A reference to a schema, which is put among the definitions."""
        name = schema.__name__
        if name not in self.found:
            self.found[name] = {}  # it may hold itself
            self.found[name] = self._object(schema)
        return {"$ref": f"{REFERENCE}{name}"}

    def _object(self, schema: type[Record]) -> dict[str, Any]:
        fields = schema.model_fields
        found: dict[str, Any] = {
            "additionalProperties": False,
            "description": _plain_text(schema.__doc__ or ""),
            "properties": {name: self._field(name, field) for name, field in fields.items()},
            "required": [name for name, field in fields.items() if field.is_required()],
            "title": schema.__name__,
            "type": "object",
        }
        return {key: value for key, value in found.items() if value or key != "required"}

    def _field(self, name: str, field: FieldInfo) -> dict[str, Any]:
        found = dict(self.of(field.annotation))
        if not field.is_required() and field.default_factory is None:
            found["default"] = _as_json(field.default)
        if field.description is not None:
            found["description"] = field.description
        if not _is_record(field.annotation):
            found["title"] = name.replace("_", " ").title()
        return {key: found[key] for key in sorted(found)}

    def of(self, kind: Any) -> dict[str, Any]:
        """What a value of a type is."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._marked(arguments[0], arguments[1:])
        if origin is Literal:
            return _one_of(arguments)
        if origin is Union or origin is types.UnionType:
            return {"anyOf": self._members(arguments)}
        if origin is tuple and arguments[-1] is not ...:
            count = len(arguments)
            items = [self.of(item) for item in arguments]
            return {"maxItems": count, "minItems": count, "prefixItems": items, "type": "array"}
        if origin in {tuple, list}:
            return {"items": self.of(arguments[0]), "type": "array"}
        if origin is dict:
            return self._mapping(*arguments)
        if isinstance(kind, type) and issubclass(kind, Record):
            return self.add(kind)
        return {"type": _NAMED[kind]} if kind in _NAMED else {}

    def _members(self, kinds: Iterable[Any]) -> list[dict[str, Any]]:
        """Those of a union, each once; a member that is such a union is written out."""
        found: list[dict[str, Any]] = []
        for one in map(self.of, kinds):
            found += one["anyOf"] if one.keys() == {"anyOf"} else [one]
        return [one for k, one in enumerate(found) if one not in found[:k]]

    def _marked(self, kind: Any, marks: Iterable[Mark]) -> dict[str, Any]:
        marks = tuple(marks)
        told = [mark.schema for mark in marks if isinstance(mark, WithJsonSchema)]
        if told:
            return dict(_ordered(told[-1]))
        if any(isinstance(mark, Discriminator) for mark in marks):
            return {"oneOf": [self.of(member) for member in get_args(kind)]}
        found = dict(self.of(kind))
        for mark in marks:
            if isinstance(mark, Limits):
                names = _LIMITS[found["type"]]
                found |= {names[name]: limit for name, limit in mark.limits.items()}
        return {key: found[key] for key in sorted(found)}

    def _mapping(self, key: Any, value: Any) -> dict[str, Any]:
        names, values = self.of(key), self.of(value)
        if "pattern" in names:
            return {"patternProperties": {names["pattern"]: values}, "type": "object"}
        return {"additionalProperties": values or True, "type": "object"}


def _is_record(kind: Any) -> bool:
    """Whether a type is a schema, alone or where there may be none: that has its own title."""
    if get_origin(kind) is Annotated:
        inner, *marks = get_args(kind)
        return _is_record(inner) and not any(isinstance(mark, WithJsonSchema) for mark in marks)
    members = [member for member in get_args(kind) if member is not types.NoneType]
    if len(members) == 1 and get_origin(kind) in {Union, types.UnionType}:
        return _is_record(members[0])
    return isinstance(kind, type) and issubclass(kind, Record)


def _one_of(values: tuple[Any, ...]) -> dict[str, Any]:
    kind = _NAMED[type(values[0])]
    return (
        {"const": values[0], "type": kind}
        if len(values) == 1
        else {"enum": list(values), "type": kind}
    )


def _ordered(found: Any) -> Any:
    """With its keys in alphabetical order, as pydantic has them."""
    if isinstance(found, dict):
        return {key: _ordered(found[key]) for key in sorted(found)}
    return [_ordered(item) for item in found] if isinstance(found, list) else found


def _as_json(value: Any) -> Any:
    return [_as_json(item) for item in value] if isinstance(value, tuple) else value


def _plain_text(text: str) -> str:
    """A docstring without its indentation."""
    first, *rest = text.strip().split("\n")
    return "\n".join([first, *(line.strip() for line in rest)])
