"""Bytes that are read from any place in a file, by any thread."""

from __future__ import annotations

import os
from typing import Protocol

from speccompiler.diagnostics.core import Problem
from speccompiler.files.system_errors import reading_reason
from speccompiler.frozen import dataclass

LOCAL_GAP = 16 << 10
"""On a disk: bytes that take about as long to read as a read of its own."""


class Positioned(Protocol):
    """Where bytes can be read from any place."""

    @property
    def gap(self) -> int:
        """Bytes that are sooner read and dropped than passed over by another read."""

    def read_at(self, view: memoryview, offset: int) -> int:
        """Fill a buffer from a place on; fewer bytes than asked for only at the end. CS110."""


@dataclass(frozen=True, slots=True)
class PositionedFile:
    """An open file of the system; ``base`` is the place that counts as its beginning.

    Its own position is neither used nor moved.
    """

    number: int
    base: int = 0
    gap: int = LOCAL_GAP

    def read_at(self, view: memoryview, offset: int) -> int:
        """See :class:`Positioned`."""
        got = 0
        while got < len(view):
            try:
                count = os.preadv(self.number, [view[got:]], self.base + offset + got)
            except OSError as error:
                text = f"it cannot be read: {reading_reason(error)}"
                raise Problem("CS110", text, "check the path and the device") from None
            if count == 0:
                break
            got += count
        return got
