"""The tasks of ``convspec run --scheduler``: handed to a cluster, shown as they are done."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.scheduler_option import LOCAL
from speccompiler.diagnostics.core import Problem, SpecError, about
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from distributed import Client

    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.compiled import CompiledModel
    from speccompiler.dask.clusters import LocalWorkers
    from speccompiler.running.remote_task import Opener
    from speccompiler.running.run_tasks import Progress, Run
    from speccompiler.running.tasks import Task


@dataclass(frozen=True, slots=True)
class Sharing:
    """What the workers of a cluster are given beside the run."""

    scheduler: str
    compiled: CompiledModel
    tile: tuple[int, ...] | None
    openers: Sequence[Opener]
    """What opens each input on a worker."""
    task_bytes: int
    """What a task takes beside the plan."""
    plan_bytes: int


def run_shared(sharing: Sharing, run: Run, tasks: Sequence[Task]) -> Progress:
    """Do the tasks on the cluster. ``SpecError``."""
    from speccompiler.dask.clusters import connected
    from speccompiler.dask.run_on_cluster import run_on_cluster

    remote = _remote(sharing, run)
    where = _where(sharing.scheduler)
    threads = 1 if isinstance(where, str) else where.threads
    needed = sharing.plan_bytes + threads * sharing.task_bytes
    with about("--scheduler"), connected(where, needed) as client:
        _say(client, where)
        with _bar(len(run.grid), len(tasks)) as done:
            return run_on_cluster(
                client, remote, tasks, finished=run.finished, progressed=lambda task: done(1)
            )


def _remote(sharing: Sharing, run: Run) -> Any:
    """The run as it is sent. CS201 for an input that is read from its start."""
    from speccompiler.dask.recipe import Recipe
    from speccompiler.dask.remote_run import RemoteRun, SharedInput
    from speccompiler.running.remote_task import TaskRecipe

    for source in run.sources:
        if not source.has_boxes:
            with about(source.name):
                raise Problem(
                    "CS201",
                    "it can only be read from its start, and each task begins elsewhere",
                    "save it as .npy or Zarr, or leave out --scheduler",
                )
    compiled = sharing.compiled
    options = dataclass_replaced(compiled)
    inputs = [
        SharedInput.of(opener, source)
        for opener, source in zip(sharing.openers, run.sources, strict=True)
    ]
    model = compiled.model
    try:
        recipe = Recipe.of(model, options, sharing.tile)
    except Problem as problem:
        raise model.refused(problem, model.weights_file) from None
    tasks = TaskRecipe(run.grid, tuple(inputs), tuple(run.destinations), run.judged)
    return RemoteRun.of(recipe, tasks)
