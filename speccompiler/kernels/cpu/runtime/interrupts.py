"""Ctrl-C while LLVM works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Raise at the end of the block what stopped a part of it from which nothing can be raised.

    LLVM calls Python back as soon as it has machine code. A signal that came while it worked is
    handled then, and what a callback raises Python prints and forgets: Ctrl-C would show
    a traceback, and all other kernels would still be compiled.
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
        # Also in place of an error: what was cut short may have left numba without a result.
        if stopped:
            raise stopped[0].with_traceback(None) from None
