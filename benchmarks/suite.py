"""The whole run, part by part: results grow, so that a reader can follow."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from . import cases as catalogue
from . import large_arrays, many_sizes, streaming, tiled
from .cases import chosen
from .contenders import Contender, default_math, present
from .imports import imports
from .limits import best, limits
from .machine import machine, versions
from .processes import memory_of, processes_of
from .results import OURS, Results
from .review import reviews
from .scaling import scaling_of
from .speed import speed_row
from .startup import LENET, PEER, starts

PARTS = ("speed", "scaling", "memory", "processes", "startup", "review", "imports")
SCALE_PARTS = ("streaming", "tiled", "lengths", "cluster", "large")
"""What docs/scale.md shows: these take gigabytes of memory and of disk, and the extras."""
WHOLE_PROCESS = ("onnxruntime", "OpenVINO", "torch")
"""Peers that are also run from files; another layout of torch would not be another program."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    parts: tuple[str, ...] = PARTS
    cases: tuple[str, ...] = ()
    """Parts of names; empty for all."""
    contenders: tuple[str, ...] = ()
    threads: int = 2
    seconds: float = 2.0
    rehearsal: bool = False
    """Small arrays, to see that the parts of scale work; their figures mean nothing."""


def measure(wanted: Wanted) -> Iterator[tuple[str, Results]]:
    """Measure part by part: yields what was just done, and everything so far."""
    contenders, missing = present(wanted.contenders)
    results = Results(
        date=datetime.now(UTC).date().isoformat(),
        threads=wanted.threads,
        seconds=wanted.seconds,
        default_math=default_math(),
        machine=machine(),
        versions=versions(),
        limits=limits(wanted.threads),
        missing=missing,
    )
    yield "limits", results
    for part in wanted.parts:
        steps = _PARTS[part](wanted, contenders, results)
        for done, results in steps:
            yield f"{part}: {done}", results
    # A guest machine's clock is not its own: the better of two moments is the limit.
    yield "limits again", replace(results, limits=best(results.limits, limits(wanted.threads)))


Steps = Iterator[tuple[str, Results]]


def _speed(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    for case in chosen(catalogue.CASES, wanted.cases):
        row = speed_row(case, contenders, wanted.threads, wanted.seconds)
        results = replace(results, rows=(*results.rows, row))
        yield case.name, results


def _scaling(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    small, large = catalogue.SMALL_BATCH, catalogue.LARGE_BATCH
    own = [c for c in contenders if c.engine == OURS]
    if chosen((small, large), wanted.cases):
        found = scaling_of(small, large, catalogue.SCALING_BAR, own, wanted.threads, wanted.seconds)
        yield large.name, replace(results, scaling=found)


def _memory(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    names = [c.name for c in contenders if c.engine == OURS or c.name in WHOLE_PROCESS]
    for case in chosen(catalogue.MEMORY_CASES, wanted.cases):
        found = memory_of(case, names, wanted.threads)
        results = replace(results, memory=(*results.memory, *found))
        yield case.name, results


def _processes(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    names = [c.name for c in contenders if c.name in (results.ours, *WHOLE_PROCESS)]
    for case in chosen(catalogue.PROCESS_CASES, wanted.cases):
        found = processes_of(case, names, wanted.threads)
        results = replace(results, processes=(*results.processes, *found))
        yield case.name, results


def _startup(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    if chosen((LENET,), wanted.cases):
        peer = any(c.name == PEER for c in contenders)
        yield "short commands", replace(results, starts=starts(wanted.threads, peer=peer))


def _review(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    if not wanted.cases:
        yield "large models", replace(results, reviews=tuple(reviews()))


def _imports(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    # Contenders that are not wanted are not among those that are missed.
    if importlib.util.find_spec("onnx") is not None:
        cases = chosen(catalogue.IMPORTS, wanted.cases)
        for found in imports(cases, wanted.threads, wanted.seconds):
            results = replace(results, imports=(*results.imports, found))
            yield found.case, results


def _streaming(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    found = streaming.streamed(wanted.threads, _stream_sizes(wanted))
    yield found.case, replace(results, streamed=(*results.streamed, found))


def _cluster(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    found = streaming.clustered(wanted.threads, _stream_sizes(wanted))
    yield found.case, replace(results, clustered=(*results.clustered, found))


def _stream_sizes(wanted: Wanted) -> streaming.Sizes:
    return streaming.Sizes(12, 4, 2, 32, 1) if wanted.rehearsal else streaming.Sizes()


def _tiled(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    torch = any(c.engine == "torch" for c in contenders)
    sizes = tiled.Sizes(256, 512, 128) if wanted.rehearsal else tiled.Sizes()
    for found in tiled.tiled(wanted.threads, sizes, torch=torch):
        results = replace(results, tiled=(*results.tiled, found))
        yield f"{found.image} {found.contender} {found.tile or 'whole'}", results


def _lengths(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    sizes = many_sizes.Sizes(10, 1) if wanted.rehearsal else many_sizes.Sizes()
    for case, found in many_sizes.many_sizes(contenders, wanted.threads, sizes):
        results = replace(results, lengths=(*results.lengths, *found))
        yield case, results


def _large(wanted: Wanted, contenders: tuple[Contender, ...], results: Results) -> Steps:
    gigabytes = 0.2 if wanted.rehearsal else 20.0
    with tempfile.TemporaryDirectory() as folder:
        found = large_arrays.large_array(large_arrays.Wanted(gigabytes), Path(folder))
    yield f"{found.gigabytes:.0f} GB", replace(results, large=(*results.large, found))


_PARTS = {
    "speed": _speed,
    "scaling": _scaling,
    "memory": _memory,
    "processes": _processes,
    "startup": _startup,
    "review": _review,
    "imports": _imports,
    "streaming": _streaming,
    "tiled": _tiled,
    "lengths": _lengths,
    "cluster": _cluster,
    "large": _large,
}
