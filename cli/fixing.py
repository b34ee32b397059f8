"""``validate --fix``: what is mended in each spec, and what is shown of it."""

from __future__ import annotations

import codecs
import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from speccompiler.cli.documents import STDIN
from speccompiler.cli.fix_options import FixOptions
from speccompiler.cli.render import printable
from speccompiler.cli.spec_checks import check
from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError
from speccompiler.editing.fixing import Fixed, fixed
from speccompiler.files.atomic_output import atomic_file, write_failure
from speccompiler.frozen import dataclass
from speccompiler.options import LoadOptions
from speccompiler.policy.settings import Settings
from speccompiler.source.document import Document
from speccompiler.source.texts import parse_document
from speccompiler.system.unfinished_files import write_all


@dataclass(frozen=True, slots=True)
class Mended:
    """A document after its fixes."""

    document: Document
    before: str
    made: int

    @property
    def changed(self) -> bool:
        """Whether anything was mended."""
        return self.document.text != self.before


def mend(document: Document, options: LoadOptions, settings: Settings, *, unsafe: bool) -> Mended:
    """The document with its fixes made, in memory alone; findings that are ignored stay.

    A model inside an HDF5 file or another spec stays as it is.
    """
    if document.holder is not None or document.wrapper is not None or not document.text:
        return Mended(document, document.text, 0)

    def found_in(text: str) -> Sequence[Diagnostic]:
        found = check(parse_document(text, document.file), options, settings).found
        return [d for d in found if d.file == document.file]

    result: Fixed = fixed(document.text, found_in, unsafe=unsafe)
    if result.text == document.text:
        return Mended(document, document.text, 0)
    return Mended(parse_document(result.text, document.file), document.text, result.made)


def mend_all(
    documents: Sequence[Document],
    options: LoadOptions,
    settings: Settings,
    fixing: FixOptions,
) -> tuple[list[Document], int, bool]:
    """Every document after its fixes, how many were made, and whether that changes any.

    The fixes are written, or with ``--diff`` shown.
    """
    mended = [mend(d, options, settings, unsafe=fixing.unsafe_fixes) for d in documents]
    for one in mended:
        name = one.document.shown_file
        if fixing.diff:
            for line in difference(name, one.before, one.document.text):
                click.echo(line)
        elif one.changed or name == STDIN:
            write_text(name, one.document.text)
    return (
        [one.document for one in mended],
        sum(one.made for one in mended),
        any(one.changed for one in mended),
    )


def difference(name: str, before: str, after: str) -> Iterator[str]:
    """The lines of a unified diff; control characters of a file never reach a terminal."""
    old, new = before.splitlines(), after.splitlines()
    shown = printable(name).lstrip("/")
    for line in difflib.unified_diff(old, new, f"a/{shown}", f"b/{shown}", lineterm=""):
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[0])
        yield click.style(printable(line), fg=colour) if colour else printable(line)


def write_text(name: str, text: str) -> None:
    """Write a spec over itself, with the byte order mark that it had; of ``-`` to the output.

    The file shows the old text or the new, never a part; it keeps its permissions.
    """
    if name == STDIN:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        return
    path = Path(name)
    try:
        with path.open("rb") as file:
            mark = file.read(3) == codecs.BOM_UTF8
        data = (codecs.BOM_UTF8 if mark else b"") + text.encode()
        with atomic_file(path, len(data)) as stream:
            try:
                write_all(stream, data)
            except OSError as error:
                raise write_failure(error, "a part of the text") from None
    except Problem as problem:
        raise SpecError([problem.at(file=name)]) from None
