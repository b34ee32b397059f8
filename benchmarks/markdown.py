"""The results as a page for docs/."""

from __future__ import annotations

from . import figures
from .results import Results
from .table import tables


def as_markdown(results: Results, picture: str | None = None) -> str:
    """``picture``: a file beside the page."""
    parts = [
        f"# Benchmarks: {results.machine.cpu}, {results.machine.lanes} lanes",
        "Made by `python -m benchmarks` from the JSON beside it; do not edit. All runtimes compute "
        "the same networks with the same weights and the same number of threads, in one run and "
        "in turns. Outputs were compared. The fastest call of each is in the JSON beside the "
        "median. How: [CONTRIBUTING](../CONTRIBUTING.md#benchmarks).",
        "\n".join(f"* {line}" for line in about(results)),
    ]
    if picture is not None:
        parts.append(f"![{alt_text(results)}]({picture})")
    for table in tables(results):
        parts.append(f"## {table.title}")
        if table.note:
            parts.append(table.note)
        parts.append(table.render("github"))
    return "\n\n".join(parts) + "\n"


def about(results: Results) -> list[str]:
    """The conditions, a line each."""
    machine, limits = results.machine, results.limits
    lines = [
        f"{results.date}, {machine.cpu}, {machine.cores} cores, {machine.memory_gib:g} GiB, "
        f"{machine.system}",
        f"{results.threads} threads, float32, {machine.lanes} lanes to a vector, "
        f"about {results.seconds:g} s for each contender and case, medians",
        f"measured limits: {limits.gflops:.0f} GFLOP/s, {limits.cache_gbps:.0f} GB/s copying in "
        f"cache, {limits.memory_gbps:.0f} GB/s in memory",
        ", ".join(f"{name} {version}" for name, version in results.versions.items()),
    ]
    if results.missing:
        lines.append(missing_line(results.missing))
    return lines


def missing_line(modules: tuple[str, ...]) -> str:
    """What to do about peers that are not there."""
    return f"not compared, for want of {', '.join(modules)}: pip install --group bench"


def alt_text(results: Results) -> str:
    """The picture in words."""
    ratios = [r for row in results.rows if (r := row.ratio(results.ours)) is not None]
    if not ratios:
        return "Time of each network in each runtime"
    ahead = sum(r >= 1 for r in ratios)
    return (
        f"Time of each network in each runtime, and how much faster than the best peer convspec "
        f"is: at least as fast in {ahead} of {len(ratios)} cases"
    )


def bars_line(results: Results) -> str:
    """How many bars were met, for the end of a run."""
    verdicts = [
        *(figures.verdict(row, results.ours) for row in results.rows),
        *(figures.scaling_verdict(s) for s in results.scaling if s.contender == results.ours),
        *(figures.process_verdict(p, results.processes, results.ours) for p in results.processes),
        *map(figures.start_verdict, results.starts),
        *map(figures.review_verdict, results.reviews),
        *map(figures.imported_verdict, results.imports),
        *map(figures.streamed_verdict, results.streamed),
        *map(figures.clustered_verdict, results.clustered),
        *map(figures.large_verdict, results.large),
    ]
    met = sum(v.endswith(f": {figures.MET}") for v in verdicts)
    missed = sum(v.endswith(f": {figures.NOT_MET}") for v in verdicts)
    return f"{met} of {met + missed} bars met"
