"""PyYAML's parse errors in plain words, at the place a user must change.

Both of PyYAML's parsers are covered: libyaml's, and the one in Python, which words
the same errors differently.
"""

from __future__ import annotations

import re

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.source.findings import Findings
from speccompiler.source.yaml_scalars import refused_tag

_BLOCKS = ("while parsing a block mapping", "while parsing a block collection")
_CLOSERS = {"[": "]", "{": "}"}
_INDENT = re.compile(r"[ \t]*")
_LAST_LINE_START = re.compile(r"[^\r\n]*\Z")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_WORD = re.compile(r"[^\s,\[\]{}]*")

# What the parser's words contain, what it means, what to do; the place is the problem's.
_AT_PROBLEM = (
    (
        "sequence entries are not allowed",
        "a list item '- ' cannot start here",
        "put each '- ' on its own line below its key, indented equally",
    ),
    ("<document start>", "text follows after the end of the document", "remove it"),
    ("incompatible YAML document", "only YAML 1.1 and 1.2 are understood", "remove the directive"),
    (
        "node content",
        "a value is expected here",
        "write a value, or put text that starts with a special character in quotes",
    ),
)


def _tab(findings: Findings, at: int) -> int | None:
    """The offset of a tab in the indentation of the line at an offset."""
    before = _LAST_LINE_START.search(findings.text, max(0, at - 1000), at)
    start = at if before is None else before.start()
    indent = _INDENT.match(findings.text, start)
    tab = findings.text.find("\t", start, start if indent is None else indent.end())
    return None if tab < 0 else tab


def _first_match(pattern: re.Pattern[str], text: str, at: int) -> str:
    found = pattern.match(text, at)
    return "" if found is None else found.group()


def _unclosed(findings: Findings, opened: int, at: int) -> tuple[Problem, int]:
    """A flow collection that does not go on with ',' or its closing bracket."""
    text, lines = findings.text, findings.lines
    opener = text[opened] if text[opened] in _CLOSERS else "["
    closer = _CLOSERS[opener]
    here = text[at : at + 1]
    if here and here in "]}" and here != closer:
        return Problem("CS003", f"'{here}' closes a '{opener}'", f"write '{closer}'"), at
    if not here or lines.line(at) != lines.line(opened):
        message = f"the '{opener}' is not closed, or a ',' is missing after it"
        return Problem("CS003", message, f"close it with '{closer}'"), opened
    message = f"',' or '{closer}' is expected here"
    return Problem("CS003", message, f"close the '{opener}', or separate its items"), at


def _misplaced_colon(findings: Findings, at: int) -> Problem:
    before = _LAST_LINE_START.search(findings.text, max(0, at - 1000), at)
    if before is not None and ": " in before.group():
        return Problem(
            "CS003",
            "a second ':' stands on one line",
            "put text that holds ': ' in quotes, or start a nested mapping on its own line",
        )
    return Problem(
        "CS003",
        "a ':' is not expected here",
        "indent the keys of one mapping equally, and give the line above its ':'",
    )


def missing_key() -> Problem:
    """The problem of a ':' without a key; libyaml refuses one that the other parser accepts."""
    return Problem("CS010", "a key is missing before ':'", "write the key before ':'")


def _misfit(findings: Findings, context: str, at: int, opened: int) -> Problem:
    """What belongs to no collection that is open."""
    before = _LAST_LINE_START.search(findings.text, max(0, at - 1000), at)
    if before is not None and before.group().strip(" -?"):
        return Problem(
            "CS003",
            "this follows after a complete value",
            "put the whole value in quotes, or remove what follows",
        )
    if findings.text.startswith(":", at):
        return missing_key()
    line = findings.lines.line(opened)
    if "mapping" in context:
        return Problem(
            "CS003",
            f"this does not fit the mapping that starts on line {line}",
            "indent the keys of one mapping equally, and give each key one value",
        )
    return Problem(
        "CS003",
        f"this does not fit the list that starts on line {line}",
        "start each item of one list with '- ', indented equally",
    )


def explain(
    findings: Findings, problem: str, context: str, at: int, opened: int
) -> tuple[Problem, int]:
    """The problem of a parse error, and the offset it is about.

    ``problem`` at offset ``at`` and ``context`` that started at offset ``opened``
    are the parser's own.
    """
    text = findings.text
    if "start any token" in problem or "tab character" in problem:
        tab = _tab(findings, at)
        if tab is not None or text[at : at + 1] == "\t":
            return Problem(
                "CS003", "a tab stands in the indentation", "indent with spaces"
            ), at if tab is None else tab
        message = f"unquoted text may not start with '{shown(text[at : at + 1])}'"
        return Problem("CS003", message, "put the text in quotes"), at
    if "quoted scalar" in context and ("end of stream" in problem or "document" in problem):
        quote = '"' if text[opened : opened + 1] == '"' else "'"
        message = f"the {quote} is never closed"
        return Problem("CS003", message, f"close the text with {quote}"), opened
    if "while parsing a flow" in context and ("',' or" in problem):
        return _unclosed(findings, opened, at)
    if "could not find expected ':'" in problem:
        key = shown(_first_match(_REST_OF_LINE, text, opened).strip())
        message = f"'{key}' has no ':' after it"
        return Problem("CS003", message, "write 'key: value'"), opened
    if "node content" in problem and not text[at:].strip():
        message = "the text ends before the document is complete"
        end = max(0, len(text.rstrip()) - 1)
        return Problem("CS003", message, "close every bracket and quote"), end
    if "node content" in problem and text.startswith(":", at):
        return missing_key(), at
    if "mapping values are not allowed" in problem:
        return _misplaced_colon(findings, at), at
    if context in _BLOCKS and ("find expected" in problem or "<block end>" in problem):
        return _misfit(findings, context, at, opened), at
    if "undefined tag handle" in problem:
        return refused_tag(_first_match(_WORD, text, opened)), opened
    if "alphabetic or numeric" in problem:
        message = f"unquoted text may not start with '{shown(text[opened : opened + 1])}'"
        return Problem("CS003", message, "put the text in quotes"), opened
    if "escape" in problem and (slash := text.rfind("\\", opened, at + 1)) >= 0:
        message = "this is not an escape that double-quoted text may hold"
        hint = "write \\\\ for a backslash, or use single quotes"
        return Problem("CS003", message, hint), slash
    for words, message, hint in _AT_PROBLEM:
        if words in problem:
            return Problem("CS003", message, hint), at
    return Problem("CS003", f"this is not valid YAML: {shown(problem, 120)}", None), at
