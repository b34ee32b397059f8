"""The findings that a project had when it took convspec up: they are not reported again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speccompiler.diagnostics.codes import CODES
from speccompiler.diagnostics.codes.code import Kind
from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary
from speccompiler.files.system_errors import reading_reason
from speccompiler.frozen import dataclass
from speccompiler.policy.fingerprints import fingerprints
from speccompiler.policy.project import shared_name

VERSION = 1
_KEYS = ("fingerprint", "code", "file", "layer", "message")
MAX_BYTES = 64 << 20
_UNREAD = "check the name, or write it with --write-baseline"
_AGAIN = "remove it, and write it again with --write-baseline"


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding that is accepted. All but the fingerprint is for people."""

    fingerprint: str
    code: str
    file: str
    layer: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of a file by their fingerprints."""

    entries: Mapping[str, Entry]

    def gone(self, met: Iterable[str], checked: Iterable[str], root: Path) -> tuple[Entry, ...]:
        """The entries that no longer occur: of files that were checked, or that are gone."""
        seen, names = set(met), set(checked)
        return tuple(
            entry
            for entry in self.entries.values()
            if entry.fingerprint not in seen
            and (entry.file in names or not (root / entry.file).exists())
        )


def accepted(found: Diagnostic) -> bool:
    """Whether a baseline may hold a finding: files that cannot be read are no finding of one."""
    return CODES[found.code].kind is Kind.INPUT


def entries_of(diagnostics: Sequence[Diagnostic], root: Path) -> list[Entry]:
    """The findings that a baseline may hold, as its entries."""
    marks = fingerprints(diagnostics, root)
    return [
        Entry(mark, d.code, shared_name(d.file or "", root), d.layer, d.message)
        for mark, d in zip(marks, diagnostics, strict=True)
        if accepted(d)
    ]


def baseline_text(entries: Iterable[Entry]) -> str:
    """The file of these entries, sorted so that it changes little."""
    in_order = sorted(
        entries, key=lambda e: (e.file, e.code, e.layer or "", e.message, e.fingerprint)
    )
    listed = [{key: getattr(entry, key) for key in _KEYS} for entry in in_order]
    return json.dumps({"format_version": VERSION, "findings": listed}, indent=2) + "\n"


def read_baseline(file: Path) -> Baseline:
    """The baseline of a file; ``SpecError`` with CS162."""
    try:
        with open_ordinary(file) as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise Problem("CS162", "the baseline is larger than 64 MiB", "check the name")
        entries = _entries(json.loads(content))
    except NotOrdinary as refused:
        problem = Problem("CS162", f"the baseline cannot be read: {refused.reason}", _UNREAD)
    except OSError as error:
        message = f"the baseline cannot be read: {reading_reason(error)}"
        problem = Problem("CS162", message, _UNREAD)
    except (ValueError, RecursionError):
        problem = Problem("CS162", "the baseline is not JSON", _AGAIN)
    except Problem as found:
        problem = found
    else:
        return Baseline({entry.fingerprint: entry for entry in entries})
    raise SpecError([problem.at(file=str(file))])


def _entries(data: Any) -> list[Entry]:
    if not isinstance(data, dict) or "format_version" not in data:
        raise Problem("CS162", "this is no baseline: it has no 'format_version'", _AGAIN)
    if data["format_version"] != VERSION:
        message = f"the baseline has format_version {data['format_version']!r}, not {VERSION}"
        raise Problem("CS162", message, f"{_AGAIN}, or use the convspec that wrote it")
    listed = data.get("findings", [])
    if not isinstance(listed, list):
        raise Problem("CS162", "'findings' of the baseline is no list", _AGAIN)
    entries = []
    for number, each in enumerate(listed, start=1):
        texts: list[Any] = [each.get(key) for key in _KEYS] if isinstance(each, dict) else [None]
        # Only a layer may be missing.
        known = [t for k, t in zip(_KEYS, texts, strict=False) if k != "layer" or t is not None]
        if not all(isinstance(text, str) for text in known):
            raise Problem("CS162", f"finding {number} of the baseline is incomplete", _AGAIN)
        entries.append(Entry(*texts))
    return entries
