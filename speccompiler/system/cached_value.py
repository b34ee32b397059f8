"""A property that is worked out once. It has no lock, so that no fork finds one closed.

``functools.cached_property`` has one until Python 3.12: a child that is forked while a thread of
its parent works a value out would wait for ever. Here two threads may both work it out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class cached_value(Generic[Value]):
    """Decorates a method; its value is kept in the object's ``__dict__``."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, one: None, owner: type) -> cached_value[Value]: ...
    @overload
    def __get__(self, one: object, owner: type) -> Value: ...
    def __get__(self, one: object, owner: type) -> cached_value[Value] | Value:
        if one is None:
            return self
        value: Value = self._compute(one)
        one.__dict__[self._name] = value
        return value
