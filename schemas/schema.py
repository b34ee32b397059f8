"""The base of every schema: a record that is read from data, strictly.

It has the names of a pydantic model, and raises what pydantic finds wrong, but is none: making
pydantic's classes and validators is most of what a short command would cost.
"""

from __future__ import annotations

from typing import Any, Self

from speccompiler.schemas.declaring import Unaccepted
from speccompiler.schemas.record import Record


class Schema(Record):
    """Strict, closed and immutable: see ``acceptance``."""

    def __init__(self, **data: Any) -> None:
        self._hold(*_read(type(self), data))

    @classmethod
    def model_validate(cls, data: Any) -> Self:
        """The record that a mapping describes. Raises ``Mismatch`` with every mistake."""
        return data if isinstance(data, cls) else cls.made(*_read(cls, data))

    @classmethod
    def accepted(cls, data: Any) -> Self:
        """The same for data that is plainly right. Raises ``Unaccepted``."""
        return data if isinstance(data, cls) else cls.made(*_accepted(cls, data))


def _read(schema: type[Schema], data: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The values of all fields, and the names of those that are given. Raises ``Mismatch``."""
    try:
        return _accepted(schema, data)
    except Unaccepted:
        from speccompiler.schemas.judgement import judged

        return judged(schema, data)


def _accepted(schema: type[Schema], data: Any) -> tuple[dict[str, Any], frozenset[str]]:
    fields = schema.model_fields
    if type(data) is not dict or not data.keys() <= fields.keys():
        raise Unaccepted
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = field.accepted(data[name])
        elif field.is_required():
            raise Unaccepted
        else:
            values[name] = field.get_default()
    return values, frozenset(data)
