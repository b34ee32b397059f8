"""Takes values that are plainly right, by a field's type; leaves all others to pydantic.

Strict, as pydantic is told to be: a boolean is no number, a number is no text, and nothing
non-finite passes. A value that is accepted here is one that pydantic gives too; the reverse need
not hold (a subclass of int is left to it).
"""

from __future__ import annotations

import math
import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from speccompiler.schemas.declaring import Check, Discriminator, Mark, Tag, Unaccepted


def check_of(kind: Any) -> Check:
    """The check of a type: one of those that the schemas use, with their marks."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _marked(*arguments)
    if origin is Literal:
        return _one_of(arguments)
    if origin is Union or origin is types.UnionType:
        return _any_of(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is list:
        return _list(check_of(arguments[0]))
    if origin is dict:
        return _dict(check_of(arguments[0]), check_of(arguments[1]))
    if origin is frozenset:
        return _exactly(frozenset)
    if kind is float:
        return _float
    if kind is str:
        return _str
    if kind in {int, bool, types.NoneType}:
        return _exactly(kind)
    if kind in {Any, object}:
        return _anything
    accepted: Check = kind.accepted  # a schema
    return accepted


def _marked(kind: Any, *marks: Mark) -> Check:
    chooser = next((mark for mark in marks if isinstance(mark, Discriminator)), None)
    check = check_of(kind) if chooser is None else _chosen(chooser, get_args(kind))
    for mark in marks:
        check = mark.around(check)
    return check


def _chosen(chooser: Discriminator, members: Sequence[Any]) -> Check:
    by_tag = {mark.tag: m for m in members for mark in m.__metadata__ if isinstance(mark, Tag)}
    checks: dict[str, Check] = {}

    def check(value: Any) -> Any:
        tag = chooser.choose(value)
        if tag not in by_tag:
            raise Unaccepted
        if tag not in checks:  # most values are of the same member
            checks[tag] = check_of(by_tag[tag])
        return checks[tag](value)

    return check


def _any_of(members: Sequence[Any]) -> Check:
    """Of a union without a discriminator: None, or what one member alone accepts."""
    optional = types.NoneType in members
    checks = [check_of(member) for member in members if member is not types.NoneType]

    def check(value: Any) -> Any:
        if optional and value is None:
            return None
        if len(checks) == 1:
            return checks[0](value)
        found = []
        for each in checks:
            try:
                found.append(each(value))
            except Unaccepted:
                continue
        if len(found) != 1:
            raise Unaccepted
        return found[0]

    return check


def _one_of(allowed: Sequence[Any]) -> Check:
    def check(value: Any) -> Any:
        for each in allowed:
            if type(value) is type(each) and value == each:
                return each
        raise Unaccepted

    return check


def _tuple(items: Sequence[Any]) -> Check:
    if len(items) == 2 and items[1] is ...:
        each = check_of(items[0])

        def check_all(value: Any) -> Any:
            return tuple([each(item) for item in _exactly(tuple)(value)])

        return check_all
    checks = [check_of(item) for item in items]

    def check(value: Any) -> Any:
        if type(value) is not tuple or len(value) != len(checks):
            raise Unaccepted
        return tuple([one(item) for one, item in zip(checks, value, strict=True)])

    return check


def _list(each: Check) -> Check:
    return lambda value: [each(item) for item in _exactly(list)(value)]


def _dict(key: Check, each: Check) -> Check:
    return lambda value: {key(name): each(item) for name, item in _exactly(dict)(value).items()}


def _exactly(kind: type) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Unaccepted
        return value

    return check


def _float(value: Any) -> Any:
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise Unaccepted from None
    if type(value) is not float or not math.isfinite(value):
        raise Unaccepted
    return value


def _str(value: Any) -> Any:
    # Text with half a surrogate pair is none to pydantic.
    if type(value) is not str or not (value.isascii() or _is_unicode(value)):
        raise Unaccepted
    return value


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _anything(value: Any) -> Any:
    return value
