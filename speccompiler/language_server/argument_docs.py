"""What the schemas say of types and arguments: texts, defaults, allowed values."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from speccompiler.frozen import dataclass
from speccompiler.schemas.arguments import COMMON, own_arguments
from speccompiler.schemas.jsonschema import INPUTS
from speccompiler.schemas.markdown import default_text
from speccompiler.schemas.model import EXTENSION_PREFIX, ModelHeader
from speccompiler.schemas.registry import LAYERS, own_type
from speccompiler.schemas.shared import Shared
from speccompiler.schemas.wrapped_model import WrapperHeader

LAYERS_TEXT = "The layers, first to last: a list of mappings with a `type` and its arguments."


@dataclass(frozen=True, slots=True)
class Argument:
    """One key that a mapping may have."""

    name: str
    description: str
    required: bool
    default: str
    """As a spec writes it; empty where there is nothing to say."""
    kind: str
    """What a value is, in words: ``whole number``, ``list of 2``."""
    values: tuple[str, ...]
    """The values that may stand there, as JSON; empty where they cannot be listed."""
    keys: Mapping[str, Argument]
    """Keys of a mapping that may stand there."""

    def markdown(self) -> str:
        """The text of a hover."""
        head = f"**{self.name}**" + (f": {self.kind}" if self.kind else "")
        default = "required" if self.required else f"default: `{self.default}`"
        lines = [head, self.description]
        if self.required or self.default:
            lines.append(default)
        if self.values:
            lines.append("allowed: " + ", ".join(f"`{value}`" for value in self.values))
        return "\n\n".join(line for line in lines if line)


def schema_of(layer_type: str) -> type[BaseModel] | None:
    """The schema of a type, or of another name of it."""
    name = own_type(layer_type)
    if name == Shared.__name__:
        return Shared
    return LAYERS.get(name)


def type_markdown(layer_type: str) -> str | None:
    """What a layer is, and its arguments in one line; None for what is no type."""
    schema = schema_of(layer_type)
    if schema is None:
        return None
    text = inspect.cleandoc(schema.__doc__ or "")
    names = [name for name in _names(layer_type) if name not in COMMON]
    return f"**{schema.__name__}**\n\n{text}\n\narguments: {', '.join([*names, 'inputs'])}"


def required_arguments(layer_type: str) -> list[str]:
    """The arguments that a layer cannot do without, but for its type."""
    schema = schema_of(layer_type)
    fields = {} if schema is None else schema.model_fields
    return [name for name in _names(layer_type) if fields[name].is_required()]


def _names(layer_type: str) -> tuple[str, ...]:
    """A layer's own arguments, those that it needs first, and then those of every layer."""
    name = own_type(layer_type)
    return ("layer", "name") if name == Shared.__name__ else (*own_arguments(LAYERS[name]), *COMMON)


def first_sentence(layer_type: str) -> str:
    """The first line of what a layer is."""
    schema = schema_of(layer_type)
    return (inspect.cleandoc((schema and schema.__doc__) or "")).split("\n")[0]


@cache
def layer_arguments(layer_type: str) -> Mapping[str, Argument]:
    """The arguments of a layer, those that it needs first, and ``inputs``."""
    schema = schema_of(layer_type)
    if schema is None:
        return {}
    found = _arguments(schema, _names(layer_type))
    found["inputs"] = Argument("inputs", _text(INPUTS), False, "", "name, or list of names", (), {})
    return found


@cache
def header_arguments() -> Mapping[str, Argument]:
    """The keys beside the layers."""
    found = _arguments(ModelHeader, tuple(ModelHeader.model_fields))
    found["layers"] = Argument("layers", LAYERS_TEXT, False, "", "list of layers", (), {})
    own = [name for name in WrapperHeader.model_fields if name not in found]
    around = _arguments(WrapperHeader, tuple(own))
    for name, argument in around.items():
        found[name] = Argument(
            name, argument.description, False, "", argument.kind, argument.values, {}
        )
    return found


def header_text(key: str) -> str | None:
    """What a key beside the layers is for."""
    if key.startswith(EXTENSION_PREFIX):
        from speccompiler.schemas.model import EXTENSIONS

        return f"**{key}**\n\n{EXTENSIONS}"
    found = header_arguments().get(key)
    return None if found is None else found.markdown()


def _arguments(schema: type[BaseModel], names: tuple[str, ...]) -> dict[str, Argument]:
    json = schema.model_json_schema()
    parts = json.get("$defs", {})
    return {
        name: _argument(name, schema.model_fields[name], json["properties"][name], parts)
        for name in names
    }


def _argument(
    name: str, field: FieldInfo, json: Mapping[str, Any], parts: Mapping[str, Any]
) -> Argument:
    cases = list(_cases(json, parts))
    values = tuple(dict.fromkeys(value for case in cases for value in _values(case)))
    keys: dict[str, Argument] = {}
    for case in cases:
        for key, inner in case.get("properties", {}).items():
            needed = key in case.get("required", ())
            inside = list(_cases(inner, parts))
            allowed = tuple(v for one in inside for v in _values(one))
            words = " or ".join(dict.fromkeys(filter(None, map(_kind, inside))))
            others = keys[key].values if key in keys else ()
            allowed = tuple(dict.fromkeys((*others, *allowed)))
            keys[key] = Argument(key, _text(inner), needed, "", words, allowed, {})
    kinds = dict.fromkeys(kind for kind in map(_kind, cases) if kind)
    default = "" if field.is_required() else default_text(name, field)
    default = "" if default == "null" else default
    return Argument(
        name,
        field.description or _text(json),
        field.is_required(),
        default,
        " or ".join(kinds),
        values,
        keys,
    )


def _text(json: Mapping[str, Any]) -> str:
    return str(json.get("description", ""))


def _cases(json: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alternatives of a schema, references followed."""
    if "$ref" in json:
        yield from _cases(parts[json["$ref"].rsplit("/", 1)[-1]], parts)
    elif "anyOf" in json or "oneOf" in json:
        for case in json.get("anyOf", json.get("oneOf", ())):
            yield from _cases(case, parts)
    else:
        yield json


def _values(case: Mapping[str, Any]) -> Iterator[str]:
    if case.get("type") == "boolean":
        yield from ("true", "false")
    elif "const" in case:
        yield _written(case["const"])
    else:
        yield from map(_written, case.get("enum", ()))


def _written(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _kind(case: Mapping[str, Any]) -> str:
    """What a value is, in words."""
    if "enum" in case or "const" in case:
        return "name" if case.get("type", "string") == "string" else "number"
    kind = case.get("type")
    if kind == "array":
        if "prefixItems" in case:
            return f"list of {len(case['prefixItems'])}"
        return "list"
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "true or false",
        "object": "mapping",
    }
    return words.get(str(kind), "")
