"""Settings as the table of their keys says them: each key has a reader and its documentation.

A reader takes a value and where it stands, and gives what the key means. What it does not like
it reports, and reading goes on: every mistake of a file is found at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Generic, TypeVar

from speccompiler.diagnostics.core import Diagnostic, Problem, Span, did_you_mean
from speccompiler.diagnostics.wording import described, shown
from speccompiler.frozen import dataclass
from speccompiler.policy.settings_file import SettingsFile
from speccompiler.policy.toml_places import Path, Places, toml_places

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """A file that is being read, and what is wrong with it so far."""

    file: SettingsFile
    found: list[Diagnostic] = field(default_factory=list)
    _places: Places | None = None

    def refuse(
        self, path: Path, message: str, hint: str | None = None, *, key: bool = False
    ) -> None:
        """CS161 at a value, or at its key."""
        span = self.span(path, key=key)
        problem = Problem("CS161", message, hint)
        self.found.append(problem.at(file=self.file.shown, span=span))

    def span(self, path: Path, *, key: bool = False) -> Span | None:
        """Where a value or a key stands; where that is not known, what it is inside of."""
        if self._places is None:
            self._places = toml_places(self.file.text)
        whole = (*self.file.inside, *path)
        while whole:
            kinds = (self._places.keys, self._places.values)
            for kind in kinds if key else kinds[::-1]:
                if whole in kind:
                    return kind[whole]
            whole = whole[:-1]
        return None


Reader = Callable[[Any, Path, Reading], T]


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """What a key means, and what the documentation says of it."""

    read: Reader[T]
    form: str
    """An example of the line, for messages and the documentation."""
    says: str
    """Markdown."""
    default: Any = None


def read_keys(
    table: Mapping[str, Any], keys: Mapping[str, Key[Any]], path: Path, reading: Reading
) -> dict[str, Any]:
    """The values of a table by their keys, with the defaults of those that are not there."""
    for name in table.keys() - keys.keys():
        refuse_key(reading, (*path, name), keys)
    return {
        name: key.read(table[name], (*path, name), reading) if name in table else key.default
        for name, key in keys.items()
    }


def refuse_key(reading: Reading, path: Path, known: Iterable[str]) -> None:
    """CS161 for a key that there is not."""
    known = list(known)
    hint = did_you_mean(str(path[-1]), known) or f"keys: {', '.join(known)}"
    reading.refuse(path, f"there is no key '{shown(dotted(path))}'", hint, key=True)


def dotted(path: Path) -> str:
    """A path as people write it: ``severity.CS050``, ``ignore[1].codes``."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def wrong(reading: Reading, path: Path, value: object, expected: str) -> None:
    """CS161 for a value of another kind."""
    reading.refuse(path, f"'{dotted(path)}' is {described(value)}, not {expected}")


def text(value: Any, path: Path, reading: Reading) -> str | None:
    """Text that is not empty."""
    if isinstance(value, str) and value:
        return value
    wrong(reading, path, value, "a text")
    return None


def flag(value: Any, path: Path, reading: Reading) -> bool | None:
    """True or false."""
    if isinstance(value, bool):
        return value
    wrong(reading, path, value, "true or false")
    return None


def one_of(*allowed: str) -> Reader[str | None]:
    """One of these words."""

    def read(value: Any, path: Path, reading: Reading) -> str | None:
        if isinstance(value, str) and value in allowed:
            return value
        hint = did_you_mean(value, allowed) if isinstance(value, str) else None
        message = f"'{dotted(path)}' is {described(value)}; allowed: {', '.join(allowed)}"
        reading.refuse(path, message, hint)
        return None

    return read


def listed(item: Reader[T | None]) -> Reader[tuple[T, ...]]:
    """A list of what ``item`` reads; a single one stands for a list of it."""

    def read(value: Any, path: Path, reading: Reading) -> tuple[T, ...]:
        if not isinstance(value, list):
            items = [item(value, path, reading)]
        else:
            items = [item(each, (*path, n), reading) for n, each in enumerate(value)]
        return tuple(one for one in items if one is not None)

    return read


def table_of(name: Reader[str | None], item: Reader[T | None]) -> Reader[dict[str, T]]:
    """A table whose keys ``name`` reads, and whose values ``item``."""

    def read(value: Any, path: Path, reading: Reading) -> dict[str, T]:
        if not isinstance(value, dict):
            wrong(reading, path, value, "a table")
            return {}
        found = {}
        for key, each in value.items():
            read_name = name(key, (*path, key), reading)
            read_item = item(each, (*path, key), reading)
            if read_name is not None and read_item is not None:
                found[read_name] = read_item
        return found

    return read


def tables(keys: Mapping[str, Key[Any]]) -> Reader[tuple[dict[str, Any], ...]]:
    """An array of tables that have these keys: ``[[ignore]]``."""

    def read(value: Any, path: Path, reading: Reading) -> tuple[dict[str, Any], ...]:
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            reading.refuse(
                path, f"'{dotted(path)}' is no list of tables", f"write [[{dotted(path)}]]"
            )
            return ()
        return tuple(
            read_keys(each, keys, (*path, number), reading) for number, each in enumerate(value)
        )

    return read
