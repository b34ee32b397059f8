"""Immutable records whose fields say what they take; ``schema`` reads them from data."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

from speccompiler.schemas.acceptance import check_of
from speccompiler.schemas.declaring import Check

_NONE: Any = object()
"""In the place of a default: the field is required."""


class FieldInfo:
    """What a schema says of one field."""

    __slots__ = ("_check", "default", "default_factory", "description", "name", "owner")

    def __init__(
        self,
        default: Any = _NONE,
        *,
        default_factory: Callable[[], Any] | None = None,
        description: str | None = None,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.description = description
        self.name = ""
        self.owner: type[Record] = Record
        """The class that declares the field."""
        self._check: Check | None = None

    @property
    def annotation(self) -> Any:
        """The type, with its marks."""
        return self.owner.field_types()[self.name]

    def is_required(self) -> bool:
        """Whether it has to be given."""
        return self.default is _NONE and self.default_factory is None

    def get_default(self) -> Any:
        """The value of a field that is not given."""
        if self.default_factory is not None:
            return self.default_factory()
        return dict(self.default) if isinstance(self.default, dict) else self.default

    def accepted(self, value: Any) -> Any:
        """The value as the field holds it. Raises ``Unaccepted``."""
        if self._check is None:  # few fields are ever given
            self._check = check_of(self.annotation)
        return self._check(value)


def Field(
    default: Any = _NONE,
    *,
    default_factory: Callable[[], Any] | None = None,
    description: str | None = None,
) -> Any:
    """A field's default and its description, which becomes hover text in an editor."""
    return FieldInfo(default, default_factory=default_factory, description=description)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class Record:
    """Named values, which nothing changes."""

    model_fields: ClassVar[Mapping[str, FieldInfo]] = {}
    """The fields by name, those of the bases first."""
    _types: ClassVar[Mapping[str, Any]]

    if typing.TYPE_CHECKING:
        model_fields_set: ClassVar[frozenset[str]]
        """The names of the fields that were given."""

    def __init_subclass__(cls) -> None:
        own: dict[str, FieldInfo] = {}
        for name, kind in cls.__annotations__.items():
            if kind.startswith("ClassVar"):
                continue
            said = cls.__dict__.get(name, _NONE)
            field = said if isinstance(said, FieldInfo) else FieldInfo(said)
            field.name, field.owner = name, cls
            own[name] = field
            if said is not _NONE:
                delattr(cls, name)
        cls.model_fields = {**cls.model_fields, **own}

    def _hold(self, values: Mapping[str, Any], given: frozenset[str]) -> None:
        self.__dict__.update(values)
        self.__dict__["model_fields_set"] = given

    @classmethod
    def made(cls, values: Mapping[str, Any], given: frozenset[str]) -> Self:
        """One with these values, as they are."""
        made = cls.__new__(cls)
        made._hold(values, given)
        return made

    @classmethod
    def field_types(cls) -> Mapping[str, Any]:
        """The types of all fields, with their marks."""
        if "_types" not in cls.__dict__:  # those of the bases are others
            cls._types = typing.get_type_hints(cls, include_extras=True)
        return cls._types

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same with other values, which nothing checks."""
        values = {name: getattr(self, name) for name in self.model_fields}
        return self.made({**values, **update}, self.model_fields_set | update.keys())

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.model_fields])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        said = [f"{name}={getattr(self, name)!r}" for name in self.model_fields]
        return f"{type(self).__name__}({', '.join(said)})"

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")
