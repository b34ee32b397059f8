"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import click

from .markdown import about, as_markdown, bars_line, missing_line
from .processes import Failed
from .results import OURS, Results, from_json, to_json
from .scale_page import filled
from .suite import PARTS, SCALE_PARTS, Wanted, measure
from .table import tables

NAME = "benchmarks"
"""What the files of the docs are called, before ``.json``, ``.md`` and ``.svg``."""


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
    type=click.Choice([*PARTS, *SCALE_PARTS]),
    help="What to measure; repeatable. Default: all but "
    f"{', '.join(SCALE_PARTS)}; speed with --cases.",
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
@click.option("--from-json", "given", metavar="FILE", help="Show these figures; measure nothing.")
@click.option(
    "--docs",
    metavar="FOLDER",
    help=f"Write {NAME}.json, {NAME}.md and {NAME}.svg into this folder.",
)
@click.option(
    "--scale",
    metavar="FILE",
    help="Fill the figures of the parts of scale into this page, and write FILE.json beside it.",
)
@click.option("--rehearsal", is_flag=True, help="Small arrays for the parts of scale.")
@click.option("--machine", help=f"With --docs: {NAME}-MACHINE.json and so on, beside the others.")
def main(
    cases: tuple[str, ...],
    contenders: tuple[str, ...],
    parts: tuple[str, ...],
    threads: int,
    seconds: float,
    json_file: str | None,
    given: str | None,
    docs: str | None,
    scale: str | None,
    rehearsal: bool,
    machine: str | None,
) -> None:
    """Run the same networks and layers in convspec, onnxruntime, OpenVINO and torch."""
    # Nothing else may run beside what is measured.
    os.environ["CONVSPEC_BACKGROUND"] = "0"
    if docs is not None:
        _check_docs(Path(docs))
    if scale is not None and not Path(scale).is_file():
        raise click.ClickException(f"{scale} is not a page")
    if given is not None:
        results = _read(Path(given))
    else:
        parts = parts or (("speed",) if cases else SCALE_PARTS if scale is not None else PARTS)
        wanted = Wanted(parts, cases, contenders, threads, seconds, rehearsal)
        results = _measured(wanted, None if json_file is None else Path(json_file))
    _show(results)
    if json_file is not None:
        _write_json(results, Path(json_file))
    if docs is not None:
        name = NAME if machine is None else f"{NAME}-{machine}"
        _write_docs(results, Path(docs) / name)
    if scale is not None:
        page = Path(scale)
        _write_json(results, page.with_suffix(".json"))
        page.write_text(filled(page.read_text(encoding="utf-8"), results), encoding="utf-8")


def _read(file: Path) -> Results:
    try:
        return from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} does not hold results: {error}") from None


def _measured(wanted: Wanted, file: Path | None) -> Results:
    """Tells each step on standard error; what was found so far is always in the file.

    Interrupted, it shows that much and exits.
    """
    results: Results | None = None
    try:
        for step, results in measure(wanted):
            if file is not None:
                _write_json(results, file)
            if step == "limits" and results.missing:
                click.echo(missing_line(results.missing), err=True)
            click.echo(step + _ratios(step, results), err=True)
    except Failed as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        if results is not None:
            _show(results)
        sys.exit(130)
    assert results is not None, "there is always a first step"
    return results


def _ratios(step: str, results: Results) -> str:
    """The ratios of the case just done: best peer / each of convspec's modes."""
    if not step.startswith("speed"):
        return ""
    row = results.rows[-1]
    names = [m.contender for m in row.measured if row.ratio(m.contender) is not None]
    own = [name for name in names if name.startswith(OURS)]
    return "".join(f"  {name} {row.ratio(name):.2f}" for name in own)


def _show(results: Results) -> None:
    for line in about(results):
        click.echo(line)
    for table in tables(results):
        click.echo(f"\n{table.title}\n{table.note}".rstrip() + "\n")
        click.echo(table.render())
    click.echo(f"\n{bars_line(results)}")


def _check_docs(folder: Path) -> None:
    """Before the long work, not after it."""
    if not folder.is_dir():
        raise click.ClickException(f"{folder} is not a folder")
    if importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("the picture needs matplotlib: pip install --group bench")


def _write_json(results: Results, file: Path) -> None:
    try:
        file.write_text(to_json(results), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None


def _write_docs(results: Results, page: Path) -> None:
    """``page`` has no suffix yet."""
    from .picture import write_picture

    _write_json(results, page.with_suffix(".json"))
    picture = page.with_suffix(".svg")
    write_picture(results, picture)
    text = as_markdown(results, picture.name)
    page.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
