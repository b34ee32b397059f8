"""Sums of any length on a GPU: chains of at most ``SHORT`` terms, and what they round off.

As on the CPU (``..cpu.long_sums``, which says why). A thread of a matrix product adds its short
sums up plainly, a part of a long sum has ``PART`` terms, and kernels that are bound by memory
carry the rounding error of every addition along.
"""

from __future__ import annotations

from speccompiler.kernels.long_sums import SHORT, is_long

__all__ = ["PART", "SHORT", "carried", "is_long", "rounded"]

PART = 64 * SHORT
"""Most terms of a sum that is not cut into parts."""


def carried(total: str, rest: str, value: str) -> list[str]:
    """Statements that add ``value`` to ``total``, and to ``rest`` what that rounds off."""
    return [
        f"term = {value}",
        f"both = add({total}, term)",
        f"more = sub(both, {total})",
        f"{rest} = add({rest}, add(sub({total}, sub(both, more)), sub(term, more)))",
        f"{total} = both",
    ]


def rounded(total: str, rest: str) -> str:
    """A statement that joins both. Beside an infinity the rest is NaN, and says nothing."""
    return f"if {rest} == {rest}: {total} = {total} + {rest}"
