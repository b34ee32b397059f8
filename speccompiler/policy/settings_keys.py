"""The keys of ``convspec.toml`` and ``[tool.convspec]``: one table, read and documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speccompiler.diagnostics.codes import CODES
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.diagnostics.wording import shown
from speccompiler.policy.code_names import code_hint
from speccompiler.policy.settings import Ignore, Settings
from speccompiler.policy.settings_file import SettingsFile
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


def _code(value: Any, path: Keys, reading: Reading) -> str | None:
    """A code of a diagnostic."""
    at_key = bool(path) and path[-1] == value
    if not isinstance(value, str):
        wrong(reading, path, value, "a code such as 'CS050'")
    elif value not in CODES:
        reading.refuse(path, f"no diagnostic '{shown(value)}'", code_hint(value), key=at_key)
    elif value in UNTOUCHED:
        message = f"'{value}' is about the settings, which nothing turns off"
        reading.refuse(path, message, key=at_key)
    else:
        return value
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


def read_table(
    settings: Settings, name: str, table: Mapping[str, Any], keys: Mapping[str, Key[Any]]
) -> dict[str, Any]:
    """A table of the settings that has keys of its own, such as ``diff``; ``SpecError``: CS161."""
    if settings.file is None:
        return {key: known.default for key, known in keys.items()}
    reading = Reading(settings.file)
    values = read_keys(table, keys, (name,), reading)
    _raise_what_is_wrong(reading)
    return values


def settings_of(file: SettingsFile) -> Settings:
    """The settings of a file; ``SpecError`` with everything that is wrong with them: CS161."""
    reading = Reading(file)
    values = read_keys(file.table, KEYS, (), reading)
    ignore = tuple(
        made
        for number, each in enumerate(values["ignore"])
        if (made := _ignore(each, number, reading)) is not None
    )
    _raise_what_is_wrong(reading)
    severity = values["severity"]
    baseline = values["baseline"]
    return Settings(
        file,
        {code: None if said == OFF else Severity(said) for code, said in severity.items()},
        ignore,
        values["exclude"],
        None if baseline is None else file.path.parent / baseline,
        values["diff"],
    )


def _ignore(values: Mapping[str, Any], number: int, reading: Reading) -> Ignore | None:
    """One table of ``[[ignore]]``; codes and a reason are required."""
    missing = [
        name for name in ("codes", "reason") if name not in reading.file.table["ignore"][number]
    ]
    for name in missing:
        path: Keys = ("ignore", number)
        hint = f"add {_IGNORE[name].form}"
        reading.refuse(path, f"'{dotted(path)}' has no '{name}'", hint, key=True)
    return None if missing or values["reason"] is None else Ignore(**values)


def _raise_what_is_wrong(reading: Reading) -> None:
    if reading.found:
        raise SpecError(sorted(reading.found, key=_place))


def _place(found: Diagnostic) -> tuple[int, int]:
    return (0, 0) if found.span is None else (found.span.line, found.span.column)
