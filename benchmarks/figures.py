"""What the reports say of a row: one place for the arithmetic and the rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .contenders import CONTENDERS
from .results import Limits, Process, Row

MET, NOT_MET = "met", "NOT MET"


def contender_names(rows: Sequence[Row]) -> list[str]:
    """Those that ran anywhere, in the usual order."""
    ran = {m.contender for row in rows for m in row.measured}
    return [c.name for c in CONTENDERS if c.name in ran]


def milliseconds(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def time_of(row: Row, contender: str) -> str:
    """Median time; what was wrong is called so."""
    for m in row.measured:
        if m.contender == contender:
            return milliseconds(m.median_ms) if m.right else f"wrong by {m.difference:.0e}"
    return ""


def ratio_of(row: Row, contender: str) -> str:
    """Best peer / this."""
    ratio = row.ratio(contender)
    return "" if ratio is None else f"{ratio:.2f}"


def verdict(row: Row, ours: str) -> str:
    """Of the bar, if there is one and something to hold against it."""
    if row.bar is None:
        return ""
    ratio = row.ratio(ours)
    if ratio is None:
        return f"{row.bar}: no peer" if row.of(ours) else f"{row.bar}: {NOT_MET}"
    return f"{row.bar}: {MET if ratio >= row.bar else NOT_MET}"


def process_verdict(process: Process, best_peer: float | None) -> str:
    """The bar counts the second run."""
    if process.bar is None or best_peer is None:
        return ""
    ratio = best_peer / process.second_s
    return f"{process.bar}: {MET if ratio >= process.bar else NOT_MET}"


@dataclass(frozen=True, slots=True)
class Rate:
    """How close to the machine's limit."""

    amount: str
    share: str


def rate_of(row: Row, contender: str, limits: Limits) -> Rate:
    """GFLOP/s of the direct algorithm; GB/s where nothing is multiplied.

    Winograd multiplies less than is counted here, so its share may exceed 100%.
    """
    own = row.of(contender)
    if own is None:
        return Rate("", "")
    seconds = own.median_ms / 1e3
    if row.gflop:
        rate = row.gflop / seconds
        return Rate(f"{rate:.0f} GFLOP/s", f"{rate / limits.gflops:.0%}")
    rate = row.megabytes / 1e3 / seconds
    return Rate(f"{rate:.1f} GB/s", f"{rate / limits.cache_gbps:.0%}")
