"""A file with a project's settings: ``convspec.toml``, or ``pyproject.toml`` with a table."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from speccompiler.diagnostics.core import Problem, Span, SpecError
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary
from speccompiler.files.system_errors import reading_reason
from speccompiler.frozen import dataclass

SHARED = "pyproject.toml"
_MAX_BYTES = 1 << 20
_PLACE = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file with settings, and the table that holds them."""

    path: Path
    """Absolute."""
    shown: str
    """What messages call it: from the current folder where it is below that."""
    text: str
    table: dict[str, Any]
    inside: tuple[str, ...]
    """The keys that lead to the table: none, or ``tool`` and ``convspec``."""


def settings_in(path: Path) -> SettingsFile | None:
    """The settings of a file that may have none; ``SpecError`` with CS160."""
    return _shared(path) if path.name == SHARED else read_settings_file(path)


def read_settings_file(path: Path) -> SettingsFile:
    """The settings of a file that is named; ``SpecError`` with CS160 where it has none."""
    if path.name == SHARED:
        found = _shared(path)
        if found is None:
            problem = Problem("CS160", "there is no table [tool.convspec]", "add it to the file")
            raise SpecError([problem.at(file=_shown(path))])
        return found
    path = Path(os.path.abspath(path))
    text = _text(path)
    return SettingsFile(path, _shown(path), text, _parsed(text, _shown(path)), ())


def _shared(path: Path) -> SettingsFile | None:
    """``[tool.convspec]`` of a pyproject.toml; most have none, and are not parsed."""
    text = _text(path)
    if "convspec" not in text:
        return None
    tool = _parsed(text, _shown(path)).get("tool", {})
    if not isinstance(tool, dict) or "convspec" not in tool:
        return None
    table = tool["convspec"]
    if not isinstance(table, dict):
        problem = Problem("CS160", "'tool.convspec' is not a table", "write it as [tool.convspec]")
        raise SpecError([problem.at(file=_shown(path))])
    return SettingsFile(
        Path(os.path.abspath(path)), _shown(path), text, table, ("tool", "convspec")
    )


def _shown(path: Path) -> str:
    below = os.path.join(os.getcwd(), "")
    return os.path.abspath(path).removeprefix(below)


def _text(path: Path) -> str:
    try:
        with open_ordinary(path) as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise Problem("CS160", "the settings are larger than 1 MiB", "check the name")
        return data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except NotOrdinary as refused:
        problem = Problem("CS160", f"the settings cannot be read: {refused.reason}")
    except OSError as error:
        problem = Problem("CS160", f"the settings cannot be read: {reading_reason(error)}")
    except UnicodeDecodeError as error:
        message = f"the byte 0x{error.object[error.start]:02x} at offset {error.start} is not UTF-8"
        problem = Problem("CS160", message, "save the file as UTF-8")
    except Problem as found:
        problem = found
    raise SpecError([problem.at(file=_shown(path))])


def _parsed(text: str, shown: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error)
        place = re.search(_PLACE, said)
        reason = said[: place.start()] if place else said
        lines = text.split("\n")
        line, column = len(lines), len(lines[-1]) + 1
        if place is not None and place[1]:
            line, column = int(place[1]), int(place[2])
        span = Span(line, column, line, column + 1)
        problem = Problem("CS160", f"this is not TOML: {reason[:1].lower()}{reason[1:]}")
        raise SpecError([problem.at(file=shown, span=span)]) from None
