"""The command: ``python -m benchmarks``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from .cases import CASES, chosen
from .results import Results, from_json, to_json


@click.command()
@click.option("--cases", "words", multiple=True, metavar="TEXT", help="Only those with this in their name; repeatable.")
@click.option("--contenders", "names", multiple=True, metavar="TEXT", help="Likewise.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(min=1))
@click.option("--seconds", default=2.0, show_default=True, help="For each contender and case.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures there.")
@click.option("--from-json", "given", type=click.Path(exists=True, path_type=Path), help="Show these; measure nothing.")
def main(words: tuple[str, ...], names: tuple[str, ...], threads: int, seconds: float, json_file: Path | None, given: Path | None) -> None:
    """Run the same networks and layers in convspec and in other runtimes."""
    from .table import tables
    if given:
        results = from_json(given.read_text())
    else:
        results = measure(words, names, threads, seconds)
    for table in tables(results):
        click.echo(table.render())
    if json_file:
        json_file.write_text(to_json(results))


def measure(words: tuple[str, ...], names: tuple[str, ...], threads: int, seconds: float) -> Results:
    from datetime import date
    from .contenders import default_math, present
    from .limits import limits
    from .machine import machine, versions
    from .speed import speed_row

    contenders, missing = present(names)
    results = Results(
        date=date.today().isoformat(), threads=threads, seconds=seconds, default_math=default_math(),
        machine=machine(), versions=versions(), limits=limits(threads), missing=missing,
    )
    click.echo(str(results.limits), err=True)
    for case in chosen(CASES, words):
        click.echo(case.name, err=True)
        results = replace(results, rows=(*results.rows, speed_row(case, contenders, threads, seconds)))
    return results


if __name__ == "__main__":
    main()
