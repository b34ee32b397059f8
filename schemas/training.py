"""Arguments that only training used: what a Keras file says in one never stops a forward pass.

Keras stored what its author gave: the name of a function of their own, a regulariser's class, a
text where a number belongs. A schema marks such arguments with ``TRAINING_ONLY``; where one
does not fit, the loader of Keras files puts an ``Unknown`` in its place, and whoever is asked for
its effect refuses it. Native specs have no such mode: what does not fit there is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Unknown:
    """What an argument of training says that means nothing here.

    ``found`` is a short sentence on it, ``why`` one with all that is allowed, ``true`` what
    Python makes of the value in an ``if``: Keras asks ``trainable`` so.
    """

    found: str
    why: str
    true: bool = True

    def __bool__(self) -> bool:
        return self.true


class TrainingOnly:
    """Marks a type of which an ``Unknown`` is a value too."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_unless_unknown, handler(source))


def _unless_unknown(value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, Unknown) else validate(value)


TRAINING_ONLY = TrainingOnly()


@cache
def training_only(schema: type[BaseModel]) -> frozenset[str]:
    """The arguments of a schema that only training uses."""
    return frozenset(
        name
        for name, field in schema.model_fields.items()
        if TRAINING_ONLY in field.metadata or _marked(get_args(field.annotation))
    )


def unknown_arguments(model: BaseModel) -> dict[str, Unknown]:
    """The arguments of a layer that hold an ``Unknown``, in the schema's order."""
    schema = type(model)
    marked = training_only(schema)
    values = {name: getattr(model, name) for name in schema.model_fields if name in marked}
    return {name: value for name, value in values.items() if isinstance(value, Unknown)}


def _marked(types: Iterable[Any]) -> bool:
    """Whether one of these types, or of those that they are made of, has the mark."""
    return any(
        TRAINING_ONLY in getattr(kind, "__metadata__", ()) or _marked(get_args(kind))
        for kind in types
    )
