"""Outputs of ``convspec run`` that are kept when it is broken off: ``--resume``, ``--restart``."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from speccompiler.cli.render import printable
from speccompiler.cli.run_outputs import Targets
from speccompiler.diagnostics.core import about
from speccompiler.options import CompileOptions

if TYPE_CHECKING:
    from speccompiler.arrays.planned_output import OutputPlace
    from speccompiler.running.unfinished_run import Left, ResumableRun, UnfinishedRun


class Unfinished:
    """The place where the outputs of a run are built, and what an earlier run left there."""

    def __init__(self, targets: Targets, left: Left) -> None:
        self.found: UnfinishedRun | None = None
        self.run: ResumableRun | None = None
        """Set when it has begun."""
        self._targets = targets
        self._left: Left = left
        self._place: OutputPlace | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
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

    def look(self) -> None:
        """An unfinished run is refused before a minute of compiling. CS195, CS197.

        One that had done everything, and was broken off when its outputs took their names, is
        complete now: nothing is left to do.
        """
        if self._exists() and self.place().completed and self.resuming:
            click.echo(f"{printable(self._targets.output)} is complete: nothing was left to do")
            raise click.exceptions.Exit(0)

    def with_its_tile(self, options: CompileOptions) -> CompileOptions:
        """``--tile auto`` is what it was for the run that is gone on with: memory changes."""
        told = self.found.facts.get("--tile", "") if self.found is not None else ""
        if options.tile != "auto" or not told.replace(",", "").isdecimal():
            return options
        return replace(options, tile=tuple(map(int, told.split(","))))

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

    @property
    def resuming(self) -> bool:
        """Whether ``--resume`` is given."""
        return self._left == "resume"

    def say(self) -> None:
        """Whether the run goes on or begins."""
        if not self.resuming:
            return
        shown = printable(self._targets.output)
        if self.found is None:
            click.echo(
                f"no unfinished run of {shown}: this one begins with the first task", err=True
            )
        else:
            click.echo(f"going on with {shown}: {self.found.how_far}", err=True)
