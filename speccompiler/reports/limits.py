"""Quantities of a model beside the most that the spec's ``budget`` allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim
from speccompiler.reports.number_text import size

if TYPE_CHECKING:
    from speccompiler.schemas.budget import Budget

_BYTES = {"activations", "peak"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A quantity with the most that its budget allows."""

    name: str
    """The key of ``budget``."""
    allowed: int
    value: Dim | None
    """None where lengths are open and nothing more is known."""
    bytes: bool

    @property
    def over(self) -> bool:
        """Whether the value is known and above what is allowed."""
        return isinstance(self.value, int) and self.value > self.allowed

    def text(self, value: int) -> str:
        """A value of this quantity, exact."""
        return f"{value:,} B" if self.bytes else f"{value:,}"

    def brief(self) -> str:
        """``78% of 5,000,000`` for the totals of a report."""
        allowed = size(self.allowed) if self.bytes else f"{self.allowed:,}"
        if not isinstance(self.value, int):
            return f"budget {allowed}, open"
        if not self.allowed:
            return f"budget {allowed}"
        percent = 100 * self.value / self.allowed
        return f"{percent:{'.0f' if percent >= 10 else '.2g'}}% of the budget {allowed}"


def limits_of(budget: Budget | None, amounts: Mapping[str, Dim | None]) -> tuple[Limit, ...]:
    """What a budget limits, in its own order; ``amounts`` have the names of its keys."""
    if budget is None:
        return ()
    given = ((name, getattr(budget, name)) for name in amounts)
    return tuple(
        Limit(name, allowed, amounts[name], name in _BYTES)
        for name, allowed in given
        if allowed is not None
    )
