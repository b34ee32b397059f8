"""One error of pydantic's, with what the schema says about the place where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.loading.schema_errors.paths import Path, Place


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at one place of the data; each kind of error has a rule that words it."""

    kind: str
    """pydantic's name of the kind of error: ``literal_error``, ``missing``."""
    place: Place
    found: Any
    """The value that the user gave."""
    limits: Mapping[str, Any]
    """What pydantic compared the value with, for kinds that have a limit."""
    message: str
    """What the schema's own checks say; pydantic's words for kinds that have no rule."""
    model: type[BaseModel]
    owner: str
    """What messages call the thing that ``model`` describes: ``Convolution2D``, ``the spec``."""

    @property
    def path(self) -> Path:
        """Where it is in the data: keys and indices."""
        return self.place.path

    @property
    def subject(self) -> str:
        """The argument and the place inside it: ``'subsample' item 2``."""
        return subject(self.path)


Rule = Callable[[Mistake], Problem]


def subject(path: Path) -> str:
    """The argument that a path is about, and the place inside it."""
    if not path:
        return "the value"
    text = f"'{path[0]}'"
    for part in path[1:]:
        text += f" item {part + 1}" if isinstance(part, int) else f" key '{shown(part)}'"
    return text


def values(count: int) -> str:
    """``1 value``, ``3 values``."""
    return "1 value" if count == 1 else f"{count} values"
