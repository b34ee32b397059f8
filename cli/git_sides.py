"""The sides of a comparison that git knows: revisions, and what a diff driver is called with.

Files of revisions are read as copies (``RevisionCopies``) and keep the names that git gives them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

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
from speccompiler.cli.documents import SUFFIXES, check_name, read, with_model
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.diagnostics.wording import shown
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary
from speccompiler.source.document import Document
from speccompiler.source.files import read_document
from speccompiler.source.findings import MAX_BYTES
from speccompiler.source.revisions import Blob, Repository, Revision, Span, find_repository
from speccompiler.source.spec_marks import looks_like_spec
from speccompiler.system.git import GitFailed, git

_MOST_NAMED = 200
"""Places that git is asked about one by one; with more, it lists all."""


def git_sides(revision: str, names: Sequence[str], inputs: Inputs) -> Sides:
    """What ``convspec diff --git REVISION [PATH...]`` compares: what changed since."""
    for name in names:
        check_name(name)
    with about_git():
        repository = find_repository(Path.cwd())
        span = repository.span(revision)
    return changed_sides(repository, span, names, inputs)


def repository_or_none() -> Repository | None:
    """The repository of the current folder, if it is in one and git is there."""
    try:
        return find_repository(Path.cwd())
    except Problem:
        return None


def changed_sides(
    repository: Repository, span: Span, names: Sequence[str], inputs: Inputs
) -> Sides:
    """The specs that differ between two revisions, or from the working tree, below ``names``."""
    with about_git():
        places = {name: repository.place(name) for name in names}
        patterns = [name for name in names if _is_pattern(repository, span, name, places[name])]
        within = [places[name] for name in names if name not in patterns]
        for name in names:
            if name not in patterns:
                _check_known(repository, span, name, places[name])
        changed = repository.changed(span.old, span.new, [] if patterns else within)
        if patterns:
            matched = _matched(repository, span, {p: places[p] for p in patterns}, changed)
            changed = [p for p in changed if p in matched or _is_below(p, within)]
        # A file that is named counts whatever its name ends in, and though it is as before: what
        # it names may have changed.
        files = {p for p in within if p and not (repository.root / p).is_dir()}
        wanted = sorted(files | {p for p in changed if _is_wanted(repository, p, inputs)})
        old = _tree(repository, span.old, wanted, "", inputs)
        if span.new is not None:
            new = _tree(repository, span.new, wanted, "", inputs)
        else:
            new = _working_tree(repository, wanted)
    keep = {
        place
        for tree in (old, new)
        for place, side in tree.sides.items()
        if place in files or looks_like_spec(side.document.wrapper or side.document)
    }
    trees = [
        Tree(tree.name, {p: side for p, side in tree.sides.items() if p in keep})
        for tree in (old, new)
    ]
    return tree_sides(*trees)


def revision_side(name: str, inputs: Inputs) -> Side | Tree | None:
    """What ``HEAD~1:model.yaml``, ``main:models`` or ``main`` means.

    None where the name can only be that of a file. CS015.
    """
    try:
        repository = find_repository(Path.cwd())
    except Problem as problem:
        if _is_file_name(name):
            return None
        message = f"'{shown(name)}' is no file, and {problem.message}"
        raise SpecError([Problem("CS015", message, problem.hint).at()]) from None
    label, colon, path = name.partition(":")
    revision = repository.revision_or_none(label)
    if revision is None:
        if colon and label and not path.startswith(("/", "\\")):
            with about_git():
                repository.revision(label)
        return _neither(repository, name)
    with about_git():
        place = _place_in(repository, path)
        kind = repository.kind(revision, place)
        if kind == "tree":
            listed = repository.blobs(revision, [place])
            places = [p for p in listed if _is_wanted(repository, p, inputs)]
            found = _tree(repository, revision, places, place, inputs).sides
            sides = {
                p: side
                for p, side in found.items()
                if looks_like_spec(side.document.wrapper or side.document)
            }
            return Tree(name, sides)
        blobs = repository.blobs(revision, [place]) if kind == "blob" else {}
        if place not in blobs:
            raise Problem(
                "CS015",
                f"no file '{shown(place)}' in '{shown(label)}'",
                repository.near(revision, place),
            )
    return _tree(repository, revision, [place], "", inputs).sides[place]


def driver_sides(names: Sequence[str], inputs: Inputs) -> Sides:
    """What git's call of a diff driver is about: path, old file, hex and mode, the new ones.

    After a rename the new path and a header follow. ``/dev/null`` stands for no file.
    """
    if len(names) not in {7, 9}:
        raise click.UsageError(
            f"git calls a diff driver with 7 or 9 arguments, and {len(names)} were given; set it "
            'up with: git config diff.convspec.command "convspec diff --git-driver"'
        )
    places = (names[0], names[7] if len(names) == 9 else names[0])
    old = _lent("a/", places[0], names[1], inputs)
    new = _lent("b/", places[1], names[4], inputs)
    pairs = (SidePair(old, new),) if old or new else ()
    both = old is not None and new is not None
    return Sides(f"a/{places[0]}", f"b/{places[1]}", pairs, single=both)


def wants_colour(*, on_terminal: bool) -> bool:
    """Whether git would colour a difference, as its settings say."""
    try:
        said = git(Path.cwd(), "config", "--get-colorbool", "color.diff", str(on_terminal).lower())
    except GitFailed:
        return False
    return said.strip() == b"true"


def _lent(prefix: str, place: str, file: str, inputs: Inputs) -> Side | None:
    """A file that git lends; what it names is looked for in the working tree."""
    if file == os.devnull:
        return None
    data = _bytes(file)
    if data is None:
        raise SpecError([Problem("CS001", "the file cannot be read").at(file=file)])
    document = _copied(prefix, place, data, _bytes, inputs)
    return Side(place, f"{prefix}{place}", document, place)


def _is_pattern(repository: Repository, span: Span, name: str, place: str) -> bool:
    """Whether a name is a pattern such as ``models/*.yaml``, and no file's that is called so."""
    from glob import has_magic

    sides = (span.old, *([] if span.new is None else [span.new]))
    there = is_there(name) or any(repository.kind(side, place) for side in sides)
    return has_magic(name) and not there


def _matched(
    repository: Repository, span: Span, patterns: Mapping[str, str], changed: Iterable[str]
) -> set[str]:
    """The places that patterns mean; CS015 for one that means no file on either side."""
    from speccompiler.policy.globs import file_matches

    known = {*changed, *repository.blobs(span.old)}
    found: set[str] = set()
    for name, place in patterns.items():
        matched = {each for each in known if file_matches(each, [f"/{place}"])}
        if not matched:
            raise Problem("CS015", f"no file matches '{shown(name)}'")
        found |= matched
    return found


def _is_below(place: str, folders: Iterable[str]) -> bool:
    """Whether a place is one of these, or in one of them."""
    return any(each in {"", place} or place.startswith(f"{each}/") for each in folders)


def _check_known(repository: Repository, span: Span, name: str, place: str) -> None:
    """Raise CS015 for a name that neither side has: git would find that nothing changed."""
    sides = [span.old, *([] if span.new is None else [span.new])]
    if any(repository.kind(side, place) for side in sides) or (span.new is None and is_there(name)):
        return
    other = "the working tree" if span.new is None else f"'{shown(span.new.name)}'"
    raise Problem(
        "CS015",
        f"'{shown(name)}' is neither in '{shown(span.old.name)}' nor in {other}",
        repository.near(span.old, place),
    )


def _is_file_name(name: str) -> bool:
    """Whether a name looks like that of a file, and not like a revision or a file of one."""
    label, colon, path = name.partition(":")
    if colon and len(label) > 1 and not path.startswith(("/", "\\")):
        return False
    ending = Path(name).suffix.lower()
    return (
        ending in {*SUFFIXES, ".h5", ".hdf5"} or name.startswith((".", "~", os.sep)) or bool(colon)
    )


def _neither(repository: Repository, name: str) -> Side | Tree | None:
    """Raise CS015 for a name that is much like a revision; else it is that of a file."""
    if _is_file_name(name):
        return None
    if repository.has_commits():
        said = "is neither a file nor a revision of this repository"
        hint = repository.hint(name, os.listdir())
    else:
        said, hint = "is no file, and this repository has no commit", None
    raise SpecError([Problem("CS015", f"'{shown(name)}' {said}", hint).at()])


def _place_in(repository: Repository, path: str) -> str:
    """The place that the part after the colon means; git's ``./`` counts from this folder."""
    if path.startswith(("./", "../")):
        return repository.place(path)
    place = os.path.normpath(path.strip("/") or ".").replace(os.sep, "/")
    return "" if place == "." else place


def _is_wanted(repository: Repository, place: str, inputs: Inputs) -> bool:
    """Whether a file that nobody named may be a spec, and is not excluded."""
    if not _may_be_spec(place):
        return False
    return inputs.passed is None or not inputs.passed(_from_here(repository.root / place))


def _may_be_spec(place: str) -> bool:
    path = PurePosixPath(place)
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _tree(
    repository: Repository,
    revision: Revision,
    places: Sequence[str],
    below: str,
    inputs: Inputs,
) -> Tree:
    """Files of a revision, copied and read; their places count from the folder ``below``."""
    if not places:
        return Tree(revision.name, {})
    asked = places if len(places) <= _MOST_NAMED else [below]
    listed = repository.blobs(revision, asked)
    blobs = {place: listed[place] for place in places if place in listed}
    # Of text nothing larger is read; the blob of an HDF5 file is copied whole.
    texts = {p: b for p, b in blobs.items() if not _may_be_spec(p) or b.size <= MAX_BYTES}
    prefix = f"{revision.name}:"
    sides = {}
    for place, data in repository.read(texts).items():
        lookup = _lookup(repository, revision)
        document = _copied(prefix, place, data, lookup, inputs)
        key = place.removeprefix(f"{below}/") if below else place
        sides[key] = Side(key, f"{prefix}{place}", document, _from_here(repository.root / place))
    return Tree(revision.name, sides)


def _lookup(repository: Repository, revision: Revision) -> Callable[[str], bytes | None]:
    def lookup(place: str) -> bytes | None:
        found: Mapping[str, Blob] = repository.blobs(revision, [place])
        only = {place: found[place]} if place in found else {}
        return repository.read(only).get(place)

    return lookup


def _copied(
    prefix: str, place: str, data: bytes, lookup: Callable[[str], bytes | None], inputs: Inputs
) -> Document:
    """A file copied and read, with what it names beside it."""
    copies = inputs.copies
    path = copies.put(prefix, place, data)
    document = read_document(path)
    copies.put_named(prefix, place, document.root, lookup, weights=inputs.weights)
    return with_model(document)


def _working_tree(repository: Repository, places: Iterable[str]) -> Tree:
    """Files as they are now; their names are those that the user would give them."""
    sides = {}
    for place in places:
        path = repository.root / place
        if not path.is_file() or path.is_symlink():
            continue
        document = read(_from_here(path))
        sides[place] = Side(place, document.shown_file, document, document.shown_file)
    return Tree("working tree", sides)


def _from_here(path: Path) -> str:
    """A path as the user would write it; whole where it is on another drive."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def _bytes(file: str) -> bytes | None:
    try:
        with open_ordinary(Path(file)) as stream:
            return stream.read()
    except (NotOrdinary, OSError):
        return None


@contextmanager
def about_git() -> Iterator[None]:
    """What is wrong inside is about the command line, and no file of its own."""
    try:
        yield
    except Problem as problem:
        raise SpecError([problem.at()]) from None
