"""The command: ``python -m benchmarks``."""

from __future__ import annotations

from pathlib import Path

import click

from .markdown import about, as_markdown, bars_line, missing_line
from .results import Results, from_json, to_json
from .suite import PARTS, Wanted, measure
from .table import tables

JSON, PAGE, PICTURE = "benchmarks.json", "benchmarks.md", "benchmarks.svg"


@click.command()
@click.option(
    "--cases", multiple=True, metavar="TEXT", help="Cases with this in their name; repeatable."
)
@click.option(
    "--contenders", multiple=True, metavar="TEXT", help="Contenders likewise; repeatable."
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="What to measure; repeatable. Default: all, or speed with --cases.",
)
@click.option("--threads", default=2, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Time of each contender in each case; five calls at least.",
)
@click.option("--json", "json_file", metavar="FILE", help="Also write the figures there.")
@click.option(
    "--from-json", "given", metavar="FILE", help="Show these figures; measure nothing."
)
@click.option(
    "--docs", metavar="FOLDER", help=f"Write {JSON}, {PAGE} and {PICTURE} into this folder."
)
def main(
    cases: tuple[str, ...],
    contenders: tuple[str, ...],
    parts: tuple[str, ...],
    threads: int,
    seconds: float,
    json_file: str | None,
    given: str | None,
    docs: str | None,
) -> None:
    """Run the same networks and layers in convspec, onnxruntime, OpenVINO and torch."""
    if given is not None:
        results = _read(Path(given))
    else:
        parts = parts or (("speed",) if cases else PARTS)
        results = _measured(Wanted(parts, cases, contenders, threads, seconds))
    _show(results)
    if json_file is not None:
        Path(json_file).write_text(to_json(results), encoding="utf-8")
    if docs is not None:
        _write_docs(results, Path(docs))


def _read(file: Path) -> Results:
    try:
        return from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} does not hold results: {error}") from None


def _measured(wanted: Wanted) -> Results:
    for step, results in measure(wanted):
        if step == "limits" and results.missing:
            click.echo(missing_line(results.missing), err=True)
        line = step
        if results.rows and step.startswith("speed"):
            ratio = results.rows[-1].ratio(results.ours)
            line += "" if ratio is None else f": {ratio:.2f}"
        click.echo(line, err=True)
    return results


def _show(results: Results) -> None:
    for line in about(results):
        click.echo(line)
    for table in tables(results):
        click.echo(f"\n{table.title}\n{table.note}".rstrip() + "\n")
        click.echo(table.render())
    click.echo(f"\n{bars_line(results)}")


def _write_docs(results: Results, folder: Path) -> None:
    from .picture import write_picture

    (folder / JSON).write_text(to_json(results), encoding="utf-8")
    write_picture(results, folder / PICTURE)
    (folder / PAGE).write_text(as_markdown(results, PICTURE), encoding="utf-8")


if __name__ == "__main__":
    main()
