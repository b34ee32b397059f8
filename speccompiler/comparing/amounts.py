"""What two models cost: the totals of both, as changes and as texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from speccompiler.comparing.model_diff import Amount, Change, Impact, LayerPair
from speccompiler.comparing.sides import Sides
from speccompiler.graph.dims import Dim, total
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.shape_report import ShapeReport

_WRITTEN = {
    "parameters": count,
    "multiply_adds": scaled,
    "activation_bytes": size,
    "peak_bytes": size,
}
AMOUNT_CODES = {
    "parameters": "CD701",
    "multiply_adds": "CD702",
    "activation_bytes": "CD703",
    "peak_bytes": "CD704",
}
"""The change that each is told by."""
AMOUNT_TITLES = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
    "activation_bytes": "activations",
    "peak_bytes": "peak memory",
}
"""What reports call each."""


def amounts(old: ShapeReport, new: ShapeReport) -> tuple[Amount, ...]:
    """What the models cost."""
    return tuple(Amount(name, getattr(old, name), getattr(new, name)) for name in AMOUNT_CODES)


def amount_texts(amount: Amount) -> tuple[str, str]:
    """Both values as people read them; ``open`` where lengths are.

    Two that differ are never written alike: all digits then tell them apart.
    """
    old, new = amount.old, amount.new
    write = _WRITTEN[amount.name]
    if old is not None and new is not None and old != new and write(old) == write(new):
        write = count
    return "open" if old is None else write(old), "open" if new is None else write(new)


def share_text(amount: Amount) -> str:
    """``+21.9%``; nothing where there is no number to compare with."""
    old, new = amount.old, amount.new
    if not isinstance(old, int) or not isinstance(new, int) or not old:
        return ""
    share = 100 * (new - old) / old
    if abs(share) >= 1000:
        times = new / old
        return f"{times:,.0f} times" if times >= 100 else f"{times:.3g} times"
    return f"{share:+.1f}%" if abs(share) >= 0.05 or not share else f"{share:+.1g}%"


def amount_changes(
    sides: Sides, found: tuple[Amount, ...], pairs: Sequence[LayerPair]
) -> Iterator[Change]:
    """CD701 to CD704; a Dropout that came has an output in the report, and costs nothing."""
    idle = total(
        sign * report.activation_bytes
        for pair in pairs
        for report, sign in ((pair.new, 1), (pair.old, -1))
        if report is not None and any(c.code in {"CD208", "CD209"} for c in pair.changes)
    )
    for amount in found:
        if amount.old == amount.new:
            continue
        old, new = amount_texts(amount)
        share = share_text(amount)
        free = amount.name == "activation_bytes" and amount.new == (amount.old or 0) + idle
        words = amount.name.replace("_bytes", " memory").replace("multiply_adds", "multiply-adds")
        text = f"{words} {old} -> {new}" + (f" ({share})" if share else "")
        yield sides.change(
            AMOUNT_CODES[amount.name],
            text,
            argument=amount.name,
            old=_plain(amount.old),
            new=_plain(amount.new),
            impact=Impact.NOTE if free else None,
        )


def _plain(value: Dim | None) -> str | None:
    return None if value is None else str(value)
