"""How much a change matters."""

from __future__ import annotations

from enum import StrEnum


class Impact(StrEnum):
    """What a change means for those who use the model; the worst first."""

    BREAKING = "breaking"
    """An input or output changes, old weights no longer fit, or numbers change."""
    COST = "cost"
    """Parameters, multiply-adds or memory change."""
    NOTE = "note"
    """Nothing that a user of the model would notice."""
