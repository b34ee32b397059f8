"""Every diagnostic code: its title, why it is a problem, and what to do.

``convspec explain CODE`` shows one entry; ``docs/diagnostics.md`` shows all.
Codes are stable: a retired code is never given another meaning.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A documented kind of finding."""

    title: str
    why: str
    fix: str


CODES: dict[str, Code] = {}
