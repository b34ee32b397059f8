"""Everything that one call of ``convspec diff`` compares, and whether it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from speccompiler.comparing.fail_on import Condition, Verdict, judge
from speccompiler.comparing.file_diff import FileDiff, FileStatus
from speccompiler.diagnostics.core import Diagnostic
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """A condition that a file breaks, or that cannot be decided for it."""

    file: FileDiff
    verdict: Verdict

    def __str__(self) -> str:
        doubt = "" if self.verdict.broken else ", which depends on open lengths"
        return f"{self.verdict.condition}: {self.verdict.reason}{doubt}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The files, and how they stand to the conditions of ``--fail-on``."""

    old_name: str
    new_name: str
    files: tuple[FileDiff, ...]
    single: bool
    """Whether two files were named, and no folder or revision."""
    conditions: tuple[Condition, ...] = ()
    broken: tuple[Judgement, ...] = ()
    undecided: tuple[Judgement, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    """What is to be said of the project's own decisions."""

    @property
    def same(self) -> bool:
        """Whether no file changed in anything that the compiler can see, and none failed."""
        return all(file.status is FileStatus.SAME for file in self.files)

    @property
    def exit_status(self) -> int:
        """0 same, 1 where a condition is broken, 2 where a version of a file has errors."""
        if any(file.status is FileStatus.FAILED for file in self.files):
            return 2
        return 1 if self.broken else 0

    def counts(self) -> str:
        """``2 files changed, 1 added, 3 as before``."""
        found = Counter(file.status for file in self.files)
        parts = [f"{found[s]} {_WORDS[s]}" for s in FileStatus if found[s]]
        renamed = sum(file.renamed for file in self.files)
        parts += [f"{renamed} renamed"] if renamed else []
        noun = "file" if len(self.files) == 1 else "files"
        return f"{len(self.files)} {noun}: {', '.join(parts)}" if parts else "no spec changed"


_WORDS = {
    FileStatus.SAME: "without a change",
    FileStatus.CHANGED: "changed",
    FileStatus.ADDED: "added",
    FileStatus.REMOVED: "removed",
    FileStatus.FAILED: "with errors",
}


def held_to(conditions: Sequence[Condition], files: Sequence[FileDiff]) -> list[Judgement]:
    """Every condition that a file breaks, or that cannot be decided for it."""
    return [
        Judgement(file, verdict)
        for file in files
        for condition in conditions
        if (verdict := judge(condition, file)).broken is not False
    ]
