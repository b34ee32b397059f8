"""Text from a file as Markdown that shows it, whatever it holds."""

from __future__ import annotations

import re

from speccompiler.diagnostics.wording import on_one_line

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")
"""What would be read as Markdown or HTML. An underscore inside a word is none."""
_MENTION = re.compile(r"(?<![\w])([@#])(?=\w)")
_LINK = re.compile(r"(?i)\b(https?|ftp)://|\bwww\.")


def markdown_text(text: str) -> str:
    """Escaped for GitHub: also a name that would call a person, point to an issue, or be a link."""
    escaped = _SPECIAL.sub(lambda found: "\\" + found[0], on_one_line(text))
    escaped = _MENTION.sub(r"\1<!-- -->", escaped)
    return _LINK.sub(lambda found: found[0][:-1] + "<!-- -->" + found[0][-1], escaped)
