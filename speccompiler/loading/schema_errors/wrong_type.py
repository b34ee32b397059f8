"""CS024: a value of another type than its argument takes, and what to write instead."""

from __future__ import annotations

import math
import re
from typing import Any, get_args, get_origin

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import described, shown
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
        return Problem("CS024", f"{mistake.subject} is {described(found)}, not {expected}", hint)

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
    return Problem(
        "CS024", f"{mistake.subject} is {described(found)}; it must be true or false", hint
    )


_NO_LIST = rule("a list", "write [..], one number for each axis")
_IN_BRACKETS = re.compile(r"^\(\s*(\d+|None|null)(\s*,\s*(\d+|None|null))*\s*,?\s*\)$")


def no_list(mistake: Mistake) -> Problem:
    """Something else for a list; the hint shows the list that was meant.

    That is known for one number, and for a list in Python's round brackets.
    """
    problem = _NO_LIST(mistake)
    found, path, items = mistake.found, mistake.path, None
    if isinstance(found, int) and not isinstance(found, bool):
        field = mistake.model.model_fields.get(str(path[0])) if len(path) == 1 else None
        count = _length_of(field.annotation) if field is not None else 0
        count = 1 if path == ("input_shape",) else count
        items = ", ".join([str(found)] * count) or None
    elif isinstance(found, str) and _IN_BRACKETS.match(found):
        items = ", ".join(found.strip("() ").rstrip(",").replace("None", "null").split(", "))
    hint = problem.hint if items is None else f"write [{items}]"
    return Problem(problem.code, problem.message, hint)


def _length_of(annotation: Any) -> int:
    """How many items a list type of a fixed length has; 0 for any other type."""
    items = get_args(annotation)
    if get_origin(annotation) is tuple:
        return 0 if Ellipsis in items else len(items)
    return max(map(_length_of, items), default=0)
