"""CRC-32 of pieces of a long content, taken by several threads.

One flipped bit, or any damage within 32 bits, is always found; other damage but for one time
in 2**32.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

PIECES = 16
WORTH_THREADS = 16 << 20
MOST_THREADS = 4
"""More wait for memory."""


def checksums(parts: Sequence[memoryview]) -> list[int]:
    """Of ``PIECES`` pieces of equal length that the parts, one after another, are cut into."""
    size = sum(map(len, parts))
    length = -(-size // PIECES)
    sums = [0] * PIECES
    waiting = deque(range(PIECES))

    def work() -> None:
        with suppress(IndexError):
            while True:
                piece = waiting.popleft()
                sums[piece] = _checksum(parts, piece * length, (piece + 1) * length)

    helpers = min(MOST_THREADS, os.cpu_count() or 1) - 1 if size >= WORTH_THREADS else 0
    threads = [threading.Thread(target=work) for _ in range(helpers)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    return sums


def _checksum(parts: Sequence[memoryview], start: int, end: int) -> int:
    found = 0
    for part in parts:
        if start < len(part) and end > 0:
            found = zlib.crc32(part[max(0, start) : end], found)
        start, end = start - len(part), end - len(part)
    return found
