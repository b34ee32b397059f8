"""A bar of the kernels that are compiled, from what the library logs."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click


class KernelsBar(logging.Handler):
    """A bar of the kernels that are ready; plain lines where ``plain``."""

    def __init__(self, *, plain: bool) -> None:
        super().__init__()
        self._plain = plain
        self._bar: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record that says how many kernels are ready."""
        made: tuple[int, int] | None = getattr(record, "made", None)
        if made is None:
            return
        if self._plain:
            if made[0] in (0, made[1]) or made[0] % 20 == 0:
                click.echo(record.getMessage(), err=True)
            return
        if made[0] == 0:
            self.end()
            self._bar = click.progressbar(
                length=made[1], label=record.getMessage(), file=sys.stderr, show_pos=True
            )
            self._bar.render_progress()
        elif self._bar is not None:
            self._bar.update(made[0] - self._bar.pos)
            if self._bar.finished:
                self.end()

    def end(self) -> None:
        """Leave the bar's line."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
