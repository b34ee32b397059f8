"""Checks of keywords that Python code passes, worded as for the same values in a spec."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast, get_args

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.diagnostics.wording import described
from speccompiler.schemas.fields import LARGEST_SEED


def check_choice(keyword: str, value: object, choices: Any) -> None:
    """CS023 unless the value is None or one of the choices, a ``Literal`` type."""
    allowed = get_args(choices)
    if value is None or value in allowed:
        return
    raise Problem(
        "CS023",
        f"'{keyword}' is {described(value)}; allowed: {', '.join(allowed)}",
        did_you_mean(value, allowed) if isinstance(value, str) else None,
    )


def check_answers(answers: object) -> None:
    """CS024 unless the value is None, or a mapping from the names of layers."""
    if answers is None or (
        isinstance(answers, Mapping) and all(isinstance(name, str) for name in answers)
    ):
        return
    raise Problem(
        "CS024",
        f"'replace' is {described(answers)}, not a mapping from layers' names",
        'for example {"lambda_1": "x / 127.5 - 1"}',
    )


def whole_number(name: str, value: object) -> int:
    """A plain int of any whole number (NumPy's too); CS024 for anything else."""
    if not isinstance(value, bool):
        try:
            return operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            pass
    raise Problem("CS024", f"{name} is {described(value)}, not a whole number")


def check_counts(**counts: object) -> None:
    """CS024 unless each count is None or a whole number, CS025 for one below 1."""
    for name, value in counts.items():
        if value is not None and whole_number(name, value) < 1:
            raise Problem("CS025", f"{name} is {value}; it must be 1 or more")


def checked_names(keyword: str, value: object) -> tuple[str, ...]:
    """Names as a tuple, of one text too; CS024 for what is no list of texts."""
    if isinstance(value, str):
        return (value,)
    names = tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(name, str) for name in names):
        raise Problem("CS024", f"'{keyword}' is {described(value)}, not a list of names")
    return names


def checked_seed(value: object) -> int:
    """A seed: CS024, or CS025 for one outside 0 to 2**63 - 1."""
    seed = whole_number("'seed'", value)
    if seed < 0:
        raise Problem("CS025", f"'seed' is {described(seed)}; it must be 0 or more")
    if seed > LARGEST_SEED:
        raise Problem("CS025", f"'seed' is {described(seed)}; it must be {LARGEST_SEED} or less")
    return seed


def whole_lengths(shape: Sequence[object]) -> tuple[int | None, ...]:
    """A shape as plain numbers, open lengths as None; CS024, or CS025 for a length below 1."""
    lengths = tuple(None if d is None else whole_number("a length of the shape", d) for d in shape)
    if any(d is not None and d < 1 for d in lengths):
        text = ", ".join("None" if d is None else str(d) for d in lengths)
        raise Problem("CS025", f"the input shape ({text}) has a length below 1")
    return lengths


def checked_tile(value: object) -> int | tuple[int, ...] | Literal["auto"]:
    """Sizes of tiles: ``auto``, one whole number, or several. CS182."""
    if isinstance(value, str) and value == "auto":
        return "auto"
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    given: Iterable[object] = cast(Iterable[object], value) if several else [value]
    try:
        sizes = [whole_number("a size", one) for one in given]
    except Problem:
        sizes = []
    if not sizes or min(sizes) < 1:
        raise Problem(
            "CS182",
            f"'tile' is {described(value)}",
            "give positions of the first input, 1 or more along each axis that is cut, such as "
            '(512, 512); one number for all axes; or "auto"',
        )
    return tuple(sizes) if several else sizes[0]
