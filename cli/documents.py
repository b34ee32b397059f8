"""Which specs a command is asked about: files, folders, globs and standard input."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.source import Document, Mapping, decode_document, read_document
from speccompiler.source.findings import MAX_BYTES
from speccompiler.source.saved_models import is_model

if TYPE_CHECKING:
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.model import Model
    from speccompiler.weights import MatchName

SUFFIXES = {".yaml", ".yml", ".json"}
STDIN = "<stdin>"
_SAYS_SO = re.compile(r"^[\s{]*[\"']?(?:convspec|class_name)[\"']?\s*:", re.MULTILINE)


def read(name: str) -> Document:
    """The document of a path, or of standard input for ``-``."""
    if name == "-":
        return decode_document(sys.stdin.buffer.read(MAX_BYTES + 1), STDIN)
    return read_document(Path(name))


def expand(paths: Sequence[str]) -> Iterator[Document]:
    """The documents of all paths, each once. In a folder, only files that hold a spec count."""
    seen: set[str] = set()
    for path in paths:
        for document in _documents(path):
            if document.file not in seen:
                seen.add(document.file)
                yield document


def _documents(path: str) -> Iterator[Document]:
    if path == "-":
        yield read(path)
        return
    if Path(path).is_dir():
        found = list(_folder(Path(path)))
        if not found:
            raise click.UsageError(
                f"no spec in folder '{path}': no .yaml, .yml or .json file there says "
                "'convspec' or 'class_name'"
            )
        yield from found
        return
    if not Path(path).exists() and glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True))
        if not matches:
            raise click.UsageError(f"no file matches '{path}'")
        found = []
        for match in matches:
            found += _folder(Path(match)) if Path(match).is_dir() else [read(match)]
        if not found:
            raise click.UsageError(f"no spec in the folders that match '{path}'")
        yield from found
        return
    yield read(path)


def _folder(folder: Path) -> Iterator[Document]:
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix.lower() not in SUFFIXES or hidden or not file.is_file():
            continue
        document = read_document(file)
        if looks_like_spec(document):
            yield document


def looks_like_spec(document: Document) -> bool:
    """Whether a file found in a folder is meant for convspec, even with mistakes in it."""
    if document.root is not None and is_model(document.root):
        return True
    if isinstance(document.root, Mapping):
        return not {"convspec", "class_name"}.isdisjoint(document.root.entries)
    return document.root is None and _SAYS_SO.search(document.text) is not None


def load_model(
    name: str,
    *,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
    weights: str | None = None,
    seed: int | None = None,
    weights_by: MatchName | None = None,
) -> Model:
    """The model of a command that needs one; its warnings go to standard error.

    Raises ``SpecError`` with the spec's text remembered for whoever shows it.
    """
    from speccompiler.diagnostics import SpecError
    from speccompiler.model import check

    from .render import remember, show

    document = read(name)
    remember(document.file, document.text)
    model, diagnostics = check(
        document,
        semantics=semantics,
        dim_ordering=dim_ordering,
        weights=Path(weights) if weights is not None else None,
        seed=seed,
        weights_by=weights_by,
    )
    if model is None:
        raise SpecError(diagnostics)
    show(diagnostics)
    return model
