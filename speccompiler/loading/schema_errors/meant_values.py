"""What would mend a key or a value that the schemas refuse, where one thing alone was meant."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from speccompiler.diagnostics.remedies import Instead, Remedy, Remove, Rename, Write
from speccompiler.diagnostics.spelling import spelt
from speccompiler.loading.known_names import UNSURE_NAMES, VALUES, WITHOUT, keras_1_names


def spelt_value(word: str, known: Iterable[str]) -> Remedy | None:
    """Write the known word."""
    found = spelt(word, known)
    return None if found is None else Remedy(Write(found[0]), safe=found[1])


def spelt_key(name: str, known: Iterable[str]) -> Remedy | None:
    """Rename a key to the one known; take it out where nothing is like it."""
    found = spelt(name, known)
    if found is not None:
        return Remedy(Rename(found[0]), safe=found[1])
    return Remedy(Remove(), safe=False)


def argument_remedy(name: str, value: object, known: list[str], model: Any) -> Remedy | None:
    """For an argument that is unknown: the one of Keras 2, or a misspelt one, by its own name."""
    names = keras_1_names(name, known)
    if not names:
        return Remedy(Remove(), safe=False) if name in WITHOUT else spelt_key(name, known)
    safe = name not in UNSURE_NAMES
    first, *others = names
    if others:
        numbers = value if isinstance(value, list) else [value] * len(names)
        if len(numbers) != len(names) or not all(type(n) is int for n in numbers):
            return None
        return Remedy(Instead(dict(zip(names, numbers, strict=True))), safe=safe)
    return _renamed(first, value, model, safe)


def _renamed(name: str, value: object, model: type[BaseModel], safe: bool) -> Remedy:
    """The argument's own name, and the value as it takes it: one number for all axes, or alone."""
    annotation = model.model_fields[name].annotation
    if isinstance(value, str):
        word = VALUES.get(name, {}).get(value.strip().casefold())
        if word is not None:
            return Remedy(Instead({name: word}), safe=safe)
    if type(value) is int and (count := length_of(annotation)):
        return Remedy(Instead({name: [value] * count}), safe=safe)
    if isinstance(value, list) and len(value) == 1 and annotation in {int, int | None}:
        return Remedy(Instead({name: value[0]}), safe=safe)
    return Remedy(Rename(name), safe=safe)


def length_of(annotation: Any) -> int:
    """How many items a list type of a fixed length has; 0 for any other type."""
    items = get_args(annotation)
    if get_origin(annotation) is tuple:
        return 0 if Ellipsis in items else len(items)
    return max(map(length_of, items), default=0)


def takes_null(holder: type[BaseModel] | None, key: str | int) -> bool:
    """Whether the argument of a schema may be null."""
    fields: Mapping[str, Any] = {} if holder is None else holder.model_fields
    annotation = fields[str(key)].annotation if str(key) in fields else None
    union = get_origin(annotation) in {Union, types.UnionType}
    return union and type(None) in get_args(annotation)
