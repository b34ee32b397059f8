"""What a page says of a layer beside the shape report: its arguments and its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from speccompiler.diagnostics.wording import shown
from speccompiler.graph.ir import Graph
from speccompiler.schemas.arguments import own_arguments
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.training import Unknown

LONGEST = 400
"""Characters of an argument: a list of weights in a spec may be any number."""


@cache
def _arguments(layer: type[Layer]) -> tuple[tuple[str, bool, Any], ...]:
    """Of each argument its name, whether it has a default, and which."""
    fields = layer.model_fields
    return tuple(
        (name, not fields[name].is_required(), fields[name].get_default(call_default_factory=True))
        for name in own_arguments(layer)
    )


def given_arguments(layer: Layer) -> dict[str, str]:
    """The arguments that differ from their defaults, and those that have none, as texts."""
    return {
        name: argument_text(value)
        for name, has_default, default in _arguments(type(layer))
        if (value := getattr(layer, name)) != default or not has_default
    }


def default_arguments(layer: type[Layer]) -> dict[str, str]:
    """The defaults of a type of layer, as texts."""
    return {
        name: argument_text(default)
        for name, has_default, default in _arguments(layer)
        if has_default
    }


def argument_text(value: Any) -> str:
    """A value as a spec would have it, on one line and not too long."""
    return shown(_plain(value), LONGEST)


def _plain(value: Any) -> str:
    if isinstance(value, Unknown):
        return f"({value.found})"
    if isinstance(value, Layer):
        inner = ", ".join(f"{name}: {text}" for name, text in given_arguments(value).items())
        return f"{value.class_name}({inner})"
    if isinstance(value, BaseModel):
        given = {name: getattr(value, name) for name in type(value).model_fields}
        return _plain({name: each for name, each in given.items() if each is not None})
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_plain(each)}" for name, each in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def stored_tensors(graph: Graph) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """By layer, its tensors as weight files have them: name and shape."""
    found: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for weight in graph.weights():
        found.setdefault(weight.layer, []).append((weight.tensor, weight.stored_shape))
    return found
