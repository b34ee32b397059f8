"""``convspec cache``: what is kept between runs, and how to be rid of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence

import click

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


@click.command("cache")
@click.option("--clear", "cleared", is_flag=True, help="Remove every entry; nothing else.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(cleared: bool, style: str) -> None:
    """Show the compiled kernels and packed weights that later runs find.

    They lie in the user's cache folder, or in $CONVSPEC_CACHE_DIR. What was used least
    recently goes when all of it exceeds $CONVSPEC_CACHE_SIZE MiB (2048 unless it is set).
    Everything there is made again when it is missing.
    """
    if cleared:
        count, removed = clear()
        if style == "json":
            click.echo(json.dumps({"folder": str(cache_root()), "removed": count, "size": removed}))
        else:
            entry = "entry" if count == 1 else "entries"
            click.echo(f"removed {count} {entry}, {size(removed)}, from {_folder()}")
        return
    found = entries()
    click.echo(json.dumps(_data(found), indent=2) if style == "json" else _text(found))


def _data(found: Sequence[Entry]) -> dict[str, object]:
    return {
        "folder": str(cache_root()),
        "limit": cache_limit(),
        "size": sum(entry.size for entry in found),
        "entries": [
            {"kind": e.kind, "name": e.name, "size": e.size, "used": _date(e.used)} for e in found
        ],
    }


def _text(found: Sequence[Entry]) -> str:
    from tabulate import tabulate

    lines = []
    if found:
        rows = [
            (e.kind, printable(e.name.removeprefix(PREFIX)), size(e.size), _date(e.used))
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


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _wrong_limit() -> str:
    given = os.environ.get("CONVSPEC_CACHE_SIZE")
    if given is None or cache_limit() != DEFAULT_LIMIT:
        return ""
    try:
        float(given)
    except ValueError:
        return f" (CONVSPEC_CACHE_SIZE is '{printable(given)}', which is no number of MiB)"
    return ""
