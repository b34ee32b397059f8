"""Growth without a clock: how many functions are called, which no slow machine changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls(run: Callable[[], Any]) -> int:
    """Calls of Python's and C's functions until ``run`` returns."""
    count = 0

    def seen(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def growth(run: Callable[[int], Any], size: int) -> float:
    """How many times as many calls twice the size takes: 2 where each part is looked at once."""
    run(size)  # What is done once only is done now.
    return calls(lambda: run(2 * size)) / calls(lambda: run(size))
