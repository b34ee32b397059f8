"""What a comparison is between: files before and after, in pairs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from speccompiler.cli.documents import Passed
from speccompiler.comparing.file_pairs import pair_places
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
    path: str
    """Where the file is, or was, from the current folder; ``<stdin>`` for what is no file."""


@dataclass(frozen=True, slots=True)
class SidePair:
    """A file before and after; one of the two is None where it was added or removed."""

    old: Side | None
    new: Side | None

    @property
    def path(self) -> str:
        """The newer of its paths."""
        side = self.new or self.old
        assert side is not None, "a pair has a side"
        return side.path


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
    passed: Passed | None = None
    """Files that the project's settings exclude where nobody names them."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder: its specs by their places below it."""

    name: str
    sides: Mapping[str, Side]


def is_there(name: str) -> bool:
    """Whether a name is that of a file or a folder, or of standard input."""
    return name == "-" or os.path.exists(name)


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
