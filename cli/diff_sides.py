"""What ``convspec diff`` is asked to compare: files, folders, standard input, git revisions.

Every form ends as pairs of documents.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from speccompiler.cli.documents import check_name, read, specs_in
from speccompiler.comparing.file_pairs import pair_places
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.source.document import Document
from speccompiler.source.revision_copies import RevisionCopies


@dataclass(frozen=True, slots=True)
class Side:
    """One file, before or after."""

    place: str
    """What it is paired by: its path below the folder that was named."""
    name: str
    """What the user calls it: ``models/a.yaml``, ``HEAD~1:models/a.yaml``, ``<stdin>``."""
    document: Document


@dataclass(frozen=True, slots=True)
class SidePair:
    """A file before and after; one of the two is None where it was added or removed."""

    old: Side | None
    new: Side | None

    @property
    def name(self) -> str:
        """The newer of its names."""
        side = self.new or self.old
        assert side is not None, "a pair has a side"
        return side.name


@dataclass(frozen=True, slots=True)
class Sides:
    """Everything that is to be compared."""

    old_name: str
    new_name: str
    pairs: tuple[SidePair, ...]
    single: bool
    """Whether two files were named, and no folder or revision."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """How inputs are read: where copies of revisions go, and whether weights are copied too."""

    copies: RevisionCopies
    weights: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder: its specs by their places below it."""

    name: str
    sides: Mapping[str, Side]


def named_sides(names: Sequence[str], inputs: Inputs) -> Sides:
    """What ``convspec diff NAME...`` compares."""
    for name in names:
        check_name(name)
    if not names:
        raise click.UsageError("name what to compare: OLD NEW, or --git REVISION")
    first = names[0]
    if not is_there(first):
        # Most names are those of files; git is asked only about others.
        from speccompiler.cli.git_sides import changed_sides, repository_or_none

        repository = repository_or_none()
        span = None if repository is None else repository.span_or_none(first)
        if repository is not None and span is not None:
            if len(names) != 2 or is_there(names[1]):
                return changed_sides(repository, span, names[1:], inputs)
            if span.new is not None:
                raise click.UsageError(f"'{shown(first)}' names both sides already")
    if len(names) == 1:
        raise click.UsageError(
            f"'{shown(first)}' needs something to be compared with: convspec diff OLD NEW, or "
            f"since the last commit: convspec diff --git HEAD {shown(first)}"
        )
    if len(names) > 2:
        raise click.UsageError(
            f"OLD and NEW are two, and {len(names)} were named; with --git REVISION any number of "
            "files and folders"
        )
    return _two(names[0], names[1], inputs)


def is_there(name: str) -> bool:
    """Whether a name is that of a file or a folder, or of standard input."""
    return name == "-" or os.path.exists(name)


def _two(old_name: str, new_name: str, inputs: Inputs) -> Sides:
    if old_name == new_name == "-":
        raise click.UsageError("standard input can be one of the two: OLD or NEW")
    old, new = _side(old_name, inputs), _side(new_name, inputs)
    if isinstance(old, Side) and isinstance(new, Side):
        return Sides(old.name, new.name, (SidePair(old, new),), single=True)
    if isinstance(old, Tree) and isinstance(new, Tree):
        if not old.sides and not new.sides:
            raise click.UsageError(
                f"no spec in '{shown(old_name)}' or '{shown(new_name)}': no .yaml, .yml or .json "
                "file there says 'convspec' or 'class_name'"
            )
        return tree_sides(old, new)
    file, folder = (old, new) if isinstance(old, Side) else (new, old)
    raise click.UsageError(
        f"'{shown(file.name)}' is a file and '{shown(folder.name)}' a folder; name two files or "
        "two folders"
    )


def tree_sides(old: Tree, new: Tree) -> Sides:
    """The files of two folders, paired by place, and by content where they were renamed."""
    places = pair_places(*(_texts(tree) for tree in (old, new)))
    pairs = tuple(
        SidePair(
            None if pair.old is None else old.sides[pair.old],
            None if pair.new is None else new.sides[pair.new],
        )
        for pair in places
    )
    return Sides(old.name, new.name, pairs, single=False)


def _texts(tree: Tree) -> dict[str, str]:
    return {
        place: (side.document.wrapper or side.document).text for place, side in tree.sides.items()
    }


def _side(name: str, inputs: Inputs) -> Side | Tree:
    if os.path.isdir(name):
        found = {
            Path(document.shown_file).relative_to(name).as_posix(): document
            for document in specs_in(name)
        }
        sides = {place: Side(place, each.shown_file, each) for place, each in found.items()}
        return Tree(name, sides)
    if not is_there(name):
        from speccompiler.cli.git_sides import revision_side

        found_there = revision_side(name, inputs)
        if found_there is not None:
            return found_there
    document = read(name)
    return Side(Path(name).name, document.shown_file, document)
