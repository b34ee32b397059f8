"""CS024: a value of another type than its argument takes, and what to write instead."""

from __future__ import annotations

import math
import re
from typing import Any

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.remedies import Quote, Remedy, Write
from speccompiler.diagnostics.wording import described, shown
from speccompiler.loading.schema_errors.meant_values import length_of, takes_null
from speccompiler.loading.schema_errors.mistake import Mistake, Rule
from speccompiler.loading.schema_errors.paths import Path

WRITE_NULL = "YAML and JSON write null for None"
OPEN_LENGTH = "an open length is null"
_LENGTHS = {"input_shape", "batch_input_shape", "output_shape", "input_length", "inputs"}
_NAMES = {"outputs": "a layer's name"}
"""Arguments that hold names of layers, and what one is."""
_NUMERIC = {"a whole number", "a number"}


def may_be_open(path: Path) -> bool:
    """Whether a path leads to a length that may be left open."""
    return bool(path) and path[0] in _LENGTHS


def rule(expected: str, otherwise: str | None = None) -> Rule:
    """The rule for values that are not ``expected``; ``otherwise`` is the hint for most."""

    def word(mistake: Mistake) -> Problem:
        found, path = mistake.found, mistake.path
        if path and path[0] in _NAMES and not isinstance(found, list):
            return Problem(
                "CS024",
                f"{mistake.subject} is {described(found)}, not {_NAMES[str(path[0])]}",
                "name a layer whose output the model gives, or several: [a, b]",
            )
        hint = _hint(found, path, expected, otherwise)
        message = f"{mistake.subject} is {described(found)}, not {expected}"
        return Problem("CS024", message, hint, remedy=_remedy(mistake, expected))

    return word


def _hint(found: Any, path: Path, expected: str, otherwise: str | None) -> str | None:
    hint = WRITE_NULL if found == "None" else otherwise
    if isinstance(found, str) and expected in _NUMERIC:
        hint = _number_hint(found) if hint is None else hint
        if hint in {None, WRITE_NULL} and may_be_open(path):
            hint = OPEN_LENGTH
    if isinstance(found, bool) and expected in _NUMERIC:
        hint = "true and false are no numbers"
    if isinstance(found, float) and expected == "a whole number" and found.is_integer():
        hint = f"write {found:.0f}"
    if expected == "text" and not isinstance(found, list | dict):
        hint = "put it in quotes if it is meant as text"
    return hint


def _remedy(mistake: Mistake, expected: str) -> Remedy | None:
    """The value of the right type that was meant, where that is sure."""
    found, path = mistake.found, mistake.path
    if found == "None":
        open_length = may_be_open(path) and len(path) > 1
        null = open_length or takes_null(mistake.place.holder, path[-1] if path else "")
        return Remedy(Write(None)) if null else None
    if expected == "text" and isinstance(found, int | float):
        return Remedy(Quote())
    if isinstance(found, float) and expected == "a whole number" and found.is_integer():
        return Remedy(Write(int(found)))
    if not isinstance(found, str) or expected not in _NUMERIC or _number_hint(found) is None:
        return None
    plain = _LEADING_ZEROS.sub(r"\1", found.strip().replace("_", ""))
    number = float(plain)
    if expected == "a whole number":
        if not number.is_integer():
            return None
        digits = plain.removeprefix("+")
        whole = int(digits) if digits.removeprefix("-").isdecimal() else int(number)
        return Remedy(Write(whole))
    return Remedy(Write(number, plain))


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


def no_boolean(mistake: Mistake) -> Problem:
    """Something else for true or false."""
    found = mistake.found
    hint = "write it without quotes" if found in ("true", "false") else None
    word = found.casefold() if isinstance(found, str) else found
    if word in ("yes", "on", "no", "off", 0, 1):
        hint = f"write {'true' if word in ('yes', 'on', 1) else 'false'}"
    remedy = None
    if hint is not None or word in ("true", "false"):
        remedy = Remedy(Write(word in ("true", "yes", "on", 1)), safe=isinstance(word, str))
    message = f"{mistake.subject} is {described(found)}; it must be true or false"
    return Problem("CS024", message, hint, remedy=remedy)


_NO_LIST = rule("a list", "write [..], one number for each axis")
_IN_BRACKETS = re.compile(r"^\(\s*(\d+|None|null)(\s*,\s*(\d+|None|null))*\s*,?\s*\)$")


def no_list(mistake: Mistake) -> Problem:
    """Something else for a list; the hint shows the list that was meant.

    That is known for one number, and for a list in Python's round brackets.
    """
    problem = _NO_LIST(mistake)
    found, path, items = mistake.found, mistake.path, None
    remedy = None
    if isinstance(found, int) and not isinstance(found, bool):
        field = mistake.model.model_fields.get(str(path[0])) if len(path) == 1 else None
        count = length_of(field.annotation) if field is not None else 0
        count = 1 if path == ("input_shape",) else count
        items = ", ".join([str(found)] * count) or None
        remedy = Remedy(Write([found] * count), safe=False) if count else None
    elif isinstance(found, str) and _IN_BRACKETS.match(found):
        inside = [item.strip() for item in found.strip("() ").split(",")]
        lengths = [None if item in {"None", "null"} else int(item) for item in inside if item]
        items = ", ".join("null" if length is None else str(length) for length in lengths)
        remedy = Remedy(Write(lengths))
    hint = problem.hint if items is None else f"write [{items}]"
    return Problem(problem.code, problem.message, hint, remedy=remedy)
