"""``convspec cache``: what is kept between runs; ``--clear`` removes it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from speccompiler.cli import json_output
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import format_option
from speccompiler.cli.render import printable
from speccompiler.reports.number_text import size
from speccompiler.system.cache import (
    DEFAULT_LIMIT,
    KINDS,
    PREFIX,
    Entry,
    cache_folder,
    cache_limit,
    cache_root,
    clear,
    entries,
)

EXAMPLES = """
# What is kept, and where
convspec cache

# Make room
convspec cache --clear
"""


@click.command("cache", cls=ExampleCommand, examples=EXAMPLES)
@click.option("--clear", "cleared", is_flag=True, help="Remove every entry; nothing else.")
@format_option("text", "json")
def command(cleared: bool, style: str) -> None:
    """Show the compiled kernels and packed weights that later runs find.

    They lie in the user's cache folder, or in $CONVSPEC_CACHE_DIR. What was used least
    recently goes when all of it exceeds $CONVSPEC_CACHE_SIZE MiB (2048 unless it is set).
    Everything there is made again when it is missing.
    """
    if cleared:
        count, removed = clear()
        if style == "json":
            json_output.print_json(json_output.cache_cleared(count, removed), indent=None)
        else:
            entry = "entry" if count == 1 else "entries"
            click.echo(f"removed {count} {entry}, {size(removed)}, from {_folder()}")
        return
    found = entries()
    if style == "json":
        json_output.print_json(json_output.cache(found))
    else:
        click.echo(_text(found))


def _text(found: Sequence[Entry]) -> str:
    from tabulate import tabulate

    lines = []
    if found:
        rows = [
            (e.kind, printable(e.name.removeprefix(PREFIX)), size(e.size), json_output.date(e.used))
            for e in found
        ]
        headers = ("kind", "name", "size", "last used")
        align = ("left", "left", "right", "left")
        lines += [tabulate(rows, headers=headers, colalign=align, disable_numparse=True), ""]
    lines.append(f"folder: {_folder()}")
    for kind in KINDS:
        mine = [entry for entry in found if entry.kind == kind]
        lines.append(f"{kind}: {len(mine)}, {size(sum(entry.size for entry in mine))}")
        if cache_folder(kind) is None:
            lines[-1] += " (not used: the folder cannot be written or others may write to it)"
    return "\n".join([*lines, f"limit: {size(cache_limit())}{_wrong_limit()}"])


def _folder() -> str:
    return printable(str(cache_root()))


def _wrong_limit() -> str:
    given = os.environ.get("CONVSPEC_CACHE_SIZE")
    if given is None or cache_limit() != DEFAULT_LIMIT:
        return ""
    try:
        float(given)
    except ValueError:
        return f" (CONVSPEC_CACHE_SIZE is '{printable(given)}', which is no number of MiB)"
    return ""
