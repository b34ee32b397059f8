"""The tasks of ``convspec run --scheduler``: handed to a cluster, shown as they are done."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from speccompiler.cli.scheduler_option import LOCAL
from speccompiler.diagnostics.core import Problem, about
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from distributed import Client

    from speccompiler.arrays.picture_form import PictureOptions
    from speccompiler.compiled import CompiledModel
    from speccompiler.dask.clusters import LocalWorkers
    from speccompiler.dask.remote_run import RemoteRun
    from speccompiler.model import Model
    from speccompiler.running.remote_task import Opener
    from speccompiler.running.run_tasks import Progress, Run
    from speccompiler.running.tasks import Task


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who does the tasks, and how they find the inputs."""

    scheduler: str
    """As ``--scheduler`` says."""
    openers: Sequence[Opener]
    """What opens each input on a worker."""
    threads: int | None
    """Of each worker, where the user says it."""


def run_shared(
    sharing: Sharing,
    compiled: CompiledModel,
    run: Run,
    tasks: Sequence[Task],
    memory: tuple[int, int],
) -> Progress:
    """Do the tasks on the cluster. ``SpecError``.

    ``memory`` are bytes of the plan, and of what each task takes beside it.
    """
    from speccompiler.dask.clusters import connected
    from speccompiler.dask.run_on_cluster import run_on_cluster

    remote = _remote(sharing, compiled, run)
    where = _where(sharing.scheduler)
    threads = 1 if isinstance(where, str) else where.threads
    with (
        about("--scheduler"),
        connected(where, memory[0] + threads * memory[1]) as client,
        _bar(len(run.grid), len(tasks)) as done,
    ):
        _say(client, where)
        return run_on_cluster(
            client, remote, tasks, finished=run.finished, progressed=lambda task: done(1)
        )


def _remote(sharing: Sharing, compiled: CompiledModel, run: Run) -> RemoteRun:
    """The run as it is sent. CS201 for an input that is read from its start."""
    from speccompiler.dask.fixed_tiles import fixed_sizes
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
    options = replace(
        compiled.options,
        batch_size=compiled.batch_size,
        threads=sharing.threads,
        samples=None,
        tune=False,
    )
    if options.tile is not None:
        tiled = compiled.tiled()
        lowered, _ = compiled.model.tapped(options.input_shape, options.layers)
        sizes = fixed_sizes(tiled.tiled.tiling, lowered)
        options = replace(options, tile=sizes, batch_size=tiled.batch_size)
    inputs = [
        SharedInput.of(opener, source.name)
        for opener, source in zip(sharing.openers, run.sources, strict=True)
    ]
    model = compiled.model
    try:
        recipe = Recipe.of(model, options)
    except Problem as problem:
        raise model.refused(problem, model.weights_file) from None
    tasks = TaskRecipe(run.grid, tuple(inputs), tuple(run.destinations), run.judged)
    return RemoteRun(recipe, tasks)


def sharing_of(
    scheduler: str | None,
    model: Model,
    files: Mapping[str | None, str],
    pictures: PictureOptions,
    threads: int | None,
) -> Sharing | None:
    """How a run is shared; None where it is not."""
    if scheduler is None:
        return None
    return Sharing(scheduler, input_openers(model, files, pictures), threads)


def input_openers(
    model: Model, files: Mapping[str | None, str], pictures: PictureOptions
) -> list[Opener]:
    """What opens each input on a worker, whose folder is another."""
    from speccompiler.arrays.open_input import open_input
    from speccompiler.running.input_form import input_form

    found: list[Opener] = []
    for name in model.input_names:
        place = _absolute(files[None] if None in files else files[name])
        if None in files and len(model.input_names) > 1:
            place = f"{place}::{name}"
        found.append(partial(open_input, place, input_form(model, name, pictures)))
    return found


def _absolute(text: str) -> str:
    """The same place, wherever it is asked for."""
    from speccompiler.arrays.places import place_of

    return text if place_of(text).scheme is not None else os.path.join(os.getcwd(), text)


def _where(scheduler: str) -> str | LocalWorkers:
    from speccompiler.dask.clusters import LocalWorkers

    name, _, count = scheduler.partition(":")
    if name != LOCAL:
        return scheduler
    return LocalWorkers(int(count) if count else None)


def _say(client: Client, where: str | LocalWorkers) -> None:
    """Who does the work, where the user does not know it anyway."""
    if not isinstance(where, str):
        return
    workers = client.nthreads()
    if not workers:
        click.echo(f"waiting for workers: the scheduler at {where} has none yet", err=True)
    link = dashboard(client)
    if link is not None:
        click.echo(f"dashboard: {link}", err=True)


def dashboard(client: Client) -> str | None:
    """The address of a cluster's dashboard, where it has one: a scheduler without Bokeh has not."""
    services = client.scheduler_info(n_workers=0)["services"]
    shown = "dashboard" in services and find_spec("bokeh") is not None
    return str(client.dashboard_link) if shown else None


@contextlib.contextmanager
def _bar(tasks: int, left: int) -> Iterator[Callable[[int], None]]:
    """What moves a bar on standard error, on a terminal: tasks end one by one."""
    if not sys.stderr.isatty() or left < 2:
        yield lambda done: None
        return
    with click.progressbar(length=tasks, label="tasks", file=sys.stderr) as bar:
        bar.update(tasks - left)
        yield bar.update
