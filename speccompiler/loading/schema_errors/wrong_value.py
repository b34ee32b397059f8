"""CS021 to CS023, CS025 and CS026: keys that are missing or unknown, values not allowed."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.diagnostics.remedies import Add, Remedy, Write
from speccompiler.diagnostics.wording import described, shown
from speccompiler.loading.known_names import (
    EXPRESSIONS,
    UNSURE_VALUES,
    VALUES,
    argument_hint,
    as_expression,
    plain_name,
    value_hint,
)
from speccompiler.loading.schema_errors.meant_values import (
    argument_remedy,
    spelt_key,
    spelt_value,
    takes_null,
)
from speccompiler.loading.schema_errors.mistake import Mistake, Rule, subject, values
from speccompiler.loading.schema_errors.paths import allowed_values
from speccompiler.loading.schema_errors.wrong_type import OPEN_LENGTH, WRITE_NULL, may_be_open
from speccompiler.schemas.fields import Layer


def missing(mistake: Mistake) -> Problem:
    """A key that has to be there."""
    path, owner = mistake.path, mistake.owner
    if path == ("convspec",):
        message = f"{owner} needs 'convspec'"
        return Problem("CS021", message, "write convspec: 1", remedy=Remedy(Add("convspec", 1)))
    name = str(path[-1])
    if len(path) > 1:
        return Problem("CS021", f"{subject(path[:-1])} needs '{name}'")
    field = mistake.model.model_fields.get(name)
    text = field.description if field is not None else None
    hint = f"{name}: {text[0].lower()}{text[1:].rstrip('.')}" if text else None
    return Problem("CS021", f"{owner} needs '{name}'", hint)


def unknown_key(mistake: Mistake) -> Problem:
    """A key that is none of those taken there."""
    path, name = mistake.path, str(mistake.path[-1])
    if len(path) > 1:
        holder = mistake.place.holder
        keys = [] if holder is None else list(holder.model_fields)
        return Problem(
            "CS022",
            f"{subject(path[:-1])} has no key '{shown(name)}'",
            did_you_mean(name, keys) or f"it takes {', '.join(keys)}" if keys else None,
            remedy=spelt_key(name, keys) if keys else None,
        )
    known = _arguments(mistake.model)
    if "convspec" in known:
        known.append("layers")
    hint = argument_hint(name, known, mistake.found) or did_you_mean(name, known)
    if hint is None and _of_inner_layer(name, mistake.model):
        hint = "what is said of the layer inside is said in its own mapping, behind layer:"
    hint = hint or f"it takes {', '.join(known)}"
    remedy = argument_remedy(name, mistake.found, known, mistake.model)
    message = f"{mistake.owner} has no argument '{shown(name)}'"
    return Problem("CS022", message, hint, remedy=remedy)


def _of_inner_layer(name: str, model: type[BaseModel]) -> bool:
    """Whether a wrapper is told what may be an argument of the layer in it."""
    from speccompiler.schemas.registry import LAYERS

    wraps = issubclass(model, Layer) and "layer" in model.model_fields
    return wraps and any(name in kind.model_fields for kind in LAYERS.values())


def _arguments(model: type[BaseModel]) -> list[str]:
    """What it takes; of a layer its own first, as the documentation orders them."""
    from speccompiler.schemas.arguments import COMMON, own_arguments

    if issubclass(model, Layer):
        return [*own_arguments(model), *COMMON]
    return [name for name in model.model_fields if name != "type"]


def not_allowed(mistake: Mistake) -> Problem:
    """None of the few values that are allowed."""
    found = mistake.found
    choices = [_as_written(value) for value in allowed_values(mistake.place.expected)]
    hint = None
    if found == "None":
        hint = WRITE_NULL
    elif found is None and "linear" in choices:
        hint = "write linear, or leave it out"
    elif isinstance(found, str):
        hint = value_hint(str(mistake.path[-1]), found) or did_you_mean(found, choices)
        if found in choices:
            hint = f"write {found} without quotes"
    message = f"{mistake.subject} is {described(found)}; allowed: {', '.join(choices)}"
    return Problem("CS023", message, hint, remedy=_allowed(mistake, choices))


def _allowed(mistake: Mistake, choices: list[str]) -> Remedy | None:
    """The one allowed value that was meant."""
    found, name = mistake.found, str(mistake.path[-1])
    if found is None and "linear" in choices:
        return Remedy(Write("linear"))
    if not isinstance(found, str):
        return None
    if found == "None":
        null = takes_null(mistake.place.holder, name)
        return Remedy(Write(None)) if null else None
    for value in allowed_values(mistake.place.expected):
        if not isinstance(value, str) and described(value) == found:
            return Remedy(Write(value))
    word = found.strip().casefold()
    if word in VALUES.get(name, {}):
        return Remedy(Write(VALUES[name][word]), safe=word not in UNSURE_VALUES)
    if name == "activation":
        if plain_name(found) in EXPRESSIONS:
            return Remedy(Write({"expr": EXPRESSIONS[plain_name(found)]}), safe=False)
        expression = as_expression(found)
        if expression is not None:
            return Remedy(Write({"expr": expression}), safe=False)
    return None if value_hint(name, found) else spelt_value(found, choices)


def _as_written(value: object) -> str:
    return value if isinstance(value, str) else described(value)


_OPPOSITE = {"padding": "Cropping", "cropping": "ZeroPadding"}


def out_of_range(word: str, limit_name: str) -> Rule:
    """The rule for a number beyond its limit; ``word`` says on which side it may be."""

    def word_it(mistake: Mistake) -> Problem:
        limit, path = mistake.limits[limit_name], mistake.path
        limit = int(limit) if limit == int(limit) else limit
        hint = None
        if may_be_open(path) and mistake.found == -1:
            hint = OPEN_LENGTH
        elif path and path[0] in _OPPOSITE:
            hint = f"a {_OPPOSITE[str(path[0])]} layer does that"
        found = described(mistake.found)
        message = f"{mistake.subject} is {found}; it must be {limit} or {word}"
        remedy = Remedy(Write(None), safe=False) if hint == OPEN_LENGTH else None
        return Problem("CS025", message, hint, remedy=remedy)

    return word_it


def not_finite(mistake: Mistake) -> Problem:
    """An infinity, or no number."""
    found = described(mistake.found)
    return Problem("CS025", f"{mistake.subject} is {found}, not a finite number")


def too_long(mistake: Mistake) -> Problem:
    """More items than the list may have."""
    found = values(len(mistake.found))
    return Problem("CS026", f"{mistake.subject} has {found}, not {mistake.limits['max_length']}")


def empty(mistake: Mistake) -> Problem:
    """A list or a text that has to hold something."""
    return Problem("CS026", f"{mistake.subject} is empty")


def unknown_name(noun: str, names: tuple[str, ...], example: str) -> Rule:
    """The rule for a name that is none of several known ones, alone or in a mapping."""

    def word(mistake: Mistake) -> Problem:
        found = mistake.found
        name = found.get("name") if isinstance(found, dict) else found
        if isinstance(found, dict) and name is None:
            return Problem("CS021", f"{mistake.subject} needs 'name'", f"one of {', '.join(names)}")
        hint = did_you_mean(name, names) if isinstance(name, str) else f"for example {example}"
        message = f"{mistake.subject}: {described(name)} is no {noun}; known: {', '.join(names)}"
        remedy = spelt_value(name, names) if isinstance(name, str) else None
        if remedy is not None and isinstance(found, dict):
            remedy = replace(remedy, path=(*mistake.path, "name"))
        return Problem("CS023", message, hint, remedy=remedy)

    return word


def in_own_words(mistake: Mistake) -> Problem:
    """An error that a check of the schemas has worded for people."""
    return Problem("CS026", f"{mistake.subject}: {mistake.message}")


def in_words_of_pydantic(mistake: Mistake) -> Problem:
    """An error of a kind that has no rule."""
    message = mistake.message[0].lower() + mistake.message[1:]
    return Problem("CS026", f"{mistake.subject} is {described(mistake.found)}: {message}")
