"""What a project makes of the findings of a spec: which are reported, and how bad they are.

Only reports change: a spec with errors stays one that no command can run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.frozen import dataclass
from speccompiler.policy.comments import Directive, directives, is_ignored, unused
from speccompiler.policy.settings import Settings
from speccompiler.source.document import Document


@dataclass(frozen=True, slots=True)
class Hidden:
    """A finding that is not reported."""

    found: Diagnostic
    by: str
    """``comment``, ``settings`` or ``baseline``."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings after the project's decisions."""

    shown: tuple[Diagnostic, ...]
    hidden: tuple[Hidden, ...] = ()


def judged(
    document: Document, found: Sequence[Diagnostic], settings: Settings, *, complete: bool
) -> Judged:
    """The findings of a spec after its comments and the settings.

    ``complete`` says that every check was made: where an error ended them, a comment without a
    finding may wait for its own.
    """
    shown, hidden = _after_comments(document, found, complete=complete)
    if settings.ignore or settings.severity:
        reported = []
        for one in shown:
            kept = _after_settings(one, settings)
            if kept is None:
                hidden.append(Hidden(one, "settings"))
            else:
                reported.append(kept)
        shown = reported
    return Judged(tuple(shown), tuple(hidden))


def _after_comments(
    document: Document, found: Sequence[Diagnostic], *, complete: bool
) -> tuple[list[Diagnostic], list[Hidden]]:
    shown = list(found)
    hidden: list[Hidden] = []
    for text in _texts(document):
        said, problems = directives(text)
        used: set[Directive] = set()
        for one in list(shown) if said else ():
            mine = [d for d in said if one.file == text.file and is_ignored(one, d)]
            if mine:
                used.update(mine)
                shown.remove(one)
                hidden.append(Hidden(one, "comment"))
        idle = [d for d in said if d not in used] if complete else []
        shown += [*problems, *(unused(d, text.file, text.text) for d in idle)]
    return shown, hidden


def _texts(document: Document) -> Iterator[Document]:
    """A document and the specs that wrap it."""
    text: Document | None = document
    while text is not None:
        yield text
        text = text.wrapper


def _after_settings(found: Diagnostic, settings: Settings) -> Diagnostic | None:
    """The finding as the settings have it; None where they do not report it."""
    if settings.ignore and _ignored(found, settings):
        return None
    level = settings.severity.get(found.code, found.severity)
    if level is None or level is found.severity:
        return None if level is None else found
    return replace(found, severity=level)


def _ignored(found: Diagnostic, settings: Settings) -> bool:
    from speccompiler.policy.globs import file_matches, layer_matches
    from speccompiler.policy.project import shared_name

    name = shared_name(found.file or "", settings.folder)
    return any(
        found.code in ignore.codes
        and (not ignore.files or file_matches(name, ignore.files))
        and (
            not ignore.layers
            or (found.layer is not None and layer_matches(found.layer, ignore.layers))
        )
        for ignore in settings.ignore
    )


def counted(found: Iterable[Diagnostic], settings: Settings) -> list[Diagnostic]:
    """The findings that decide the exit status: a level below error that the settings gave to a
    code keeps it from ending the command, even if it is of a file that cannot be read."""
    return [d for d in found if d.severity is Severity.ERROR or d.code not in settings.severity]
