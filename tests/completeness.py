"""Whether a table has a row for everything it is about; where not, the message says what to add."""

from __future__ import annotations

from collections.abc import Iterable


def assert_rows(table: str, found: Iterable[object], wanted: Iterable[object]) -> None:
    """``table`` is the table's name and file, for whoever has to add the row."""
    rows, things = set(map(_name, found)), set(map(_name, wanted))
    missing, unknown = sorted(things - rows), sorted(rows - things)
    assert not missing, f"add to {table}: {', '.join(missing)}"
    assert not unknown, f"{table} has rows for what is not there: {', '.join(unknown)}"


def _name(thing: object) -> str:
    return thing.__name__ if isinstance(thing, type) else str(thing)
