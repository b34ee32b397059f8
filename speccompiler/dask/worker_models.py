"""The models of this process: each compiled once, however many tasks ask for it at once."""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter, OrderedDict
from dataclasses import field, replace

from speccompiler.dask.recipe import Recipe
from speccompiler.frozen import dataclass
from speccompiler.running.tiles import TileRunner, WholeSamples
from speccompiler.system.fork_lock import ForkLock
from speccompiler.system.threads import default_threads

MOST_KEPT = 4
"""Models that a process keeps; the one that was not used for longest is dropped."""
TURN = ForkLock()
"""Held while kernels run. One task has all threads of the worker; others prepare or wait."""
compilations: Counter[str] = Counter()
"""How often each recipe was compiled in this process, by its fingerprint."""


@dataclass(slots=True)
class _Kept:
    """A model that is compiled by whoever comes first."""

    lock: ForkLock = field(default_factory=ForkLock)
    runner: TileRunner | None = None


_kept: OrderedDict[tuple[str, int], _Kept] = OrderedDict()
_lock = ForkLock()


def runner_here(recipe: Recipe) -> TileRunner:
    """The model of a recipe, compiled in this process. ``SpecError``."""
    threads = recipe.compiling.threads or threads_here()
    with _lock.now:
        entry = _kept.setdefault((recipe.fingerprint, threads), _Kept())
        _kept.move_to_end((recipe.fingerprint, threads))
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    with entry.lock.now:
        # What fails is tried again: a file may be there the next time.
        if entry.runner is None:
            entry.runner = _compiled(recipe, threads)
            compilations[recipe.fingerprint] += 1
        return entry.runner


def _compiled(recipe: Recipe, threads: int) -> TileRunner:
    model = recipe.model()
    compiled = model.compiled(replace(recipe.compiling, threads=threads))
    return WholeSamples(compiled) if compiled.options.tile is None else compiled.tiled()


def kept() -> int:
    """How many models this process holds."""
    return len(_kept)


def forget() -> None:
    """Drop every model; those that run go on."""
    with _lock.now:
        _kept.clear()


def threads_here() -> int:
    """The threads that a task has where nobody says it.

    Those of the worker that it runs on. Where a pool of processes was started by Dask's own
    scheduler, there is a process for each processor, and one thread each.
    """
    distributed = sys.modules.get("distributed")
    if distributed is not None:
        try:
            worker = distributed.get_worker()
        except ValueError:
            pass
        else:
            return max(1, min(int(worker.state.nthreads), default_threads()))
    return default_threads() if multiprocessing.parent_process() is None else 1
