"""What the reports say of a row: one place for the arithmetic and the rounding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .contenders import CONTENDERS
from .results import (
    Clustered,
    Imported,
    LargeArray,
    Limits,
    Process,
    Review,
    Row,
    Scaling,
    Start,
    Streamed,
)

MET, NOT_MET = "met", "NOT MET"
PROCESS_PEER = "onnxruntime"


def in_order(names: Iterable[str]) -> list[str]:
    """Each contender once, in the usual order."""
    known = set(names)
    return [c.name for c in CONTENDERS if c.name in known]


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
    """The bar, and whether it is met or has no peer to be met against; empty without a bar."""
    if row.bar is None:
        return ""
    ratio = row.ratio(ours)
    if ratio is None:
        return f"{row.bar}: no peer" if row.best_peer is None else f"{row.bar}: {NOT_MET}"
    return f"{row.bar}: {MET if ratio >= row.bar else NOT_MET}"


def scaling_verdict(scaling: Scaling) -> str:
    """The bar, and whether it is met; here less is better."""
    return f"at most {scaling.bar}: {MET if scaling.ratio <= scaling.bar else NOT_MET}"


def start_verdict(start: Start) -> str:
    """The bar, where there is one, and whether it is met; less is better."""
    if start.bar is None:
        return ""
    return f"at most {start.bar}: {MET if start.ratio <= start.bar else NOT_MET}"


def review_verdict(review: Review) -> str:
    """The goal, and whether it is met."""
    return f"under {review.goal_s:g} s: {MET if review.median_s < review.goal_s else NOT_MET}"


def imported_verdict(imported: Imported) -> str:
    """The bar, and whether it is met with the same numbers; less is better."""
    return f"at most {imported.bar}: {MET if imported.good else NOT_MET}"


def streamed_verdict(streamed: Streamed) -> str:
    """The bar, and whether it is met; more is better."""
    return f"{streamed.bar}: {MET if streamed.ratio >= streamed.bar else NOT_MET}"


def clustered_verdict(clustered: Clustered) -> str:
    """The bar, and whether it is met with the same bits; less is better."""
    met = 0 < clustered.ratio <= clustered.bar and clustered.same
    return f"at most {clustered.bar}: {MET if met else NOT_MET}"


def large_verdict(large: LargeArray) -> str:
    """Whether the run kept within its memory, was killed, and went on to the same bits."""
    return f"equal within {large.limit_mib:.0f} MiB: {MET if large.good else NOT_MET}"


def process_ratio(process: Process, others: Sequence[Process]) -> float | None:
    """Second run of onnxruntime, which the bar names, / second run of this."""
    peer = next(
        (p for p in others if p.case == process.case and p.contender == PROCESS_PEER and p.right),
        None,
    )
    return None if peer is None or not process.right else peer.second_s / process.second_s


def process_verdict(process: Process, others: Sequence[Process], ours: str) -> str:
    """The bar, and whether convspec's row meets it; the second run counts."""
    if process.bar is None or process.contender != ours:
        return ""
    ratio = process_ratio(process, others)
    if ratio is None:
        return f"{process.bar}: no peer" if process.right else f"{process.bar}: {NOT_MET}"
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
