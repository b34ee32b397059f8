"""How sums of any length keep their precision: they are made of short chains of additions.

A chain of n float32 additions is off by up to n/2 units of the last place, and by about n/8
if all terms are alike. No chain is longer than ``SHORT``. The sums of the chains are added up
together with their rounding errors (Knuth's two-sum), so that the length of a sum does not
matter. The order depends on the layer alone: not on threads, batches or vector widths.
"""

from __future__ import annotations

SHORT = 256
"""Terms of one chain, on every width of vectors: 4e-6 of the sum at worst."""
STRETCH = 16
"""Chains whose sums a register tile adds up plainly before it keeps the rounding error."""

CARRY = '''
chosen, same = v.select, v.equal


@jit
def carried(total, rest, more):
    """``total + more``, rounded, and ``rest`` plus the error of that rounding."""
    both = add(total, more)
    part = sub(both, total)
    return both, add(rest, add(sub(total, sub(both, part)), sub(more, part)))


@jit
def rounded(total, rest):
    """The sum of both. Beside an infinity the rest is NaN, and does not count."""
    return add(total, chosen(same(rest, rest), rest, splat(np.float32(0))))
'''

CARRY_SUMS = '''

@jit
def carry_sums(sums, at, size, room, begins, ends):
    """Add the sums of a stretch to the totals and rests that lie ``room`` values behind.

    The sums then begin anew from 0; where the last stretch ``ends`` they become the totals.
    """
    zero = splat(np.float32(0))
    for i in range(at, at + size, @LANES):
        total, rest = load(sums, i), zero
        if not begins:
            total, rest = carried(load(sums, i + room), load(sums, i + 2 * room), total)
        store(sums, i + room, total)
        store(sums, i + 2 * room, rest)
        store(sums, i, rounded(total, rest) if ends else zero)
'''


def is_long(terms: int) -> bool:
    """Whether a sum of so many terms is more than one chain."""
    return terms > SHORT


def is_carried(terms: int) -> bool:
    """Whether a register tile's sum of so many terms is more than one stretch."""
    return terms > SHORT * STRETCH
