"""pydantic's errors as problems: what was found, what is allowed, what was meant.

``paths`` says where each of them is in the data, ``wrong_type`` and ``wrong_value`` word them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError

from speccompiler.diagnostics.core import Problem
from speccompiler.loading.known_names import keras_1_names
from speccompiler.loading.schema_errors import wrong_type, wrong_value
from speccompiler.loading.schema_errors.mistake import Mistake, Rule, subject, values
from speccompiler.loading.schema_errors.paths import Path, place_of
from speccompiler.schemas.constraint import CONSTRAINT_NAMES
from speccompiler.schemas.regularizer import REGULARIZER_NAMES

RULES: Mapping[str, Rule] = {
    "missing": wrong_value.missing,
    "extra_forbidden": wrong_value.unknown_key,
    "literal_error": wrong_value.not_allowed,
    "int_type": wrong_type.rule("a whole number"),
    "int_from_float": wrong_type.rule("a whole number"),
    "float_type": wrong_type.rule("a number"),
    "string_type": wrong_type.rule("text"),
    "bool_type": wrong_type.no_boolean,
    "tuple_type": wrong_type.no_list,
    "list_type": wrong_type.rule("a list"),
    "dict_type": wrong_type.rule("a mapping"),
    "model_type": wrong_type.rule("a mapping"),
    "model_attributes_type": wrong_type.rule("a mapping"),
    "greater_than_equal": wrong_value.out_of_range("more", "ge"),
    "less_than_equal": wrong_value.out_of_range("less", "le"),
    "finite_number": wrong_value.not_finite,
    "too_long": wrong_value.too_long,
    "too_short": wrong_value.empty,
    "string_too_short": wrong_value.empty,
    "bad_name": wrong_value.in_own_words,
    "bad_reference": wrong_value.in_own_words,
    "bad_inline_array": wrong_value.in_own_words,
    "bad_padding": wrong_value.in_own_words,
    "bad_inner_layer": wrong_value.in_own_words,
    "bad_answer": wrong_value.in_own_words,
    "bad_amount": wrong_value.in_own_words,
    "bad_axis": wrong_value.in_own_words,
    "bad_step": wrong_value.in_own_words,
    "bad_permutation": wrong_value.in_own_words,
    "bad_target_shape": wrong_value.in_own_words,
    "bad_version": wrong_value.in_own_words,
    "unknown_regularizer": wrong_value.unknown_name(
        "regulariser", REGULARIZER_NAMES, "{name: l2, l: 0.01}"
    ),
    "unknown_constraint": wrong_value.unknown_name(
        "constraint", CONSTRAINT_NAMES, "{name: MaxNorm, m: 2}"
    ),
}
"""How each kind of error is worded; the kinds are pydantic's and those of the schemas' checks."""


def schema_problems(
    error: ValidationError, model: type[BaseModel], owner: str
) -> Iterable[tuple[Path, bool, Problem]]:
    """For each error: where (a path in the data), whether the key is at fault, and what.

    ``owner`` is how messages call the thing: ``Convolution2D``, ``the spec``.
    """
    mistakes = [
        Mistake(
            kind=raised["type"],
            place=place_of(model, raised["loc"]),
            found=raised["input"],
            limits=raised.get("ctx", {}),
            message=raised["msg"],
            model=model,
            owner=owner,
        )
        for raised in error.errors(include_url=False)
    ]
    absent = Counter(m.path[:-1] for m in mistakes if _is_missing_item(m))
    unknown = [str(m.path[0]) for m in mistakes if m.kind == "extra_forbidden" and m.path]
    said = {known for name in unknown for known in keras_1_names(name, model.model_fields)}
    seen: set[tuple[Path, str]] = set()
    for mistake in mistakes:
        path = mistake.path
        if mistake.kind == "missing" and len(path) == 1 and path[0] in said:
            continue  # the finding about its other name says it
        if _is_missing_item(mistake):
            path = path[:-1]
            problem = _too_short(mistake, absent[path])
        else:
            problem = RULES.get(mistake.kind, wrong_value.in_words_of_pydantic)(mistake)
        if (path, problem.message) not in seen:
            seen.add((path, problem.message))
            yield path, mistake.kind == "extra_forbidden", problem


def _is_missing_item(mistake: Mistake) -> bool:
    """Whether a list is too short: pydantic names each position that is not there."""
    path = mistake.path
    return mistake.kind == "missing" and bool(path) and isinstance(path[-1], int)


def _too_short(mistake: Mistake, absent: int) -> Problem:
    found = len(mistake.found)
    list_of = subject(mistake.path[:-1])
    return Problem("CS026", f"{list_of} has {values(found)}, not {found + absent}")
