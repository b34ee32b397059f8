"""``--watch``: a command runs again each time one of its files changes.

The files are looked at a few times a second, by their dates and sizes: that needs no package and
works on every file system. An editor may write a file by putting another in its place, so that it
is away for a moment: what is seen has to hold for one more look before it counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from speccompiler.cli.documents import files_of
from speccompiler.cli.render import printable

F = TypeVar("F", bound=Callable[..., Any])
Stamp = tuple[int, int, int] | None
"""A file's date, its size and its number on the disk; None where there is no file."""
PAUSE = 0.2
INTERRUPTED = 130

watch_option = click.option(
    "--watch", is_flag=True, help="Run again each time a file changes, until Ctrl-C."
)


def watch(paths: Sequence[str], run: Callable[[], Iterable[str]]) -> int:
    """Run, and again after each change; returns the exit status of Ctrl-C.

    ``run`` reports by itself and gives the names of further files that it has read.
    """
    if "-" in paths:
        raise click.UsageError("--watch is for files; standard input comes once")
    try:
        while True:
            seen = _stamps(paths, ())
            also = tuple(_once(run))
            seen |= _stamps((), also)
            count = sum(stamp is not None for stamp in seen.values())
            noun = "file" if count == 1 else "files"
            click.echo(f"watching {count} {noun}; Ctrl-C ends", err=True)
            for name in _wait(paths, also, seen):
                click.echo(f"{printable(name)}: deleted", err=True)
            click.clear()
    except KeyboardInterrupt:
        return INTERRUPTED


def _once(run: Callable[[], Iterable[str]]) -> Iterable[str]:
    """Run; what ends the command is shown, and is no end of the watching."""
    from speccompiler.cli.main import show_error
    from speccompiler.diagnostics.core import SpecError

    try:
        return run()
    except (SpecError, click.ClickException) as error:
        show_error(error)
        return ()


def _wait(paths: Sequence[str], also: Sequence[str], seen: Mapping[str, Stamp]) -> Iterator[str]:
    """Wait for a change that stays for two looks; the names of files that have gone.

    A file that has gone is said at once, and waited for: the next run is when there is one.
    """
    gone: set[str] = set()
    before = dict(seen)
    while True:
        began = time.monotonic()
        now = {**dict.fromkeys(before), **_stamps(paths, also)}
        if now == before and (now != seen or gone):
            missing = {n for n, stamp in now.items() if stamp is None and seen.get(n) is not None}
            yield from sorted(missing - gone)
            gone |= missing
            # With nothing left there is nothing to run for.
            if any(stamp is not None for stamp in now.values()):
                return
        before = now
        # A large folder takes a while to look at; most of the time nothing is done.
        time.sleep(max(PAUSE, 5 * (time.monotonic() - began)))


def _stamps(paths: Sequence[str], also: Iterable[str]) -> dict[str, Stamp]:
    names = [*also]
    for path in paths:
        names += files_of(path)
    return {name: _stamp(name) for name in names}


def _stamp(name: str) -> Stamp:
    try:
        status = os.stat(Path(name))
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
