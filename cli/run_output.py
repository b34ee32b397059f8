"""What ``convspec run`` prints at the end: results, penalties, the time of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from speccompiler.cli.render import printable, show
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.reports.number_text import seconds, size

if TYPE_CHECKING:
    from speccompiler.cli.run_parts import Work
    from speccompiler.compiled import CompiledModel
    from speccompiler.running.array_files import RunResult, Summary

LONG = 1.0
"""Seconds from which on it is of interest how much went in and out."""


def print_results(work: Work, result: RunResult, *, err: bool) -> None:
    """A line for each output; how long the run took goes to standard error."""
    compiled, done, shapes = work.compiled, result.done, work.shapes
    for name, summary in work.summaries.items():
        click.echo(f"{printable(name)}: {shapes[name]} float32, {_range(summary)}")
    for name, file in work.targets.files:
        if file != "-":
            said = f"wrote {file}: {shapes[name]} float32, output of '{name}'"
            click.echo(printable(said), err=err)
    if result.non_finite:
        show([_non_finite(compiled, result)])
    click.echo(
        f"{_count(done.samples, 'sample')} in {seconds(done.seconds)} on {compiled.target}, "
        f"batch {work.runner.batch_size}, {_workers(work)}",
        err=True,
    )
    if done.whole_seconds >= LONG:
        what, count = ("tiles", done.tiles) if work.runner.grid else ("samples", done.samples)
        written = f", {size(done.written_bytes)} written" if done.written_bytes else ""
        click.echo(
            f"{_rate(count, done.whole_seconds)} {what}/s with reading and writing: "
            f"{size(done.read_bytes)} read{written}",
            err=True,
        )


def _rate(count: int, spent: float) -> str:
    rate = count / max(spent, 1e-9)
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _workers(work: Work) -> str:
    if work.sharing is not None:
        return f"scheduler {printable(work.sharing.scheduler)}"
    devices = getattr(work.compiled.executor, "devices", None)
    if devices is None:
        return _count(work.compiled.threads, "thread")
    return f"{_count(len(devices), 'GPU')} ({devices[0].name})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _range(summary: Summary) -> str:
    are = "is" if summary.non_finite == 1 else "are"
    broken = f"{_count(summary.non_finite, 'value')} {are} not finite" if summary.non_finite else ""
    if not summary.count:
        return f"no finite value, {broken}"
    text = f"min {summary.smallest:.6g}, mean {summary.mean:.6g}, max {summary.largest:.6g}"
    return f"{text}, {broken}" if broken else text


def _non_finite(compiled: CompiledModel, result: RunResult) -> Diagnostic:
    return Diagnostic(
        "CS098",
        f"the output holds {_count(result.non_finite, 'value')} that "
        f"{'is' if result.non_finite == 1 else 'are'} not finite",
        Severity.WARNING,
        file=compiled.model.loaded.document.file,
        hint="check the input and the weights for NaN, infinity and very large numbers",
    )


def print_penalties(compiled: CompiledModel, result: RunResult, *, err: bool) -> None:
    """What each regulariser adds to the loss: weights once, activities over all samples."""
    from tabulate import tabulate

    found = result.penalties(compiled)
    if not found:
        click.echo("penalties: no layer has a regulariser", err=err)
        return
    rows = [(printable(p.layer), p.term, f"{p.value:.9g}") for p in found]
    rows.append(("total", "", f"{sum(p.value for p in found):.9g}"))
    headers = ("layer", "penalty on", "value")
    click.echo(tabulate(rows, headers=headers, disable_numparse=True), err=err)


def print_profile(compiled: CompiledModel, result: RunResult, *, err: bool) -> None:
    """Time of each step over the whole run."""
    from tabulate import tabulate

    from speccompiler.graph.shapes import defined_multiply_adds

    total = sum(result.step_seconds) or 1.0
    rows = []
    for step, spent in zip(compiled.plan.steps, result.step_seconds, strict=True):
        # A multiply-add is two operations. The count is a number: no length of a plan is open.
        count = defined_multiply_adds(step.node) if step.candidate is not None else 0
        work = 2 * count * result.done.samples if isinstance(count, int) else 0
        speed = f"{work / spent / 1e9:.1f}" if work and spent else ""
        share = f"{100 * spent / total:.1f}%"
        rows.append((printable(step.target), step.kernel, seconds(spent), share, speed))
    headers = ("step", "kernel", "time", "share", "GFLOP/s")
    align = ("left", "left", "right", "right", "right")
    table = tabulate(rows, headers=headers, colalign=align, disable_numparse=True)
    memory = compiled.plan.peak_bytes(compiled.batch_size, compiled.threads)
    click.echo(f"{table}\nmemory of the plan: {size(memory)}", err=err)
