"""What a terminal shows while kernels are compiled."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def compiling_shown(*, always: bool = False) -> Iterator[None]:
    """Show on standard error how many kernels are compiled, while they are.

    Where that is no terminal, nothing is shown, or, with ``always``, lines without a bar.
    """
    terminal = sys.stderr.isatty()
    if not terminal and not always:
        yield
        return
    import logging

    from speccompiler.cli.kernels_bar import KernelsBar

    log = logging.getLogger("speccompiler")
    handler, level = KernelsBar(plain=not terminal), log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.end()
