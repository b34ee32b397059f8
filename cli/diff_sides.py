"""What ``convspec diff`` is asked to compare: files, folders, standard input, git revisions.

Every form ends as pairs of documents.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from speccompiler.cli.compared_sides import (
    Inputs,
    Side,
    SidePair,
    Sides,
    Tree,
    is_there,
    tree_sides,
)
from speccompiler.cli.documents import check_name, read, specs_in
from speccompiler.diagnostics.core import SpecError, has_errors
from speccompiler.diagnostics.wording import shown
from speccompiler.source.document import Document


def named_sides(names: Sequence[str], inputs: Inputs) -> Sides:
    """What ``convspec diff NAME...`` compares."""
    for name in names:
        check_name(name)
    if not names:
        raise click.UsageError("name what to compare: OLD NEW, or --git REVISION")
    first = names[0]
    if not is_there(first):
        # Most names are those of files; git is asked only about others.
        from speccompiler.cli.git_sides import about_git, changed_sides, repository_or_none

        repository = repository_or_none()
        with about_git():
            span = None if repository is None else repository.span_or_none(first)
        if repository is not None and span is not None:
            if len(names) != 2 or is_there(names[1]) or not repository.knows(names[1]):
                return changed_sides(repository, span, names[1:], inputs)
            if span.new is not None:
                raise click.UsageError(f"'{shown(first)}' names both sides already")
    if len(names) == 1:
        raise _alone(first, inputs)
    if len(names) > 2:
        raise click.UsageError(
            f"OLD and NEW are two, and {len(names)} were named; with --git REVISION any number of "
            "files and folders"
        )
    return _two(names[0], names[1], inputs)


def _alone(name: str, inputs: Inputs) -> click.UsageError | SpecError:
    """What is to be said of a single name that is that of no revision."""
    example = "convspec diff OLD NEW"
    if is_there(name):
        said = f"{example}, or since the last commit: convspec diff --git HEAD {shown(name)}"
        example = example if name == "-" else said
    else:
        side = _side(name, inputs)
        if isinstance(side, Side) and has_errors(side.document.diagnostics):
            return SpecError(side.document.diagnostics)
        example = f"convspec diff {shown(name)} NEW"
    return click.UsageError(f"'{shown(name)}' needs something to be compared with: {example}")


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


def _side(name: str, inputs: Inputs) -> Side | Tree:
    if os.path.isdir(name):
        found = {
            Path(document.shown_file).relative_to(name).as_posix(): document
            for document in specs_in(name, inputs.passed)
        }
        sides = {
            place: Side(place, each.shown_file, each, each.shown_file)
            for place, each in found.items()
        }
        return Tree(name, sides)
    if not is_there(name):
        from speccompiler.cli.git_sides import revision_side

        found_there = revision_side(name, inputs)
        if found_there is not None:
            return found_there
    document = read(name)
    return _side_of(Path(name).name, document)


def _side_of(place: str, document: Document) -> Side:
    return Side(place, document.shown_file, document, document.shown_file)
