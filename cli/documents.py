"""Which specs a command is asked about: files, folders, globs and standard input."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.cli.spec_texts import SpecTexts
from speccompiler.cli.streams import standard_input
from speccompiler.diagnostics.core import Problem
from speccompiler.source.document import Document
from speccompiler.source.files import decode_document, read_document
from speccompiler.source.findings import MAX_BYTES
from speccompiler.source.saved_model_folders import is_saved_model
from speccompiler.source.spec_marks import looks_like_spec
from speccompiler.source.tree import Mapping

if TYPE_CHECKING:
    from speccompiler.loading.replacement.answers import Answers
    from speccompiler.model import Model
    from speccompiler.options import LoadOptions

SUFFIXES = {".yaml", ".yml", ".json"}
STDIN = "<stdin>"


def read(name: str) -> Document:
    """The document of a path, or of standard input for ``-``; of a wrapper, its model's."""
    check_name(name)
    return with_model(_read(name))


def _read(name: str) -> Document:
    if name != "-":
        return read_document(Path(name))
    try:
        return decode_document(standard_input("CS001").read(MAX_BYTES + 1) or b"", STDIN)
    except Problem as problem:
        found = problem
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        found = Problem("CS001", f"standard input cannot be read: {reason}")
    return Document(STDIN, "", None, (found.at(file=STDIN),))


def check_name(name: str) -> None:
    """Refuse an empty name: it would mean the current folder, but comes from an unset variable."""
    if not name:
        raise click.UsageError("a name is empty; name a file or a folder, '.' for this one")


def with_model(document: Document) -> Document:
    """The model that a spec wraps; most wrap none, and are spared the import of the schemas."""
    if isinstance(document.root, Mapping) and {"model", "replace"} & document.root.entries.keys():
        from speccompiler.loading.wrapped_model import unwrapped

        return unwrapped(document)
    return document


def remember_texts(document: Document, answers: Answers | None = None) -> None:
    """Keep every text of a model, so that findings can show their lines."""
    kept = SpecTexts.of_command()

    texts: Document | None = document
    while texts is not None:
        kept[texts.file] = texts.text
        texts = texts.wrapper
    if not answers:
        return
    from speccompiler.loading.replacement.answers import answer_text, source_name

    for name, answer in answers.items():
        with contextlib.suppress(Problem):
            kept[source_name(name)] = answer_text(answer)


class Passed:
    """Which files are passed over that nobody named by themselves; remembers whether any was."""

    def __init__(self, excluded: Callable[[str], bool] | None = None) -> None:
        self._excluded = excluded
        self.any = False

    def __call__(self, file: str) -> bool:
        """Whether this file is."""
        if self._excluded is None or not self._excluded(file):
            return False
        self.any = True
        return True


def expand(paths: Sequence[str], passed: Passed | None = None) -> Iterator[Document]:
    """The documents of all paths, each once. In a folder, only files that hold a spec count."""
    seen: set[str] = set()
    for path in paths:
        for document in _documents(path, passed or Passed()):
            if document.shown_file not in seen:
                seen.add(document.shown_file)
                yield document


def _documents(path: str, passed: Passed) -> Iterator[Document]:
    check_name(path)
    if path == "-":
        yield read(path)
        return
    if Path(path).is_dir():
        found = specs_in(path, passed)
        if not found and is_saved_model(Path(path)):
            yield read(path)
            return
        if not found and not passed.any:
            raise click.UsageError(
                f"no spec in folder '{path}': no .yaml, .yml or .json file there says "
                "'convspec' or 'class_name'"
            )
        yield from found
        return
    if not Path(path).exists() and (matches := _matches(path)) is not None:
        if not matches:
            raise click.UsageError(f"no file matches '{path}'")
        found = []
        for match in matches:
            if Path(match).is_dir():
                found += _folder(Path(match), passed)
            elif not passed(match):
                found.append(read(match))
        if not found and not passed.any:
            raise click.UsageError(f"no spec in the folders that match '{path}'")
        yield from found
        return
    yield read(path)


def _matches(pattern: str) -> list[str] | None:
    """The files and folders that a pattern means; None for what is no pattern."""
    import glob

    return sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else None


def specs_in(folder: str, passed: Passed | None = None) -> list[Document]:
    """The specs in a folder and in those below it."""
    return list(_folder(Path(folder), passed or Passed()))


def files_of(path: str) -> list[str]:
    """The files that a path means now, by their names alone; itself where it is neither."""
    if Path(path).is_dir():
        return sorted(map(str, _files(Path(path))))
    if Path(path).exists() or (matches := _matches(path)) is None:
        return [path]
    return [file for match in matches for file in files_of(match)]


def _folder(folder: Path, passed: Passed) -> Iterator[Document]:
    for file in sorted(_files(folder)):
        if passed(str(file)):
            continue
        document = read_document(file)
        if looks_like_spec(document):
            yield with_model(document)


def _files(folder: Path) -> Iterator[Path]:
    """Files with a spec's suffix that are not hidden; folders that cannot be read hold none."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file, hidden = Path(root, name), name.startswith(".")
            if file.suffix.lower() in SUFFIXES and not hidden and os.path.isfile(file):
                yield file


def load_model(name: str, options: LoadOptions) -> Model:
    """The model of a command that needs one; its warnings go to standard error.

    Raises ``SpecError`` with the spec's text remembered for whoever shows it.
    """
    from speccompiler.cli.render import show
    from speccompiler.diagnostics.core import SpecError
    from speccompiler.model import checked

    document = read(name)
    remember_texts(document, options.replace)
    model, diagnostics = checked(document, options)
    if model is None:
        raise SpecError(diagnostics)
    show(diagnostics)
    return model
