"""What a project has decided on changes: ``[diff]`` of its settings, applied to a comparison.

::

    [diff]
    fail-on = "breaking,params>10%"
    severity.CD402 = "breaking"

    [[diff.ignore]]
    codes = ["CD501"]
    files = ["legacy/**"]
    layers = ["head_*"]
    until = 2027-01-31
    reason = "the head is trained anew for the release"
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from speccompiler.comparing.codes import CODES
from speccompiler.comparing.fail_on import BadCondition, Condition, read_conditions
from speccompiler.comparing.file_diff import FileDiff, IgnoredChange
from speccompiler.comparing.model_diff import Change, Impact
from speccompiler.diagnostics.core import Diagnostic, Severity, did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.policy.globs import file_matches, layer_matches
from speccompiler.policy.project import shared_name
from speccompiler.policy.settings import Settings
from speccompiler.policy.settings_keys import read_table
from speccompiler.policy.settings_reading import (
    Key,
    Reading,
    dotted,
    listed,
    one_of,
    table_of,
    tables,
    text,
    wrong,
)
from speccompiler.policy.toml_places import Path as Keys


@dataclass(frozen=True, slots=True)
class Ignore:
    """Changes that are accepted, until a day, and why. What is empty means all."""

    codes: tuple[str, ...]
    fingerprints: tuple[str, ...]
    files: tuple[str, ...]
    layers: tuple[str, ...]
    until: datetime.date | None
    reason: str | None

    def matches(self, change: Change, file: str) -> bool:
        """Whether it is about this change of a file, named from the settings' folder."""
        return (
            (not self.codes or change.code in self.codes)
            and (not self.fingerprints or change.fingerprint in self.fingerprints)
            and (not self.files or file_matches(file, self.files))
            and (
                not self.layers
                or (change.layer is not None and layer_matches(change.layer, self.layers))
            )
        )


@dataclass(frozen=True, slots=True)
class Decisions:
    """``[diff]`` of the settings."""

    fail_on: tuple[Condition, ...] | None = None
    """None where the settings say nothing."""
    severity: Mapping[str, Impact] | None = None
    ignore: tuple[Ignore, ...] = ()
    folder: Path = Path()
    """What the names of files are relative to."""
    file: str | None = None
    """The settings' file, as messages name it."""


def _conditions(value: Any, path: Keys, reading: Reading) -> tuple[Condition, ...] | None:
    written = text(value, path, reading)
    if written is None:
        return None
    try:
        return read_conditions(written)
    except BadCondition as bad:
        reading.refuse(path, f"'diff.fail-on': {bad.message}", bad.hint)
        return None


def _code(value: Any, path: Keys, reading: Reading) -> str | None:
    if isinstance(value, str) and value in CODES:
        return value
    if not isinstance(value, str):
        wrong(reading, path, value, "a code such as 'CD301'")
        return None
    hint = did_you_mean(value, CODES) or "docs/reference/changes.md lists the codes"
    at_key = bool(path) and path[-1] == value
    reading.refuse(path, f"no change '{shown(value)}'", hint, key=at_key)
    return None


def _day(value: Any, path: Keys, reading: Reading) -> datetime.date | None:
    """A date as TOML writes it: until the end of that day."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            pass
    wrong(reading, path, value, "a date such as 2027-01-31")
    return None


IGNORE_KEYS: Mapping[str, Key[Any]] = {
    "codes": Key(listed(_code), 'codes = ["CD501"]', "Which changes, by their codes.", ()),
    "fingerprints": Key(
        listed(text),
        'fingerprints = ["0a1b2c3d4e5f6071"]',
        "Which changes, each by the fingerprint that `--format json` shows.",
        (),
    ),
    "files": Key(
        listed(text), 'files = ["legacy/**"]', "In which files; in all where it is not said.", ()
    ),
    "layers": Key(
        listed(text),
        'layers = ["head_*"]',
        "Of which layers; of all, and of the model as a whole, where it is not said.",
        (),
    ),
    "until": Key(
        _day, "until = 2027-01-31", "The last day on which it counts; without it, it stays."
    ),
    "reason": Key(text, 'reason = "trained anew"', "Why. It is shown beside what is ignored."),
}
_CHOOSING = ("codes", "fingerprints", "files", "layers")


def _ignores(value: Any, path: Keys, reading: Reading) -> tuple[dict[str, Any], ...]:
    """The tables of ``ignore``; each says which changes it is about."""
    found = tables(IGNORE_KEYS)(value, path, reading)
    for number in range(len(found)):
        if not any(value[number].get(key) for key in _CHOOSING):
            place = (*path, number)
            reading.refuse(
                place,
                f"'{dotted(place)}' would ignore every change",
                f"say which: {', '.join(_CHOOSING)}",
                key=True,
            )
    return found


KEYS: Mapping[str, Key[Any]] = {
    "fail-on": Key(
        _conditions,
        'fail-on = "breaking,params>10%"',
        "What makes the exit status 1, as `--fail-on` says it; that comes first.",
    ),
    "severity": Key(
        table_of(_code, one_of(*Impact)),
        'severity.CD402 = "breaking"',
        "The impact of changes of a code: `breaking`, `cost` or `note`.",
        {},
    ),
    "ignore": Key(
        _ignores,
        "[[diff.ignore]]",
        "Changes that are accepted; a table for each decision. One that has passed its day, or "
        "that no change is like, is said as a note.",
        (),
    ),
}


def read_decisions(settings: Settings) -> Decisions:
    """``[diff]`` of a project's settings; ``SpecError`` with CS161 for what cannot be meant."""
    values = read_table(settings, "diff", settings.diff, KEYS)
    return Decisions(
        values["fail-on"],
        {code: Impact(impact) for code, impact in values["severity"].items()},
        tuple(Ignore(**each) for each in values["ignore"]),
        settings.folder,
        None if settings.file is None else settings.file.shown,
    )


def decided(
    files: Sequence[FileDiff], decisions: Decisions, today: datetime.date
) -> tuple[tuple[FileDiff, ...], tuple[Diagnostic, ...]]:
    """The comparison with the project's impacts and without what it ignores; notes on these.

    CS165 for an entry of ``ignore`` that has passed its day, or that is about nothing.
    """
    used: set[int] = set()
    result = tuple(_decided_file(file, decisions, today, used) for file in files)
    return result, tuple(_idle(decisions, today, used))


def _decided_file(
    file: FileDiff, decisions: Decisions, today: datetime.date, used: set[int]
) -> FileDiff:
    place = shared_name(file.path, decisions.folder.absolute())
    ignored: dict[str, IgnoredChange] = {}

    def decide(change: Change) -> Change | None:
        for number, ignore in enumerate(decisions.ignore):
            if ignore.matches(change, place):
                used.add(number)
                if ignore.until is None or today <= ignore.until:
                    ignored[change.fingerprint] = IgnoredChange(change, ignore.reason)
                    return None
        impact = (decisions.severity or {}).get(change.code)
        return change if impact is None else replace(change, impact=impact)

    made = file.mapped(decide)
    return replace(made, ignored=tuple(ignored.values()))


def _idle(decisions: Decisions, today: datetime.date, used: set[int]) -> Iterable[Diagnostic]:
    say = partial(Diagnostic, "CS165", severity=Severity.NOTE, file=decisions.file)
    for number, ignore in enumerate(decisions.ignore):
        entry = f"entry {number + 1} of [[diff.ignore]]{_told(ignore)}"
        if ignore.until is not None and today > ignore.until:
            yield say(
                f"{entry} has passed its day, {ignore.until.isoformat()}",
                hint="what it was about is reported again" if number in used else "remove it",
            )
        elif number not in used:
            yield say(f"{entry} is about no change of this comparison")


def _told(ignore: Ignore) -> str:
    return "" if ignore.reason is None else f" ('{shown(ignore.reason)}')"
