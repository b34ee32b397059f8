"""What a JSON text has where a value, a key or the next item should be, in plain words."""

from __future__ import annotations

import re
from json import JSONDecodeError

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.source.findings import Findings

_WORD = re.compile(r"[^\s,:\[\]{}\"']+")
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_NUMBER_LIKE = re.compile(r"[-+]?\.?[0-9]")


def _here(findings: Findings, at: int) -> tuple[Problem, int, int] | None:
    """The mistakes that can stand anywhere between two tokens."""
    text = findings.text
    if at >= len(text):
        end = len(text.rstrip())
        message = "the text ends before the document is complete"
        return Problem("CS003", message, "close every bracket and quote"), max(0, end - 1), end
    if text.startswith(("//", "/*", "#"), at):
        end = at + (1 if text[at] == "#" else 2)
        message = "JSON has no comments"
        return Problem("CS003", message, "remove the comment, or write the spec as YAML"), at, end
    if text[at] == "'":
        message = "JSON text stands in double quotes, not in single quotes"
        return Problem("CS003", message, 'write "text"'), at, at + 1
    return None


def _word(findings: Findings, at: int) -> str:
    found = _WORD.match(findings.text, at)
    return findings.text[at] if found is None else found.group()


def bad_value(findings: Findings, at: int) -> tuple[Problem, int, int]:
    """The problem where a value is expected, and the text it is about."""
    known = _here(findings, at)
    if known is not None:
        return known
    word = _word(findings, at)
    end = at + len(word)
    if word in _JSON_WORDS:
        right = _JSON_WORDS[word]
        from speccompiler.diagnostics.remedies import Remedy, Word

        remedy = Remedy(Word(word, right))
        return Problem("CS003", f"'{word}' is not JSON", f"write {right}", remedy=remedy), at, end
    if _NUMBER_LIKE.match(word):
        message = f"'{shown(word)}' is not a JSON number"
        hint = "write digits without '+' or a leading zero, and a digit on each side of '.'"
        return Problem("CS003", message, hint), at, end
    message = f"a value is expected here, not '{shown(word)}'"
    return Problem("CS003", message, "put text in double quotes"), at, end


def bad_key(findings: Findings, at: int) -> tuple[Problem, int, int]:
    """The problem where a key is expected, and the text it is about."""
    known = _here(findings, at)
    if known is not None:
        return known
    word = _word(findings, at)
    message = f"a key in double quotes is expected here, not '{shown(word)}'"
    return Problem("CS003", message, 'write "key": value'), at, at + len(word)


def bad_separator(findings: Findings, at: int, expected: str) -> tuple[Problem, int, int]:
    """The problem where ``expected`` should follow a complete key or value."""
    known = _here(findings, at)
    if known is not None and findings.text[at : at + 1] != "'":
        return known
    message = f"{expected} is expected here, not '{shown(findings.text[at])}'"
    return Problem("CS003", message, None), at, at + 1


def bad_text(findings: Findings, error: JSONDecodeError, start: int) -> tuple[Problem, int, int]:
    """The problem of a quoted text that starts at ``start``."""
    at = error.pos
    char = findings.text[at : at + 1]
    if error.msg.startswith("Unterminated") or char in ("\n", "\r", ""):
        message = 'the " is not closed on its line'
        return (
            Problem("CS003", message, 'close the text with ", and write \\n for a line break'),
            (start),
            start + 1,
        )
    if char == "\t":
        message = "a tab may not stand in JSON text as it is"
        return Problem("CS003", message, "write \\t"), at, at + 1
    message = "this is not an escape that JSON text may hold"
    return Problem("CS003", message, "write \\\\ for a backslash"), at, at + 1
