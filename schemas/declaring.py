"""How a schema is declared: what stands beside a field's type, and what checks its values.

Each mark of an ``Annotated`` type says two things: what it does to a value (``around``), and the
mark of pydantic's that does the same (``as_pydantic``). The words are pydantic's own. It is not
imported for a spec without mistakes: ``acceptance`` takes what is plainly right, ``judgement``
asks pydantic about everything else.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, LiteralString

Check = Callable[[Any], Any]
"""Gives the value as a field holds it; raises ``Unaccepted``."""


class Unaccepted(Exception):
    """Not plainly right: pydantic decides, and knows the words."""


class Refusal(Unaccepted):
    """What a check of the schemas says of a value; ``kind`` is the name of the error."""

    def __init__(
        self, kind: LiteralString, message: LiteralString, values: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.kind: LiteralString = kind
        self.message: LiteralString = message
        """With the names of ``values`` in braces."""
        self.values = values


class Mismatch(ValueError):
    """What pydantic finds wrong with the data for a schema."""

    def __init__(self, text: str, errors: Callable[[], list[dict[str, Any]]]) -> None:
        super().__init__(text)
        self.errors = errors
        """Kind, place, value and words of each mistake, as pydantic's ``ValidationError`` has."""


class Mark:
    """Something beside a type that only documents it, unless it says otherwise."""

    def around(self, check: Check) -> Check:
        """The check of the type with this mark, from the one without it."""
        return check

    def as_pydantic(self) -> Any:
        """The same for pydantic."""
        raise NotImplementedError


class Limits(Mark):
    """Bounds of a number, lengths of a text or list, or a pattern of a text."""

    def __init__(
        self,
        *,
        ge: float | None = None,
        gt: float | None = None,
        le: float | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        pattern: str | None = None,
    ) -> None:
        limits: dict[str, Any] = {
            "ge": ge,
            "gt": gt,
            "le": le,
            "min_length": min_length,
            "max_length": max_length,
            "pattern": pattern,
        }
        self.limits = {name: limit for name, limit in limits.items() if limit is not None}

    def around(self, check: Check) -> Check:
        """Accepts what lies within all of them."""
        tests = [(_WITHIN[name], limit) for name, limit in self.limits.items()]

        def checked(value: Any) -> Any:
            value = check(value)
            for within, limit in tests:
                if not within(value, limit):
                    raise Unaccepted
            return value

        return checked

    def as_pydantic(self) -> Any:
        """``pydantic.Field``."""
        from pydantic import Field

        return Field(**self.limits)


def _matches(value: str, pattern: str) -> bool:
    # Python's $ also stands before a line break at the end.
    return "\n" not in value and re.search(pattern, value) is not None


_WITHIN: Mapping[str, Callable[[Any, Any], bool]] = {
    "ge": lambda value, limit: value >= limit,
    "gt": lambda value, limit: value > limit,
    "le": lambda value, limit: value <= limit,
    "min_length": lambda value, limit: len(value) >= limit,
    "max_length": lambda value, limit: len(value) <= limit,
    "pattern": _matches,
}


class BeforeValidator(Mark):
    """A function that is given what was written, and gives what the type's own check is given."""

    def __init__(self, function: Check) -> None:
        self.function = function

    def around(self, check: Check) -> Check:
        """The function, then the check."""
        return lambda value: check(self.function(value))

    def as_pydantic(self) -> Any:
        """``pydantic.BeforeValidator``."""
        from pydantic import BeforeValidator as Pydantic

        return Pydantic(_told(self.function))


class AfterValidator(Mark):
    """A function that is given a value of the type."""

    def __init__(self, function: Check) -> None:
        self.function = function

    def around(self, check: Check) -> Check:
        """The check, then the function."""
        return lambda value: self.function(check(value))

    def as_pydantic(self) -> Any:
        """``pydantic.AfterValidator``."""
        from pydantic import AfterValidator as Pydantic

        return Pydantic(_told(self.function))


def _told(function: Check) -> Check:
    """The function with its refusals as pydantic's."""

    @functools.wraps(function)
    def told(value: Any) -> Any:
        try:
            return function(value)
        except Refusal as refusal:
            from pydantic_core import PydanticCustomError

            values = None if refusal.values is None else dict(refusal.values)
            raise PydanticCustomError(refusal.kind, refusal.message, values) from None

    return told


class Tag(Mark):
    """The name of a member of a union, by which a ``Discriminator`` chooses it."""

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def as_pydantic(self) -> Any:
        """``pydantic.Tag``."""
        from pydantic import Tag as Pydantic

        return Pydantic(self.tag)


class Discriminator(Mark):
    """Chooses the member of a union that a value has to be of, by the member's tag."""

    def __init__(
        self,
        choose: Callable[[Any], str | None],
        custom_error_type: str | None = None,
        custom_error_message: str | None = None,
    ) -> None:
        self.choose = choose
        self.custom_error_type = custom_error_type
        self.custom_error_message = custom_error_message

    def as_pydantic(self) -> Any:
        """``pydantic.Discriminator``."""
        from pydantic import Discriminator as Pydantic

        return Pydantic(self.choose, self.custom_error_type, self.custom_error_message)


class WithJsonSchema(Mark):
    """What JSON Schema says of the type."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def as_pydantic(self) -> Any:
        """``pydantic.WithJsonSchema``."""
        from pydantic import WithJsonSchema as Pydantic

        return Pydantic(self.schema)
