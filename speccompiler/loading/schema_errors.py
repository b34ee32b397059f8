"""pydantic's errors as diagnostics: what was found, what is allowed, what was meant.

``schema_paths`` says where each of them is in the data.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.loading.known_names import argument_hint, keras_1_names, value_hint
from speccompiler.schemas.constraint import CONSTRAINT_NAMES
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.regularizer import REGULARIZER_NAMES
from speccompiler.source.findings import shown

if TYPE_CHECKING:
    from speccompiler.loading.schema_paths import Path


def describe(value: object) -> str:
    """A short, calm description of a value that a spec gave."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{shown(value, 40)}'"
    if isinstance(value, int | float):
        text = str(value) if not isinstance(value, int) or abs(value) < 10**20 else "a huge number"
        return text
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "something else"


def schema_problems(
    error: ValidationError, model: type[BaseModel], owner: str
) -> Iterable[tuple[Path, bool, Problem]]:
    """For each error: where (a path in the data), whether the key is at fault, and what.

    ``owner`` is how messages call the thing: ``Convolution2D``, ``the spec``.
    """
    from speccompiler.loading.schema_paths import place_of

    seen: set[tuple[Path, str]] = set()
    items: list[tuple[Any, Path]] = []
    for raised in error.errors(include_url=False):
        place = place_of(model, raised["loc"])
        items.append(({**raised, "holder": place.holder}, place.path))
    absent = Counter(path[:-1] for item, path in items if _is_missing_item(item, path))
    extra = [str(path[0]) for item, path in items if item["type"] == "extra_forbidden" and path]
    said = {known for name in extra for known in keras_1_names(name, model.model_fields)}
    for item, path in items:
        if item["type"] == "missing" and len(path) == 1 and path[0] in said:
            continue  # the finding about its other name says it
        if _is_missing_item(item, path):
            path = path[:-1]
            problem = _too_short(item, path, absent[path])
        else:
            problem = _RULES.get(item["type"], _other)(item, path, model, owner)
        if (path, problem.message) not in seen:
            seen.add((path, problem.message))
            yield path, item["type"] == "extra_forbidden", problem


def _is_missing_item(item: Any, path: Path) -> bool:
    """Whether a list is too short; pydantic names each position that is not there."""
    return item["type"] == "missing" and bool(path) and isinstance(path[-1], int)


def _too_short(item: Any, path: Path, absent: int) -> Problem:
    found = len(item["input"])
    return Problem("CS026", f"{_subject(path)} has {_values(found)}, not {found + absent}")


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _subject(path: Path) -> str:
    """The argument that a path is about, and the place inside it."""
    if not path:
        return "the value"
    text = f"'{path[0]}'"
    for part in path[1:]:
        text += f" item {part + 1}" if isinstance(part, int) else f" key '{shown(part)}'"
    return text


def _arguments(model: type[BaseModel]) -> list[str]:
    """What it takes; of a layer its own first, as the documentation orders them."""
    from speccompiler.schemas.arguments import COMMON, own_arguments

    if issubclass(model, Layer):
        return [*own_arguments(model), *COMMON]
    return [name for name in model.model_fields if name != "type"]


def _missing(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    name = str(path[-1])
    description = None
    if len(path) == 1 and name in model.model_fields:
        description = model.model_fields[name].description
    if path == ("convspec",):
        return Problem("CS021", f"{owner} needs 'convspec'", "write convspec: 1")
    return Problem(
        "CS021",
        f"{owner} needs '{name}'" if len(path) == 1 else f"{_subject(path[:-1])} needs '{name}'",
        f"{name}: {description[0].lower()}{description[1:].rstrip('.')}" if description else None,
    )


def _extra(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    name = str(path[-1])
    if len(path) > 1:
        holder = item["holder"]
        keys = [] if holder is None else list(holder.model_fields)
        return Problem(
            "CS022",
            f"{_subject(path[:-1])} has no key '{shown(name)}'",
            did_you_mean(name, keys) or f"it takes {', '.join(keys)}" if keys else None,
        )
    known = _arguments(model)
    if "convspec" in known:
        known.append("layers")
    hint = argument_hint(name, known, item["input"]) or did_you_mean(name, known)
    hint = hint or f"it takes {', '.join(known)}"
    return Problem("CS022", f"{owner} has no argument '{shown(name)}'", hint)


def _literal(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    expected: str = item["ctx"]["expected"]
    found = item["input"]
    choices = [c.strip("'") for c in expected.replace(" or ", ", ").split(", ")]
    choices = [{"True": "true", "False": "false"}.get(c, c) for c in choices]
    hint = None
    if found == "None":
        hint = _NULL
    elif found is None and "linear" in choices:
        hint = "write linear, or leave it out"
    elif isinstance(found, str):
        hint = value_hint(str(path[-1]), found) or did_you_mean(found, choices)
        if found in choices:
            hint = f"write {found} without quotes"
    return Problem(
        "CS023", f"{_subject(path)} is {describe(found)}; allowed: {', '.join(choices)}", hint
    )


_NULL = "YAML and JSON write null for None"
_OPEN = "an open length is null"
_SHAPES = {"input_shape", "batch_input_shape", "output_shape", "input_length", "inputs"}
_NAMES = {"outputs": "a layer's name"}
"""Arguments that hold names of layers, and what one is."""


def _is_length(path: Path) -> bool:
    """Whether a path leads to a length that may be open."""
    return bool(path) and path[0] in _SHAPES


def _type(
    expected: str, otherwise: str | None = None
) -> Callable[[Any, Path, type[BaseModel], str], Problem]:
    def rule(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
        found = item["input"]
        if path and path[0] in _NAMES and not isinstance(found, list):
            message = f"{_subject(path)} is {describe(found)}, not {_NAMES[str(path[0])]}"
            return Problem(
                "CS024", message, "name a layer whose output the model gives, or several: [a, b]"
            )
        hint = _NULL if found == "None" else otherwise
        numeric = expected in {"a whole number", "a number"}
        if isinstance(found, str) and numeric and hint is None:
            hint = _number_hint(found)
        if isinstance(found, str) and numeric and hint in {None, _NULL} and _is_length(path):
            hint = _OPEN
        if isinstance(found, bool) and numeric:
            hint = "true and false are no numbers"
        if isinstance(found, float) and expected == "a whole number" and found.is_integer():
            hint = f"write {found:.0f}"
        if expected == "text" and not isinstance(found, list | dict):
            hint = "put it in quotes if it is meant as text"
        return Problem("CS024", f"{_subject(path)} is {describe(found)}, not {expected}", hint)

    return rule


def _boolean(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    found = item["input"]
    hint = "write it without quotes" if found in ("true", "false") else None
    word = found.casefold() if isinstance(found, str) else found
    if word in ("yes", "on", "no", "off", 0, 1):
        hint = f"write {'true' if word in ('yes', 'on', 1) else 'false'}"
    return Problem(
        "CS024", f"{_subject(path)} is {describe(found)}; it must be true or false", hint
    )


_LEADING_ZEROS = re.compile(r"^([-+]?)0+(?=[0-9])")


def _number_hint(text: str) -> str | None:
    """What to do about a text that was meant as a number: not all of them stood in quotes."""
    try:
        if not math.isfinite(float(text)):
            return None
    except ValueError:
        return None
    plain = _LEADING_ZEROS.sub(r"\1", text.strip().replace("_", ""))
    if "_" in text:
        return f"underscores make it text in YAML 1.2: write {shown(plain, 40)}"
    if plain != text.strip():
        return f"a leading zero makes it text in YAML 1.2: write {shown(plain, 40)}"
    return "write the number without quotes"


_OPPOSITE = {"padding": "Cropping", "cropping": "ZeroPadding"}


def _bound(word: str, key: str) -> Callable[[Any, Path, type[BaseModel], str], Problem]:
    def rule(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
        limit = item["ctx"][key]
        limit = int(limit) if limit == int(limit) else limit
        hint = None
        if _is_length(path) and item["input"] == -1:
            hint = _OPEN
        elif path and path[0] in {"padding", "cropping"}:
            hint = f"a {_OPPOSITE[str(path[0])]} layer does that"
        return Problem(
            "CS025",
            f"{_subject(path)} is {describe(item['input'])}; it must be {limit} or {word}",
            hint,
        )

    return rule


def _length(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    found = _values(len(item["input"]))
    return Problem("CS026", f"{_subject(path)} has {found}, not {item['ctx']['max_length']}")


def _empty(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    return Problem("CS026", f"{_subject(path)} is empty")


def _unknown_name(
    noun: str, names: tuple[str, ...], example: str
) -> Callable[[Any, Path, type[BaseModel], str], Problem]:
    def rule(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
        found = item["input"]
        name = found.get("name") if isinstance(found, dict) else found
        if isinstance(found, dict) and name is None:
            return Problem("CS021", f"{_subject(path)} needs 'name'", f"one of {', '.join(names)}")
        hint = did_you_mean(name, names) if isinstance(name, str) else f"for example {example}"
        return Problem(
            "CS023",
            f"{_subject(path)}: {describe(name)} is no {noun}; known: {', '.join(names)}",
            hint,
        )

    return rule


def _own_words(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    return Problem("CS026", f"{_subject(path)}: {item['msg']}")


def _finite(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    return Problem("CS025", f"{_subject(path)} is {describe(item['input'])}, not a finite number")


def _other(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    message = item["msg"][0].lower() + item["msg"][1:]
    return Problem("CS026", f"{_subject(path)} is {describe(item['input'])}: {message}")


def _several(item: Any, path: Path, model: type[BaseModel], owner: str) -> Problem:
    """One number for a list of them, or a list in Python's round brackets, shows the list."""
    problem = _type("a list", "write [..], one number for each axis")(item, path, model, owner)
    found, shown_list = item["input"], None
    if isinstance(found, int) and not isinstance(found, bool):
        name = str(path[0]) if len(path) == 1 else ""
        count = _items(model.model_fields[name].annotation) if name in model.model_fields else 0
        count = 1 if name == "input_shape" else count
        shown_list = ", ".join([str(found)] * count) or None
    elif isinstance(found, str) and _IN_BRACKETS.match(found):
        shown_list = ", ".join(found.strip("() ").rstrip(",").replace("None", "null").split(", "))
    hint = problem.hint if shown_list is None else f"write [{shown_list}]"
    return Problem(problem.code, problem.message, hint)


_IN_BRACKETS = re.compile(r"^\(\s*(\d+|None|null)(\s*,\s*(\d+|None|null))*\s*,?\s*\)$")


def _items(annotation: Any) -> int:
    """How many a list of a fixed length has; 0 for none such."""
    given = get_args(annotation)
    if get_origin(annotation) is tuple:
        return 0 if Ellipsis in given else len(given)
    return max(map(_items, given), default=0)


_RULES: dict[str, Callable[[Any, Path, type[BaseModel], str], Problem]] = {
    "missing": _missing,
    "extra_forbidden": _extra,
    "literal_error": _literal,
    "int_type": _type("a whole number"),
    "int_from_float": _type("a whole number"),
    "float_type": _type("a number"),
    "string_type": _type("text"),
    "bool_type": _boolean,
    "tuple_type": _several,
    "list_type": _type("a list"),
    "dict_type": _type("a mapping"),
    "model_type": _type("a mapping"),
    "model_attributes_type": _type("a mapping"),
    "greater_than_equal": _bound("more", "ge"),
    "less_than_equal": _bound("less", "le"),
    "finite_number": _finite,
    "too_long": _length,
    "too_short": _empty,
    "string_too_short": _empty,
    "bad_name": _own_words,
    "bad_reference": _own_words,
    "bad_inline_array": _own_words,
    "bad_padding": _own_words,
    "bad_inner_layer": _own_words,
    "bad_answer": _own_words,
    "bad_axis": _own_words,
    "bad_step": _own_words,
    "bad_permutation": _own_words,
    "bad_target_shape": _own_words,
    "unknown_regularizer": _unknown_name("regulariser", REGULARIZER_NAMES, "{name: l2, l: 0.01}"),
    "unknown_constraint": _unknown_name("constraint", CONSTRAINT_NAMES, "{name: MaxNorm, m: 2}"),
}
