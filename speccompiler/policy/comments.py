"""Comments in a YAML spec that ignore findings: ``# convspec: ignore[CS012] the reason``.

Behind a line's text a comment is about that line; on a line of its own about the next one that
holds more than a comment. ``ignore-file[CS050]``, anywhere, is about the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import (
    Diagnostic,
    Edit,
    Fix,
    Problem,
    Severity,
    Span,
    did_you_mean,
)
from speccompiler.diagnostics.wording import described, shown
from speccompiler.frozen import dataclass
from speccompiler.source.document import Document
from speccompiler.source.positions import split_lines

_WORDS = ("ignore", "ignore-file")
_SAID = re.compile(r"(?<!\S)#+\s*convspec\s*:")
"""A comment for another tool may stand before it, on the same line."""
_FORM = re.compile(r"\s*(?P<word>[\w-]+)\s*(?:\[(?P<codes>[^\]]*)\](?P<reason>.*))?")


@dataclass(frozen=True, slots=True)
class Directive:
    """A code of a comment, and what it is ignored in."""

    code: str
    line: int | None
    """None for the whole file."""
    span: Span
    """Of the code."""
    comment: Span
    only: bool
    """Whether the comment has no other code."""


def directives(document: Document) -> tuple[tuple[Directive, ...], tuple[Diagnostic, ...]]:
    """What a document's comments ignore, and what is wrong with them: CS164."""
    if document.syntax != "yaml" or not _SAID.search(document.text):
        return (), ()
    from speccompiler.source.findings import Stop
    from speccompiler.source.yaml_comments import comments

    found: list[Directive] = []
    problems: list[Diagnostic] = []
    lines = split_lines(document.text)
    try:
        for comment in comments(document.text, document.file):
            said = _SAID.search(comment.text)
            if said is None:
                continue
            target = _next_line(lines, comment.span.line) if comment.alone else comment.span.line
            for item in _read(comment.text, said, comment.span, target):
                if isinstance(item, Directive):
                    found.append(item)
                else:
                    problems.append(replace(item, file=document.file))
    except Stop:
        return (), ()  # not YAML: nothing of it can be relied on
    return tuple(found), tuple(problems)


def _next_line(lines: Sequence[str], line: int) -> int:
    """The next line that holds more than a comment."""
    for number, text in enumerate(lines[line:], start=line + 1):
        if text.strip() and not text.lstrip().startswith("#"):
            return number
    return line


def _read(
    text: str, said: re.Match[str], comment: Span, line: int
) -> Iterable[Directive | Diagnostic]:
    form = _FORM.match(text, said.end())
    span = comment._replace(column=comment.column + said.start())
    word = "" if form is None else form["word"]
    if form is None or word not in _WORDS:
        # A commented-out 'convspec: 1', or a sentence, is none of ours.
        hint = did_you_mean(word, _WORDS)
        if hint is not None:
            yield _wrong(f"a comment for convspec says {described(word)}", hint, span)
        return
    if form["codes"] is None or not form["codes"].strip():
        hint = f"write the codes that are meant: {word}[CS012]"
        yield _wrong(f"the comment says no codes after '{word}'", hint, span)
        return
    from speccompiler.diagnostics.codes import CODES
    from speccompiler.policy.code_names import code_hint

    codes = list(re.finditer(r"[^\s,]+", form["codes"]))
    for found in codes:
        code = found.group()
        start = comment.column + form.start("codes") + found.start()
        place = Span(span.line, start, span.line, start + len(code))
        if code not in CODES:
            yield _wrong(f"no diagnostic '{shown(code)}'", code_hint(code), place)
        else:
            whole = word == "ignore-file"
            yield Directive(code, None if whole else line, place, span, len(codes) == 1)


def _wrong(message: str, hint: str, span: Span) -> Diagnostic:
    found = Problem("CS164", message, hint).at(span=span)
    return replace(found, severity=Severity.WARNING)


def is_ignored(found: Diagnostic, directive: Directive) -> bool:
    """Whether a directive is about a finding of its file."""
    if found.code != directive.code:
        return False
    return directive.line is None or (found.span is not None and found.span.line == directive.line)


def unused(directive: Directive, file: str, text: str) -> Diagnostic:
    """CS163, with the edit that takes the code out of its comment."""
    where = "this line has" if directive.line == directive.span.line else "the line below has"
    if directive.line is None:
        where = "the file has"
    return Diagnostic(
        "CS163",
        f"{where} no finding {directive.code} to ignore",
        Severity.WARNING,
        file,
        directive.span,
        hint="remove the comment" if directive.only else f"remove {directive.code} from it",
        fix=_removal(directive, text),
    )


def _removal(directive: Directive, text: str) -> Fix:
    """Not safe: other options may bring the finding back."""
    lines = split_lines(text)
    line = lines[directive.span.line - 1]
    if not directive.only:
        span = _with_comma(directive.span, line)
        return Fix(f"remove {directive.code}", (Edit(span, ""),), safe=False)
    comment = directive.comment
    before = line[: comment.column - 1].rstrip()
    if before or comment.line == len(lines):
        span = comment._replace(column=len(before) + 1)
    else:
        span = Span(comment.line, 1, comment.line + 1, 1)
    return Fix("remove the comment", (Edit(span, ""),), safe=False)


def _with_comma(span: Span, line: str) -> Span:
    """A code together with the comma after it, or with the one before the last code."""
    after = re.compile(r"[\s,]+").match(line, span.end_column - 1)
    if after is not None:
        return span._replace(end_column=after.end() + 1)
    before = re.compile(r"[\s,]+$").search(line[: span.column - 1])
    return span if before is None else span._replace(column=before.start() + 1)
