"""Files as a git repository has them at a revision: which there are, which changed, their bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.system.git import GitFailed, NoGit, git

_RANGE = re.compile(r"(.*?)(\.{2,3})(?!\.)(.*)")
_IDENTITY = re.compile(r"[0-9a-f]+")
_FILE_MODES = ("100644", "100755")
_MOST_BYTES = 1 << 30
"""A blob that is larger is no spec, and no weight file that belongs into git."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file at a revision."""

    identity: str
    size: int


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, or the tree of one, under the name that the user gave it."""

    name: str
    tree: str
    """The identity of its tree."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one revision to another, or to the working tree (None)."""

    old: Revision
    new: Revision | None


@dataclass(frozen=True, slots=True)
class Repository:
    """A working tree of git."""

    root: Path
    """Its top folder."""

    def revision(self, name: str) -> Revision:
        """The revision of this name; CS015 where there is none."""
        found = self.revision_or_none(name)
        if found is not None:
            return found
        if not self.has_commits():
            raise Problem("CS015", f"no revision '{shown(name)}': this repository has no commit")
        raise Problem(
            "CS015",
            f"no revision '{shown(name)}' in this git repository",
            self.hint(name),
        )

    def hint(self, name: str, others: Iterable[str] = ()) -> str:
        """What to do about a name that is that of no revision, and of no one of ``others``."""
        alike = did_you_mean(name, [*others, *self.names()])
        if name.startswith("origin/"):
            fetch = f"git fetch origin {name.removeprefix('origin/')}"
            return " or ".join(filter(None, (alike, f"fetch it first: {fetch}")))
        return alike or "a clone of CI may hold one commit alone: git fetch, or fetch-depth: 0"

    def revision_or_none(self, name: str) -> Revision | None:
        """The revision of this name, or None."""
        if not name or name.startswith("-") or "\0" in name or ":" in name:
            return None
        try:
            found = self._git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}"
            )
        except GitFailed:
            return None
        identity = found.decode("ascii", "replace").strip()
        # ^main means what is not in main, and is no revision.
        return Revision(name, identity) if _IDENTITY.fullmatch(identity) else None

    def knows(self, name: str) -> bool:
        """Whether a name is that of a revision, or of something in one: ``main:models``."""
        return self.revision_or_none(name.partition(":")[0]) is not None

    def span(self, name: str) -> Span:
        """``main``, ``main..topic`` or ``main...topic`` (from where they part). CS015."""
        matched = _RANGE.fullmatch(name)
        if matched is None:
            return Span(self.revision(name), None)
        left, dots, right = matched[1] or "HEAD", matched[2], matched[3] or "HEAD"
        new = self.revision(right)
        return Span(self.merge_base(left, right) if dots == "..." else self.revision(left), new)

    def span_or_none(self, name: str) -> Span | None:
        """As ``span``; None where no part of the name is that of a revision, as in ``../a``."""
        parts = _RANGE.sub(r"\1 \3", name).split() if _RANGE.fullmatch(name) else [name]
        if not any(self.revision_or_none(part) for part in parts):
            return None
        return self.span(name)

    def merge_base(self, left: str, right: str) -> Revision:
        """Where two revisions part, as ``left...right`` means; CS015 where they never met."""
        for name in (left, right):
            self.revision(name)
        try:
            found = self._git("merge-base", "--end-of-options", left, right)
        except GitFailed:
            raise Problem(
                "CS015",
                f"'{shown(left)}' and '{shown(right)}' have no commit in common",
                f"compare them as they are: {left}..{right}; a shallow clone may lack the "
                "commit: git fetch --unshallow",
            ) from None
        # Shown as what was asked for: a number tells nobody anything.
        commit = self.revision(found.decode("ascii").strip())
        return Revision(f"{left}...{right}", commit.tree)

    def has_commits(self) -> bool:
        """Whether anything was committed yet."""
        return self.revision_or_none("HEAD") is not None

    def names(self) -> list[str]:
        """Branches and tags, short."""
        refs = self._git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
        remote = self._git("for-each-ref", "--format=%(refname:short)", "refs/remotes")
        return ["HEAD", *_lines(refs), *_lines(remote)]

    def place(self, path: str | Path) -> str:
        """A path of the file system as the repository names it: ``models/a.yaml``.

        The last name may be a link, and is not followed. CS015 for a path outside.
        """
        absolute = Path(os.path.abspath(path))
        real = Path(os.path.realpath(absolute.parent)) / absolute.name
        for root in (self.root, Path(os.path.realpath(self.root))):
            for each in (real, absolute, Path(os.path.realpath(absolute))):
                if each.is_relative_to(root):
                    found = each.relative_to(root).as_posix()
                    return "" if found == "." else found
        raise Problem("CS015", f"'{shown(str(path))}' is not in the git repository of this folder")

    def blobs(self, revision: Revision, folders: Sequence[str] = ("",)) -> dict[str, Blob]:
        """The files of a revision in folders, or under exact names, by their places."""
        named = [folder for folder in folders if folder]
        everything = "" in folders
        try:
            listed = self._git(
                "ls-tree", "-r", "-z", "-l", "--full-tree", revision.tree, "--",
                *([] if everything else named),
            )  # fmt: skip
        except GitFailed as failed:
            raise _said(failed) from None
        found = {}
        for entry in filter(None, listed.split(b"\0")):
            about, _, place = entry.partition(b"\t")
            mode, _, identity, size = about.decode("ascii").split()
            if mode in _FILE_MODES:
                found[_text(place)] = Blob(identity, int(size))
        return found

    def kind(self, revision: Revision, place: str) -> str | None:
        """``blob`` for a file of the revision, ``tree`` for a folder, None for neither."""
        if not place:
            return "tree"
        listed = self._git("ls-tree", "-z", "--full-tree", revision.tree, "--", place)
        for entry in filter(None, listed.split(b"\0")):
            about, _, name = entry.partition(b"\t")
            if _text(name) == place:
                return about.decode("ascii").split()[1]
        return None

    def near(self, revision: Revision, place: str) -> str | None:
        """A hint that names a file of the revision that is called much alike."""
        folder = str(PurePosixPath(place).parent)
        places = self.blobs(revision, ["" if folder == "." else folder])
        return did_you_mean(place, places)

    def read(self, blobs: Mapping[str, Blob]) -> dict[str, bytes]:
        """The bytes of files, by their places. One process reads them all."""
        wanted = {place: blob for place, blob in blobs.items() if blob.size <= _MOST_BYTES}
        asked = "".join(f"{blob.identity}\n" for blob in wanted.values()).encode("ascii")
        try:
            answer = self._git("cat-file", "--batch", given=asked) if wanted else b""
        except GitFailed as failed:
            raise _said(failed) from None
        return dict(zip(wanted, _contents(answer, wanted), strict=True))

    def changed(self, old: Revision, new: Revision | None, folders: Sequence[str]) -> list[str]:
        """Places of files that differ between revisions, or from the working tree (None).

        Files that git does not know yet count, those that it ignores do not.
        """
        among = ["--", *[f if f else "." for f in folders]] if folders else ["--"]
        asked = ["--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules"]
        try:
            if new is not None:
                found = self._git("diff-tree", "-r", *asked, old.tree, new.tree, *among)
            else:
                found = self._git("diff", *asked, old.tree, *among)
                found += self._git("ls-files", "-z", "--others", "--exclude-standard", *among)
        except GitFailed as failed:
            raise _said(failed) from None
        return sorted({_text(place) for place in found.split(b"\0") if place})

    def _git(self, *arguments: str, given: bytes = b"") -> bytes:
        return git(self.root, *arguments, given=given)


def find_repository(folder: Path) -> Repository:
    """The working tree that a folder is in. CS015 where it is in none, or git is missing."""
    try:
        top = git(folder, "rev-parse", "--show-toplevel")
    except NoGit as missing:
        raise Problem("CS015", str(missing), "install git, or name two files") from None
    except GitFailed as failed:
        if "not a git repository" in str(failed):
            raise Problem(
                "CS015",
                "this folder is in no git repository",
                "name two files or folders: convspec diff OLD NEW",
            ) from None
        raise _said(failed) from None
    root = _text(top.removesuffix(b"\n"))
    return Repository(Path(root or folder))


def _contents(answer: bytes, wanted: Iterable[str]) -> Iterator[bytes]:
    """The objects that ``cat-file --batch`` wrote, in the order that they were asked for."""
    at = 0
    for place in wanted:
        end = answer.index(b"\n", at)
        head = answer[at:end].split()
        if len(head) != 3:
            raise Problem(
                "CS015",
                f"git has no content of '{shown(place)}'",
                "a partial clone lacks it: git fetch",
            )
        size = int(head[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def _lines(answer: bytes) -> list[str]:
    return answer.decode("utf-8", "replace").splitlines()


def _text(place: bytes) -> str:
    return os.fsdecode(place)


def _said(failed: GitFailed) -> Problem:
    return Problem("CS015", f"git: {shown(str(failed), 200) or 'it failed and said nothing'}")
