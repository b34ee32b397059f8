"""``--tile auto``: how large tiles are where nobody says it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from speccompiler.tiling.tile_sizes import Cutting
from speccompiler.tiling.tiling import Tiling

SHARE_OF_MEMORY = 0.5
"""What tiles may take of the free memory: what is read and written needs some too."""
ENOUGH = 128 << 20
"""Bytes up to which a larger tile is better. One that takes more leaves the caches."""
LITTLE_WORK = 0.05
"""The share of work for halos that is worth less memory than that."""
SMALLEST = 64
"""Positions that a side has at least: of less, most is halo."""

Measure = Callable[[Tiling], tuple[int, float]]
"""The bytes that a tiling takes, and the share of work that its halos add."""


def automatic(cutting: Cutting, measure: Measure, available: int) -> Tiling:
    """The largest tiles that take ``ENOUGH``; larger ones where their halos would be many.

    Axes that cannot be cut stay whole, unless all of them would: CS180. Where nothing fits, these
    are the smallest.
    """
    free = [axis not in cutting.obstacles for axis in cutting.spatial]
    if not any(free):
        return cutting.tiling([1] * len(free))
    found, chosen = cutting.tiling(cutting.lengths), False
    for sizes in _sizes(cutting, free):
        tiling = cutting.tiling(sizes)
        needed, extra = measure(tiling)
        if needed > SHARE_OF_MEMORY * available:
            found = tiling
            continue
        if chosen and extra > LITTLE_WORK:
            break
        found, chosen = tiling, True
        if needed <= ENOUGH:
            break
    return found


def _sizes(cutting: Cutting, free: Sequence[bool]) -> Iterator[tuple[int, ...]]:
    """Sizes with ever shorter sides, each such that tiles along an axis are about as long."""
    pairs = list(zip(cutting.lengths, free, strict=True))
    side = float(max(length for length, is_free in pairs if is_free))
    last: tuple[int, ...] = ()
    while True:
        sides = [min(int(side), length) if is_free else length for length, is_free in pairs]
        counts = [-(-length // one) for one, (length, _) in zip(sides, pairs, strict=True)]
        even = [-(-length // n) for n, (length, _) in zip(counts, pairs, strict=True)]
        sizes = cutting.aligned(even)
        if sizes != last:
            yield sizes
        if side <= SMALLEST:
            return
        last, side = sizes, max(side / 2**0.5, SMALLEST)
