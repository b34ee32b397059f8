"""Findings that have a fix are mended, and nothing gets worse by it.

A fix may show what was hidden: a layer whose type is known at last has arguments that are wrong.
Rounds go on until nothing is left to mend. Where a text would come out with more errors than it
had, or cannot be read, the fixes are made one by one, and those that do harm are left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field

from speccompiler.diagnostics.core import Diagnostic, Edit, Fix, Severity
from speccompiler.editing.edited_text import compatible, with_edits
from speccompiler.frozen import dataclass

Check = Callable[[str], Sequence[Diagnostic]]
"""What is wrong with a text; places in other files are passed over."""
MOST_ROUNDS = 20
"""Rounds after which mending ends; a spec takes one for each stage that it gets through."""
MOST_ALONE = 100
"""Fixes that are made one by one: as many as there are findings of one file."""
FIRST_OF_SPECS = "CS020"
"""The codes before it are of texts that cannot be read."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text whose findings are mended as far as they can be."""

    text: str
    left: tuple[Diagnostic, ...]
    """What is still to be said of it."""
    seen: Counter[str] = field(default_factory=Counter)
    """What was said of it on the way."""

    @property
    def made(self) -> int:
        """How many findings are gone: a fix may take others with it."""
        return (self.seen - _said(self.left)).total()

    def become(self, text: str, found: Sequence[Diagnostic]) -> Fixed:
        """The text after further fixes."""
        return Fixed(text, tuple(found), self.seen | _said(found))


def _said(found: Sequence[Diagnostic]) -> Counter[str]:
    """Findings, wherever they stand: a line that is added moves them."""
    return Counter(f"{d.code} {d.layer}: {d.message}" for d in found)


def fixed(text: str, check: Check, *, unsafe: bool) -> Fixed:
    """Mend what can be mended, and with ``unsafe`` also what is only likely to be meant."""
    start = Fixed("", ()).become(text, check(text))
    together = _rounds(start, check, unsafe)
    if _no_worse(together.left, start.left):
        return together
    return _one_by_one(start, check, unsafe)


def _rounds(state: Fixed, check: Check, unsafe: bool) -> Fixed:
    """All fixes of a text together, then those of the text that it has become."""
    seen = {state.text}
    for _ in range(MOST_ROUNDS):
        fixes = compatible(state.text, _fixes(state.left, unsafe))
        text = with_edits(state.text, _edits(fixes))
        if text in seen:  # a fix that is undone by another would never end
            break
        seen.add(text)
        state = state.become(text, check(text))
    return state


def _one_by_one(state: Fixed, check: Check, unsafe: bool) -> Fixed:
    """Each fix alone, kept where it adds no error."""
    seen = {state.text}
    for _ in range(MOST_ALONE):
        for fix in _fixes(state.left, unsafe):
            text = with_edits(state.text, _edits([fix]))
            found = () if text in seen else tuple(check(text))
            if text not in seen and _no_worse(found, state.left):
                seen.add(text)
                state = state.become(text, found)
                break
            seen.add(text)
        else:
            break
    return state


def _fixes(found: Sequence[Diagnostic], unsafe: bool) -> list[Fix]:
    """Errors first: what mends a warning gives way to it."""
    ranked = sorted(found, key=lambda d: list(Severity).index(d.severity))
    return [d.fix for d in ranked if d.fix is not None and (d.fix.safe or unsafe)]


def _edits(fixes: Sequence[Fix]) -> list[Edit]:
    return list(dict.fromkeys(edit for fix in fixes for edit in fix.edits))


def _no_worse(now: Sequence[Diagnostic], before: Sequence[Diagnostic]) -> bool:
    """Neither more errors nor more of those that hide all others."""
    errors, earlier = _errors(now), _errors(before)
    hiding, hidden = (sum(d.code < FIRST_OF_SPECS for d in e) for e in (errors, earlier))
    return len(errors) <= len(earlier) and hiding <= hidden


def _errors(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [d for d in found if d.severity is Severity.ERROR]
