"""Text -> tokens, and how a message shows a place in an expression's text."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from speccompiler.diagnostics.core import Problem

USE_OPERATORS = "an expression has numbers, x, pi, e, + - * / **, parentheses and functions"

# Only ASCII digits: float() would read others, and a reader could not tell.
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>\*\*|<=|>=|==|!=|[-+*/<>(),\[\]])"
)
_SPACE = " \t\r\n"
_EXCERPT = 60
_CHARACTER_HINTS = {
    "^": "write a power as **",
    "=": "compare with ==",
    "&": "join conditions with and",
    "|": "join conditions with or",
    "!": "write not, or compare with !=",
}


class Token(NamedTuple):
    """A piece of text; ``kind`` is number, name, operator or end."""

    kind: str
    text: str
    column: int


def tokenize(text: str) -> list[Token]:
    """All tokens, the last of kind ``end``; raises ``CS030`` for a foreign character."""
    tokens = []
    position = 0
    while position < len(text):
        if text[position] in _SPACE:
            position += 1
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            hint = _python_hint(text, position) or _CHARACTER_HINTS.get(text[position])
            found = f"unexpected {_shown(text[position])}"
            wrong_syntax(found, text, position + 1, hint or USE_OPERATORS)
        tokens.append(Token(str(match.lastgroup), match[0], position + 1))
        position = match.end()
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _python_hint(text: str, position: int) -> str | None:
    """What to leave out where the text is a line of Python that built the model."""
    if text[position] == ":" and text[:position].split()[:1] == ["lambda"]:
        return "write only what stands behind the ':', with x for the argument"
    module = re.search(r"[A-Za-z_]\w*$", text[:position])
    if text[position] == "." and module is not None and module[0] != "x":
        return f"write functions without a module: exp(x), not {module[0]}.exp(x)"
    return None


def place(text: str, column: int) -> str:
    """`` at column 3 of 'x ^ 2'``; a long text is cut around the column."""
    start = max(0, min(column - 1 - _EXCERPT // 2, len(text) - _EXCERPT))
    end = start + _EXCERPT
    excerpt = "".join(c if c.isprintable() else " " for c in text[start:end])
    before, after = "..." if start else "", "..." if end < len(text) else ""
    return f" at column {column} of '{before}{excerpt}{after}'"


def wrong_syntax(found: str, text: str, column: int, hint: str | None = None) -> NoReturn:
    """Raises ``CS030``: what was found, and where."""
    raise Problem("CS030", found + place(text, column), hint)


def _shown(character: str) -> str:
    if not character.isprintable():
        return f"character U+{ord(character):04X}"
    return f'"{character}"' if character == "'" else f"'{character}'"
