"""Keeps Ctrl-C from getting lost while LLVM works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Raise an interrupt at the end of the block if it was lost in a callback of LLVM.

    LLVM calls Python back when it has machine code. Python handles a signal that came meanwhile
    in that callback, prints what the callback raises, and goes on: Ctrl-C would show a
    traceback, and all other kernels would still be compiled.
    """
    stopped: list[BaseException] = []
    before = sys.unraisablehook

    def keep(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt | SystemExit):
            stopped.append(unraisable.exc_value)
        else:
            before(unraisable)

    sys.unraisablehook = keep
    try:
        yield
    finally:
        sys.unraisablehook = before
        # It replaces another error: numba may have no result after a callback was cut short.
        if stopped:
            raise stopped[0].with_traceback(None) from None
