"""Outputs of ``convspec run`` that are kept when it is broken off: ``--resume``, ``--restart``."""

from __future__ import annotations

import contextlib
import os
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from speccompiler.cli.render import printable
from speccompiler.cli.run_outputs import Targets
from speccompiler.diagnostics.core import about

if TYPE_CHECKING:
    from speccompiler.arrays.planned_output import OutputPlace
    from speccompiler.running.unfinished_run import Left, ResumableRun, UnfinishedRun


class Unfinished:
    """The place where the outputs of a run are built, and what an earlier run left there."""

    def __init__(self, targets: Targets, left: Left) -> None:
        self.found: UnfinishedRun | None = None
        self.run: ResumableRun | None = None
        """Set when it has begun."""
        self._targets, self._left = targets, left
        self._place: OutputPlace | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """An unfinished run is refused before a minute of compiling. CS195, CS197."""
        if self._exists():
            self.place()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._stack.__exit__(kind, error, trace)
        finally:
            if kind is not None and self.run is not None and self.run.done:
                click.echo(
                    f"{self.run.how_far} and kept: the same command with --resume goes on",
                    err=True,
                )

    def _exists(self) -> bool:
        from speccompiler.arrays.output_kind import is_url

        if not self._targets.resumable:
            return False
        if is_url(self._targets.output):
            return True
        from speccompiler.arrays.output_place import place_folder

        with about(self._targets.output):
            return os.path.lexists(place_folder(self._targets.output))

    def place(self) -> OutputPlace:
        """The place, held from now on. CS120, CS191, CS192, CS195, CS197."""
        if self._place is None:
            from speccompiler.arrays.output_place import hold_place
            from speccompiler.running.unfinished_run import found_at

            with about(self._targets.output):
                self._place = self._stack.enter_context(hold_place(self._targets.output))
                self.found = found_at(self._place, self._left)
        return self._place

    def say(self) -> None:
        """Whether the run goes on or begins."""
        if self._left != "resume":
            return
        shown = printable(self._targets.output)
        if self.found is None:
            click.echo(
                f"no unfinished run of {shown}: this one begins with the first task", err=True
            )
        else:
            click.echo(f"going on with {shown}: {self.found.how_far}", err=True)
