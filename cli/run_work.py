"""The work of ``convspec run``: its outputs are opened, and its tasks are run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from speccompiler.arrays.output_kind import OutputKind
from speccompiler.cli.render import show
from speccompiler.cli.run_kept import check_going_on, kept_run
from speccompiler.cli.run_memory import check_run_memory, run_memory
from speccompiler.cli.run_outputs import (
    CHUNKED,
    Targets,
    arrays_of,
    datasets,
    storage_findings,
    written,
)
from speccompiler.cli.run_parts import Work
from speccompiler.cli.run_scheduler import run_shared
from speccompiler.cli.run_unfinished import Unfinished
from speccompiler.diagnostics.core import about

if TYPE_CHECKING:
    from speccompiler.arrays.zarr_array import ZarrArray
    from speccompiler.model import Model
    from speccompiler.running.array_files import RunResult, Summary
    from speccompiler.running.run_tasks import Destination
    from speccompiler.running.tasks import Task, TaskGrid

NPY_TASK_BYTES = 128 << 20
"""Smaller runs from .npy to .npy are not worth being kept."""
ONE_TASK = 1 << 62
"""More bytes than any run has: a run that is gone on with begins at its first batch."""
SHARED_TASKS = 64
"""A small run on a cluster is cut into about as many tasks, where batches allow it."""


def summaries_of(model: Model, targets: Targets, layers: Sequence[str]) -> dict[str, Summary]:
    """What is printed of each output where none is written."""
    from speccompiler.running.array_files import Summary

    if targets.files:
        return {}
    return {name: Summary() for name in dict.fromkeys((*model.output_names, *layers))}


def perform(work: Work, unfinished: Unfinished) -> RunResult:
    """Run everything that is not done yet. ``SpecError``."""
    from speccompiler.running.array_files import ActivitySum, RunResult, profiling
    from speccompiler.running.run_tasks import Run, run_tasks

    result = RunResult(
        work.samples, activity=dict.fromkeys(work.activity, 0.0), terms=work.activity
    )
    sums = [ActivitySum(name, term, result.activity) for name, term in work.activity.items()]
    compute = None
    if work.profile:
        result.step_seconds = [0.0] * len(work.compiled.plan.steps)
        compute = profiling(work.compiled, result.step_seconds)
    arrays = _arrays(work)
    check_going_on(work, arrays, unfinished)
    grid = _grid(work, arrays, unfinished)
    if work.sharing is None:
        check_run_memory(work, grid, chunked=bool(arrays))
    with contextlib.ExitStack() as stack:
        sinks = [*work.summaries.items(), *work.images.items(), *((s.layer, s) for s in sums)]
        places = _in_order(work, sinks, stored=False)
        tasks: Sequence[Task] = list(grid)
        kept = kept_run(work, arrays, grid, unfinished)
        if kept is not None:
            tasks = kept.tasks
            places += _destinations(work, [f for _, f in work.targets.files], kept.outputs)
        elif work.targets.kind is OutputKind.HDF5:
            made = stack.enter_context(datasets(work.targets, arrays))
            shown = dict(work.targets.files)
            places += _destinations(work, [shown[name] for name, _ in made], [o for _, o in made])
        else:
            places += _in_order(work, stack.enter_context(written(work.targets, work.shapes)))
        run = Run(
            work.runner,
            grid,
            work.sources,
            places,
            judged=len(work.compiled.model.output_names),
            compute=compute,
            progressed=stack.enter_context(_bar(grid, tasks)),
            finished=(lambda task, bad: None) if kept is None else kept.finished,
        )
        # Problems with an output name its file already; any other is a problem with the input.
        with about(work.sources[0].name):
            if work.sharing is None:
                result.done = run_tasks(run, tasks)
            else:
                memory = run_memory(work, grid, chunked=bool(arrays))
                result.done = run_shared(work.sharing, work.compiled, run, tasks, memory)
        result.non_finite = result.done.non_finite
        if kept is not None:
            result.non_finite = sum(kept.done.values())
            with about(work.targets.output):
                kept.place.complete()
    return result


def _arrays(work: Work) -> dict[str, ZarrArray]:
    """How chunked outputs are stored, with the warnings that are due."""
    if work.targets.kind not in CHUNKED or not work.targets.files:
        return {}
    from speccompiler.planning.run_bytes import end_bytes
    from speccompiler.running.output_facts import axis_names, output_attributes

    model, options = work.compiled.model, work.compiled.options
    read = {n: s.name for n, s in zip(work.compiled.input_names, work.sources, strict=True)}
    names = [name for name, _ in work.targets.files]
    arrays = arrays_of(
        work.targets,
        work.storing,
        work.shapes,
        dict(zip(work.runner.output_names, work.runner.steps, strict=True)),
        {name: output_attributes(model, options, name, read) for name in names},
        axis_names(model),
        end_bytes(work.compiled.plan)[0],
    )
    show(storage_findings(work.targets, arrays))
    return arrays


def _grid(work: Work, arrays: Mapping[str, ZarrArray], unfinished: Unfinished) -> TaskGrid:
    """The tasks of the run that is gone on with, or new ones."""
    from speccompiler.running.fingerprint import has_fixed_batches
    from speccompiler.running.tasks import cut_into_tasks

    fixed = has_fixed_batches(work.compiled)
    if unfinished.found is not None:
        grid = unfinished.found.grid
        return grid if fixed else grid.in_batches_of(work.runner.batch_size)
    cells: dict[str, tuple[int, ...] | None] = dict.fromkeys(work.runner.output_names)
    cells |= {name: array.layout.cell for name, array in arrays.items()}
    in_order = {*work.images, *work.activity}
    if not work.targets.resumable and work.targets.kind is not OutputKind.HDF5:
        in_order |= {name for name, _ in work.targets.files}
    for name in in_order:
        # Sinks take whole samples, one after another.
        cells[name] = ((cells[name] or (1,))[0], *work.shapes[name][1:])
    return cut_into_tasks(
        work.runner,
        work.samples,
        list(cells.values()),
        [source.chunks for source in work.sources],
        fixed_batches=fixed,
        task_bytes=_task_bytes(work, chunked=bool(arrays)),
    )


def _task_bytes(work: Work, *, chunked: bool) -> int:
    """What a task should read and write at least; a stateful model's batches are one task."""
    from speccompiler.lowering.states import fixed_batch
    from speccompiler.planning.run_bytes import end_bytes
    from speccompiler.running.tasks import TASK_BYTES

    if fixed_batch(work.compiled.model.spec) is not None:
        return ONE_TASK
    if work.sharing is None:
        return TASK_BYTES if chunked else NPY_TASK_BYTES
    # Every worker of a cluster should have some.
    whole = work.samples * sum(end_bytes(work.compiled.plan))
    return max(1, min(TASK_BYTES, whole // SHARED_TASKS))


def _destinations(work: Work, files: Sequence[str], outputs: Sequence[Any]) -> list[Destination]:
    """Outputs that are written in boxes; ``files`` are what they are called."""
    from speccompiler.running.run_tasks import Destination

    numbers = {name: number for number, name in enumerate(work.runner.output_names)}
    names = {file: name for name, file in work.targets.files}
    return [
        Destination(numbers[names[file]], file, output)
        for file, output in zip(files, outputs, strict=True)
    ]


def _in_order(
    work: Work, sinks: Sequence[tuple[str, Any]], *, stored: bool = True
) -> list[Destination]:
    """Sinks that take one sample after another."""
    from speccompiler.running.array_files import InOrder
    from speccompiler.running.run_tasks import Destination

    numbers = {name: number for number, name in enumerate(work.runner.output_names)}
    return [Destination(numbers[name], name, InOrder(sink), stored) for name, sink in sinks]


@contextlib.contextmanager
def _bar(grid: TaskGrid, tasks: Sequence[Task]) -> Iterator[Callable[[int], object]]:
    """What moves a bar on standard error, on a terminal, when there is more than one batch."""
    count = len(grid.tile_numbers(grid[0])) if len(grid) else 1
    left = sum((t.samples[1] - t.samples[0]) * len(grid.tile_numbers(t)) for t in tasks)
    if not sys.stderr.isatty() or left <= grid.batch * count:
        yield lambda done: None
        return
    whole = grid.samples
    for length in grid.tiles:
        whole *= length
    label = "tiles" if grid.tiles else "samples"
    with click.progressbar(length=whole, label=label, file=sys.stderr) as bar:
        bar.update(whole - left)
        yield bar.update
