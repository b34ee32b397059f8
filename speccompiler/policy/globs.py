"""Patterns that choose files and layers: ``*.json``, ``legacy/**``, ``block?_*``."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)


def file_matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file is meant by one of the patterns, as ``.gitignore`` reads them.

    A pattern without a slash is the name of a file or a folder anywhere; one with a slash counts
    from the root. What is in a folder that is meant, is meant.
    """
    return any(_file_pattern(pattern).match(name) for pattern in patterns)


def layer_matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a layer's name, as a whole, is meant by one of the patterns."""
    return any(re.fullmatch(_translated(pattern), name) for pattern in patterns)


def _file_pattern(pattern: str) -> re.Pattern[str]:
    inner = pattern.rstrip("/")
    anywhere = "" if "/" in inner else "(?:.*/)?"
    return re.compile(f"{anywhere}{_translated(inner.removeprefix('./').lstrip('/'))}(?:/|\\Z)")


def _translated(pattern: str) -> str:
    return "".join(_part(found.group()) for found in _PARTS.finditer(pattern))


def _part(text: str) -> str:
    if text == "**/":
        return "(?:.*/)?"
    if text == "**":
        return ".*"
    if text == "*":
        return "[^/]*"
    if text == "?":
        return "[^/]"
    if len(text) > 1:  # a class of characters
        inner = text[1:-1].replace("\\", "\\\\")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(text)
