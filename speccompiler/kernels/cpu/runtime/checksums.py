"""CRC-32 of the pieces of a long file, computed by several threads.

Damage within 32 neighbouring bits is always found; other damage is missed once in 2**32 times.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from speccompiler.system.threads import default_threads

PIECES = 16
WORTH_THREADS = 16 << 20
MOST_THREADS = 4
"""More threads would only wait for memory."""


def checksums(parts: Sequence[memoryview]) -> list[int]:
    """The checksums of ``PIECES`` equal pieces of all ``parts``, one after another."""
    size = sum(map(len, parts))
    length = -(-size // PIECES)
    sums = [0] * PIECES
    waiting = deque(range(PIECES))

    def work() -> None:
        with suppress(IndexError):
            while True:
                piece = waiting.popleft()
                sums[piece] = _checksum(parts, piece * length, (piece + 1) * length)

    helpers = min(MOST_THREADS, default_threads()) - 1 if size >= WORTH_THREADS else 0
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
