"""What a project says in ``convspec.toml`` or ``[tool.convspec]``: the one table of its keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from speccompiler.diagnostics.core import Severity, SpecError, did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.policy.project import project_root
from speccompiler.policy.settings_file import SettingsFile, find_settings, read_settings_file
from speccompiler.policy.settings_reading import (
    Key,
    Reading,
    dotted,
    listed,
    one_of,
    read_keys,
    table_of,
    tables,
    text,
    wrong,
)
from speccompiler.policy.toml_places import Path as Keys

OFF = "off"


@dataclass(frozen=True, slots=True)
class Ignore:
    """Findings that are not reported, and why."""

    codes: tuple[str, ...]
    files: tuple[str, ...]
    """Patterns relative to the settings' folder; none means every file."""
    layers: tuple[str, ...]
    """Patterns; none means findings of every layer, and those of none."""
    reason: str


@dataclass(frozen=True, slots=True)
class Settings:
    """A project's settings. Without a file each field has its default."""

    root: Path
    """What patterns and names are relative to: the folder of the file."""
    file: SettingsFile | None = None
    severity: Mapping[str, Severity | None] = field(default_factory=dict)
    """By code; None turns a finding off."""
    ignore: tuple[Ignore, ...] = ()
    exclude: tuple[str, ...] = ()
    baseline: Path | None = None
    diff: Mapping[str, Any] = field(default_factory=dict)
    """The table ``[diff]`` as it is written; ``read_table`` reads it by its own keys."""


def _code(value: Any, path: Keys, reading: Reading) -> str | None:
    """A code of a diagnostic."""
    from speccompiler.diagnostics.codes import CODES

    if isinstance(value, str) and value in CODES:
        if value in UNTOUCHED:
            reading.refuse(path, f"'{value}' is about the settings, which nothing turns off")
            return None
        return value
    at_key = bool(path) and path[-1] == value
    if not isinstance(value, str):
        wrong(reading, path, value, "a code such as 'CS050'")
        return None
    hint = did_you_mean(value, CODES) or "'convspec explain' lists the codes"
    reading.refuse(path, f"no diagnostic '{shown(value)}'", hint, key=at_key)
    return None


UNTOUCHED = frozenset({"CS160", "CS161", "CS162"})
"""Codes of the settings and the baseline themselves."""

_IGNORE: Mapping[str, Key[Any]] = {
    "codes": Key(listed(_code), 'codes = ["CS050"]', "The codes that are ignored.", ()),
    "files": Key(
        listed(text),
        'files = ["legacy/*.json"]',
        "In which files; in every file where it is not said.",
        (),
    ),
    "layers": Key(
        listed(text),
        'layers = ["block?_*"]',
        "Of which layers; of every layer, and of the model as a whole, where it is not said.",
        (),
    ),
    "reason": Key(text, 'reason = "kept as trained"', "Why; it has to be said."),
}


def _raw(value: Any, path: Keys, reading: Reading) -> Mapping[str, Any] | None:
    """A table that another part of the program reads."""
    if isinstance(value, dict):
        return value
    wrong(reading, path, value, "a table")
    return None


KEYS: Mapping[str, Key[Any]] = {
    "exclude": Key(
        listed(text),
        'exclude = ["third_party/**"]',
        "Files and folders that are passed over where a folder or a pattern is checked, and "
        "under `--specs-only`. A file that is named by itself is checked.",
        (),
    ),
    "baseline": Key(
        text,
        'baseline = "convspec-baseline.json"',
        "The file of findings that are accepted, as `--baseline` names it.",
    ),
    "severity": Key(
        table_of(_code, one_of(*Severity, OFF)),
        'severity.CS050 = "error"',
        "How bad findings of a code are: `error`, `warning`, `note`, or `off`, which does not "
        "report them.",
        {},
    ),
    "ignore": Key(
        tables(_IGNORE),
        "[[ignore]]",
        "Findings that are not reported; a table for each decision.",
        (),
    ),
    "diff": Key(_raw, "[diff]", "What `convspec diff` does.", {}),
}
"""The keys of the file; those of ``[diff]`` stand with what reads them."""
IGNORE_KEYS = _IGNORE


def load_settings(folder: Path, file: Path | None = None, *, isolated: bool = False) -> Settings:
    """The settings of a folder, or of a file that is named; ``SpecError``: CS160, CS161."""
    if isolated:
        return Settings(project_root(folder))
    found = find_settings(folder) if file is None else read_settings_file(file)
    return Settings(project_root(folder)) if found is None else _settings(found)


def read_table(
    settings: Settings, name: str, table: Mapping[str, Any] | None, keys: Mapping[str, Key[Any]]
) -> dict[str, Any]:
    """A table of the settings that has keys of its own, such as ``diff``; ``SpecError``: CS161."""
    if settings.file is None:
        return {name: key.default for name, key in keys.items()}
    reading = Reading(settings.file)
    values = read_keys(table or {}, keys, (name,), reading)
    if reading.found:
        raise SpecError(in_order(reading))
    return values


def _settings(file: SettingsFile) -> Settings:
    reading = Reading(file)
    values = read_keys(file.table, KEYS, (), reading)
    ignore = tuple(
        made
        for number, each in enumerate(values["ignore"])
        if (made := _ignore(each, ("ignore", number), reading)) is not None
    )
    if reading.found:
        raise SpecError(in_order(reading))
    folder = Path(os.path.abspath(file.path)).parent
    return Settings(
        folder,
        file,
        {
            code: None if said == OFF else Severity(said)
            for code, said in values["severity"].items()
        },
        ignore,
        values["exclude"],
        None if values["baseline"] is None else folder / values["baseline"],
        values["diff"],
    )


def _ignore(values: Mapping[str, Any], path: Keys, reading: Reading) -> Ignore | None:
    """One table of ``[[ignore]]``; codes and a reason are required."""
    written = reading.file.table["ignore"][path[-1]]
    complete = True
    for name in ("codes", "reason"):
        if name not in written:
            form = _IGNORE[name].form
            reading.refuse(path, f"'{dotted(path)}' has no '{name}'", f"add {form}", key=True)
            complete = False
    return Ignore(**values) if complete and not reading.found else None


def in_order(reading: Reading) -> list[Any]:
    """What is wrong with a file, by where it stands."""
    return sorted(
        reading.found, key=lambda d: (d.span.line, d.span.column) if d.span is not None else (0, 0)
    )
