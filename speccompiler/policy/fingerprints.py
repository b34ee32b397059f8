"""What a finding is known by from one commit to the next: where it stands does not count.

A fingerprint is made of the file, the code, the layer, the argument and the message. Out of
these are taken what unrelated edits change: lines, numbers of any kind (a layer that is put in
front changes shapes), and the numbers of names that Keras gives to layers which have none.
Findings that are equal in all of this are numbered as they stand in the file.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.policy.project import shared_name

_DIGITS = 16
"""Hexadecimal digits of a fingerprint: with a million findings, two equal ones are a miracle."""
_NUMBER = re.compile(r"(?<![\w'.-])-?\d[\d,.]*(?:x\d+)*(?:e[-+]?\d+)?(?![\w'])")
_AUTOMATIC = re.compile(r"\b([a-z][a-z0-9]*)_\d+\b")


def fingerprint(*parts: str) -> str:
    """A short text for what the parts say together."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:_DIGITS]


def numbered(keys: Iterable[tuple[str, ...]]) -> list[str]:
    """A fingerprint for each key; equal keys are told apart by their number."""
    seen: Counter[tuple[str, ...]] = Counter()
    made = []
    for key in keys:
        number = seen[key]
        seen[key] += 1
        made.append(fingerprint(*key, *([str(number)] if number else [])))
    return made


def fingerprints(diagnostics: Iterable[Diagnostic], root: Path) -> list[str]:
    """One for each finding, in their order; files are named from ``root``."""
    return numbered(_key(d, root) for d in diagnostics)


def _key(found: Diagnostic, root: Path) -> tuple[str, ...]:
    return (
        shared_name(found.file or "", root),
        found.code,
        _unnumbered(found.layer or ""),
        found.argument or "",
        _NUMBER.sub("0", _unnumbered(found.message)),
    )


def _unnumbered(text: str) -> str:
    """Without the number of each name that Keras gave: ``convolution2d_3`` is ``convolution2d``."""
    if "_" not in text:
        return text
    from speccompiler.schemas.registry import LAYERS

    types = {name.lower() for name in LAYERS}
    return _AUTOMATIC.sub(lambda m: m[1] if m[1] in types else m[0], text)
