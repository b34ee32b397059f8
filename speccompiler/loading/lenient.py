"""What a Keras file says in arguments of training: passed over with a note where it means nothing.

Keras itself looked at none of it before a forward pass, nor did its loader ask for more than a
name: an ``init`` is a function of the author's, a regulariser a class of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from speccompiler.diagnostics import Diagnostic, Severity
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.training import Unknown, training_only, unknown_arguments
from speccompiler.source.findings import shown

from .schema_errors import schema_problems

Model = TypeVar("Model", bound=BaseModel)
_SHOWN = 5


def validated(schema: type[Model], data: Mapping[str, Any], owner: str) -> Model:
    """``data`` as the schema, with an ``Unknown`` for each argument of training that does not fit.

    Raises pydantic's ``ValidationError`` for all the others.
    """
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        given = training_only(schema) & data.keys()
        unknown: dict[str, Unknown] = {}
        for path, _, problem in schema_problems(error, schema, owner):
            if path and path[0] in given:
                argument = str(path[0])
                found = problem.message.partition("; ")[0]
                unknown.setdefault(argument, Unknown(found, problem.message, bool(data[argument])))
        if not unknown:
            raise
        return schema.model_validate({**data, **unknown})


def passed_over(layers: Iterable[Layer]) -> list[Diagnostic]:
    """A note CS074 for all layers of which the same is passed over."""
    groups: dict[tuple[str, str], list[str]] = {}
    hints: dict[str, str | None] = {}
    for layer in layers:
        for part in (layer,) if layer.inner is layer else (layer, layer.inner):
            for argument, value in unknown_arguments(part).items():
                groups.setdefault((argument, value.found), []).append(str(layer.name))
                hints[argument] = _hint(part, argument)
    return [
        Diagnostic(
            "CS074",
            f"{found}; passed over in {_listed(names)}, as only training uses it",
            Severity.NOTE,
            layer=names[0],
            argument=argument,
            hint=hints[argument],
        )
        for (argument, found), names in groups.items()
    ]


def _listed(names: list[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else ""
    return ", ".join(f"'{shown(name)}'" for name in unique[:_SHOWN]) + more


def _hint(layer: Layer, argument: str) -> str | None:
    """Where its effect would be asked for."""
    tensors = layer.tensors.values()
    if any(argument in {tensor.init, tensor.scale} for tensor in tensors):
        return "--seed cannot draw by it: give the weights"
    if any(argument == tensor.constraint for tensor in tensors):
        return "--apply-constraints cannot apply it"
    if argument == "trainable":
        return "it counts as Python's own 'if' would take it"
    counted = argument == "activity_regularizer" or layer.class_name == "ActivityRegularization"
    if counted or any(argument == tensor.regularizer for tensor in tensors):
        return "--penalties cannot count it"
    return None
