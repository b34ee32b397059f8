"""A comparison of files: the models in them compared, files that came or went, and what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256

from speccompiler.comparing.model_diff import Change, Impact, ModelDiff
from speccompiler.diagnostics.core import Diagnostic
from speccompiler.frozen import dataclass
from speccompiler.reports.shape_report import ShapeReport


class FileStatus(StrEnum):
    """What became of a file."""

    SAME = "same"
    """Its model is what it was, however its text changed."""
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    FAILED = "failed"
    """It has errors, so that there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file, before and after. Names are the user's; one is None where there is no file."""

    old_name: str | None
    new_name: str | None
    path: str
    """Where it is, or was, from the current folder; ``<stdin>`` for what is no file."""
    renamed: bool = False
    diff: ModelDiff | None = None
    """The models compared, where both could be read; with the project's own impacts."""
    report: ShapeReport | None = None
    """The model that was added or removed; None where what was removed had errors."""
    own_changes: tuple[Change, ...] = ()
    """Changes of the file itself: CD001 to CD004."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What is wrong with the file: with either of two that were named, else with the new one."""
    ignored: tuple[IgnoredChange, ...] = ()
    unchanged: bool = False
    """Whether its text is what it was, so that nothing was compared."""

    @property
    def name(self) -> str:
        """The newer of its names."""
        shown = self.new_name or self.old_name
        assert shown is not None, "a file has a name"
        return shown

    @property
    def changes(self) -> tuple[Change, ...]:
        """Those of the file, then those of the model."""
        return (*self.own_changes, *(() if self.diff is None else self.diff.changes))

    @property
    def status(self) -> FileStatus:
        """What became of it."""
        if self.diff is not None or self.unchanged:
            return FileStatus.CHANGED if self.changes else FileStatus.SAME
        if self.diagnostics:
            return FileStatus.FAILED
        return FileStatus.REMOVED if self.new_name is None else FileStatus.ADDED

    @property
    def gist(self) -> str:
        """``12 layers, 4,385 parameters`` of a model that was added or removed."""
        if self.report is None:
            return "a model with errors"
        layers, parameters = len(self.report.layers), self.report.parameters
        return (
            f"{layers} layer{'' if layers == 1 else 's'}, {parameters:,} "
            f"parameter{'' if parameters == 1 else 's'}"
        )

    def mapped(self, change: Callable[[Change], Change | None]) -> FileDiff:
        """The same with every change replaced, or left out for None."""

        def among(changes: Iterable[Change]) -> tuple[Change, ...]:
            return tuple(new for old in changes if (new := change(old)) is not None)

        diff = self.diff
        if diff is not None:
            layers = tuple(replace(p, changes=among(p.changes)) for p in diff.layers)
            diff = replace(diff, layers=layers, changes=among(diff.changes))
        return replace(self, diff=diff, own_changes=among(self.own_changes))


@dataclass(frozen=True, slots=True)
class IgnoredChange:
    """A change that the project's settings leave out, and the reason that they give."""

    change: Change
    reason: str | None


def counted(files: Iterable[FileDiff]) -> dict[Impact, int]:
    """How many changes of each impact there are, the worst first."""
    found = [change.impact for file in files for change in file.changes]
    return {impact: found.count(impact) for impact in Impact}


def added(name: str, path: str, place: str, report: ShapeReport) -> FileDiff:
    """A file that was not there. ``place`` is its path from the folder that is compared."""
    change = _of_file("CD001", Impact.NOTE, "the model is new", path, place)
    return FileDiff(None, name, path, report=report, own_changes=(change,))


def repaired(name: str, path: str, place: str, report: ShapeReport) -> FileDiff:
    """A file whose old version has errors: nobody could use it, so that its model is new."""
    text = "the old version has errors: there is nothing to compare with"
    change = _of_file("CD004", Impact.NOTE, text, path, place)
    return FileDiff(None, name, path, report=report, own_changes=(change,))


def removed(name: str, path: str, place: str, report: ShapeReport | None) -> FileDiff:
    """A file that is gone; without a report where it had errors."""
    change = _of_file("CD002", Impact.BREAKING, "the model is gone", path, place)
    return FileDiff(name, None, path, report=report, own_changes=(change,))


def moved(old: str, new: str, place: str) -> Change:
    """What is said of a file that lies elsewhere now."""
    text = f"the file was renamed: {old} -> {new}"
    change = _of_file("CD003", Impact.NOTE, text, new, place)
    return replace(change, old=old, new=new)


def _of_file(code: str, impact: Impact, message: str, path: str, place: str) -> Change:
    # Wherever the command is run, the same change has the same fingerprint.
    key = sha256(f"{code}\0{place}".encode("utf-8", "surrogateescape")).hexdigest()
    return Change(code, impact, message, key[:16], file=path)
