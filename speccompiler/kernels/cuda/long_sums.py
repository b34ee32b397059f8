"""How sums of any length keep their precision on a GPU; ``kernels.long_sums`` says why.

No chain of additions is longer than ``SHORT``. A thread of a matrix product adds its chains up
plainly, since a part of a long sum has at most ``PART`` terms. Kernels that are bound by memory
have time to carry the rounding error of every addition along.
"""

from __future__ import annotations

from speccompiler.kernels.long_sums import SHORT, is_long

__all__ = ["PART", "SHORT", "carried", "is_long", "rounded"]

PART = 64 * SHORT
"""The most terms of a sum that is not cut into parts."""


def carried(total: str, rest: str, value: str) -> list[str]:
    """Statements that add ``value`` to ``total``, and its rounding error to ``rest``."""
    return [
        f"term = {value}",
        f"both = add({total}, term)",
        f"more = sub(both, {total})",
        f"{rest} = add({rest}, add(sub({total}, sub(both, more)), sub(term, more)))",
        f"{total} = both",
    ]


def rounded(total: str, rest: str) -> str:
    """A statement that adds ``rest`` to ``total``; beside an infinity it is NaN, and left out."""
    return f"if {rest} == {rest}: {total} = {total} + {rest}"
