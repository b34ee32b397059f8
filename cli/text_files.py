"""Where a report goes: to standard output, or with ``--output`` into a file, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from speccompiler.cli.options import complete_files, not_empty
from speccompiler.cli.render import printable
from speccompiler.diagnostics.core import about

F = TypeVar("F", bound=Callable[..., Any])


def output_option(help: str) -> Callable[[F], F]:
    """``--output FILE``, or ``-`` for standard output."""
    return click.option(
        "--output",
        "-o",
        metavar="FILE",
        callback=not_empty,
        shell_complete=complete_files,
        help=help,
    )


def write_report(text: str, output: str | None, read: Iterable[str | Path]) -> None:
    """Print a text, or write it to a file that is none of those that were read. CS120, CS121."""
    if output is None or output == "-":
        click.echo(text.removesuffix("\n"))
        return
    write_file((text.removesuffix("\n") + "\n").encode(), output, read)


def write_file(content: bytes, output: str, read: Iterable[str | Path]) -> None:
    """Write a file under its name at once, and say so."""
    from speccompiler.files.atomic_output import atomic_file, write_failure

    target = Path(output)
    refuse_to_overwrite(target, read)
    with about(output), atomic_file(target, len(content)) as file:
        try:
            file.write(content)
        except OSError as error:
            raise write_failure(error, "a part of the file") from None
    click.echo(f"wrote {printable(output)}")


def refuse_to_overwrite(target: Path, read: Iterable[str | Path]) -> None:
    """Usage error for a file that is being read."""
    for file in read:
        try:
            same = target.samefile(file)
        except (OSError, ValueError):
            same = False
        if same:
            raise click.UsageError(f"'{target}' is what is being read; name another output")
