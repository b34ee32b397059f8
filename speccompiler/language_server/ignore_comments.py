"""The comment that keeps a finding of a line from being reported."""

from __future__ import annotations

import re

from speccompiler.diagnostics.core import Diagnostic, Edit, Fix, Span
from speccompiler.language_server.spec_file import SpecFile

_SAYS = re.compile(r"#+\s*convspec\s*:\s*ignore\[([^\]]*)\]")
_COMMENT = re.compile(r"(?:^|\s)#")
OF_COMMENTS = frozenset({"CS163", "CS164"})


def ignoring(file: SpecFile, diagnostic: Diagnostic) -> Fix | None:
    """The edit that writes the comment; None where a comment cannot be, or would not be read."""
    document = file.current.document
    own = diagnostic.file in {None, document.file} and diagnostic.code not in OF_COMMENTS
    if document.syntax != "yaml" or document.root is None or diagnostic.span is None or not own:
        return None
    number = diagnostic.span.line
    line = file.placed.lines[number - 1]
    title = f"ignore {diagnostic.code} on this line"
    said = _SAYS.search(line)
    if said is not None:
        at = Span(number, said.end(1) + 1, number, said.end(1) + 1)
        return Fix(title, (Edit(at, f", {diagnostic.code}"),), safe=False)
    comment = f"# convspec: ignore[{diagnostic.code}]"
    if _COMMENT.search(line) is None:
        end = len(line.rstrip()) + 1
        return Fix(title, (Edit(Span(number, end, number, len(line) + 1), f"  {comment}"),), False)
    # A line has one comment at most, and this one's is taken.
    indent = line[: len(line) - len(line.lstrip())]
    return Fix(title, (Edit(Span(number, 1, number, 1), f"{indent}{comment}\n"),), safe=False)
