"""The results as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import figures
from .results import OURS, Results, Row
from .scale_tables import scale_tables
from .table_text import Table

SHORT = {
    "convspec fast": "fast",
    "convspec precise": "precise",
    "torch channels last": "torch c.l.",
}


def tables(results: Results) -> Iterator[Table]:
    """One for each part that was measured."""
    if results.rows:
        yield _speed(results)
    if results.scaling:
        yield _scaling(results)
    if results.memory:
        yield _memory(results)
    if results.processes:
        yield _processes(results)
    if results.starts:
        yield _starts(results)
    if results.reviews:
        yield _reviews(results)
    if results.imports:
        yield _imports(results)
    for _, table in scale_tables(results):
        yield table


def _speed(results: Results) -> Table:
    names = figures.in_order(m.contender for row in results.rows for m in row.measured)
    own = [name for name in names if name.startswith(OURS)]
    header = (
        "median ms",
        *(SHORT.get(name, name) for name in names),
        *(f"peer/{SHORT[name]}" for name in own),
        "bar",
        "rate",
        "of limit",
    )
    note = (
        "fast and precise are convspec's; peer/fast is the best peer's time over convspec's. "
        f"Bar, rate and share are those of {results.ours}, which is the default. Rates count "
        "the operations of the direct algorithm, so Winograd may pass 100% of the limit."
    )
    cells = tuple(_speed_cells(row, names, own, results) for row in results.rows)
    return Table("Networks and layers", note, header, cells)


def _speed_cells(
    row: Row, names: Sequence[str], own: Sequence[str], results: Results
) -> tuple[str, ...]:
    rate = figures.rate_of(row, results.ours, results.limits)
    return (
        row.case,
        *(figures.time_of(row, name) for name in names),
        *(figures.ratio_of(row, name) for name in own),
        figures.verdict(row, results.ours),
        rate.amount,
        rate.share,
    )


def _scaling(results: Results) -> Table:
    cells = tuple(
        (
            s.contender,
            f"{s.small} {figures.milliseconds(s.small_ms)}",
            f"{s.large} {figures.milliseconds(s.large_ms)}",
            f"{s.ratio:.2f}",
            figures.scaling_verdict(s),
        )
        for s in results.scaling
    )
    header = ("median ms", "small batch", "large batch", "large/small", "bar")
    return Table("Scaling with the batch", "", header, cells)


def _memory(results: Results) -> Table:
    names = figures.in_order(m.contender for m in results.memory)
    peaks = {(m.case, m.contender): m.peak_mib for m in results.memory}
    cells = tuple(
        (case, *(f"{peaks[case, n]:.0f}" if (case, n) in peaks else "" for n in names))
        for case in dict.fromkeys(m.case for m in results.memory)
    )
    note = "Of a process that reads model, weights and input and runs the model three times."
    return Table("Peak resident memory", note, ("MiB", *names), cells)


def _processes(results: Results) -> Table:
    cells = []
    for p in results.processes:
        ratio = figures.process_ratio(p, results.processes)
        cells.append(
            (
                f"{p.case}, {p.contender}" + ("" if p.right else f", wrong by {p.difference:.0e}"),
                f"{p.first_s:.2f}",
                f"{p.second_s:.2f}",
                "" if ratio is None else f"{ratio:.2f}",
                figures.process_verdict(p, results.processes, results.ours),
            )
        )
    note = (
        "From the command to the written file: convspec run against a Python program. "
        "First: with empty caches. The ratio is of the second runs."
    )
    header = ("median s", "first run", "second run", f"{figures.PROCESS_PEER}/this", "bar")
    return Table("Whole processes", note, header, tuple(cells))


def _starts(results: Results) -> Table:
    cells = tuple(
        (
            start.command,
            start.floor,
            f"{start.median_s * 1e3:.0f}",
            f"{start.floor_s * 1e3:.0f}",
            f"{start.ratio:.2f}",
            f"{start.least_s / start.least_floor_s:.2f}",
            figures.start_verdict(start),
        )
        for start in results.starts
    )
    note = (
        "Whole processes with warm caches, beside one that imports what such a command is made "
        "of, or that runs the same network. The ratios are of medians, and of the fastest runs."
    )
    header = ("median ms", "beside", "command", "that", "ratio", "of the fastest", "bar")
    return Table("Start-up", note, header, cells)


def _reviews(results: Results) -> Table:
    cells = tuple(
        (
            f"{review.command}, {review.model}, {review.way}",
            f"{review.median_s:.2f}",
            f"{review.processor_s:.2f}",
            f"{review.median_s / review.goal_s:.2f}",
            f"{review.peak_mib:.0f}",
            figures.review_verdict(review),
        )
        for review in results.reviews
    )
    note = "Whole processes, in turns; diff compares the model with one of three changes."
    header = ("median s", "command", "processor", "of the goal", "peak MiB", "bar")
    return Table("Reviews of large models", note, header, cells)


def _imports(results: Results) -> Table:
    cells = tuple(
        (
            found.case,
            figures.milliseconds(found.native_ms),
            figures.milliseconds(found.import_ms),
            f"{found.ratio:.2f}",
            f"{found.least_import_ms / found.least_native_ms:.2f}",
            f"{found.difference:.0e}",
            figures.imported_verdict(found),
        )
        for found in results.imports
    )
    note = (
        "The same network and weights as a native spec, channels last, and as an ONNX file, "
        "channels first, in turns. The ratios are the file's time over the spec's, of medians and "
        "of the fastest runs; a file may have one transpose of images more."
    )
    header = ("median ms", "spec", "ONNX file", "ratio", "of the fastest", "difference", "bar")
    return Table("ONNX files", note, header, cells)
