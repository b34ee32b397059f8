"""What a terminal shows while kernels are compiled."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


class _OnTerminal(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"{record.getMessage()} ...", err=True)


@contextmanager
def compiling_shown() -> Iterator[None]:
    """Say on standard error, where that is a terminal, that kernels are compiled now."""
    log = logging.getLogger("speccompiler")
    if not sys.stderr.isatty():
        yield
        return
    handler, level = _OnTerminal(), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
