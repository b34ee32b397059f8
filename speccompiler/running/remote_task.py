"""One task of a run, done in another process: on a worker, which opens inputs and outputs itself.

The process that shares the work out keeps the journal (``unfinished_run.py``): it notes a task
when ``run_one`` has returned, which is when its outputs are safe on the disk.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.frozen import dataclass
from speccompiler.running.run_tasks import Destination, Run, run_tasks
from speccompiler.running.tasks import TaskGrid
from speccompiler.running.tiles import TileRunner
from speccompiler.system.fork_lock import ForkLock

Opener = Callable[[], ArrayInput]
"""Opens an input, where it is called; it pickles, as a partial of a function and a name does."""


def _new_key() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class TaskRecipe:
    """All of a run but its model, which a worker has compiled already. It pickles.

    Outputs pickle by their place, and are opened where they arrive; those that are written from
    their start to their end, and summaries, are not for workers.
    """

    grid: TaskGrid
    inputs: tuple[Opener, ...]
    outputs: tuple[Destination, ...]
    judged: int
    """Of this many outputs, from the first, values that are not finite are counted."""
    key: str = field(default_factory=_new_key)
    """Tells the recipe of one run from that of another, in a process that works for both."""


@dataclass(frozen=True, slots=True)
class TaskDone:
    """What came of a task whose outputs are safe."""

    number: int
    non_finite: int
    samples: int
    tiles: int
    seconds: float
    """Inside kernels."""
    read_bytes: int
    written_bytes: int


def run_one(runner: TileRunner, recipe: TaskRecipe, number: int) -> TaskDone:
    """Read, compute, write and sync one task. Safe from several threads. ``SpecError``."""
    grid = recipe.grid.in_batches_of(min(recipe.grid.batch, runner.batch_size))
    with _held(recipe) as sources:
        run = Run(runner, grid, sources, recipe.outputs, judged=recipe.judged)
        done = run_tasks(run, [grid[number]])
    return TaskDone(
        number,
        done.non_finite,
        done.samples,
        done.tiles,
        done.seconds,
        done.read_bytes,
        done.written_bytes,
    )


@dataclass(slots=True)
class _Opened:
    """The inputs of a run in this process, and how many tasks use them now."""

    sources: Sequence[ArrayInput]
    users: int = 0


_opened: dict[str, _Opened] = {}
_lock = ForkLock()


@contextlib.contextmanager
def _held(recipe: TaskRecipe) -> Iterator[Sequence[ArrayInput]]:
    """The inputs, open; they stay open for the next task until one of another run comes."""
    with _lock.now:
        if recipe.key not in _opened:
            for key in [key for key, each in _opened.items() if not each.users]:
                _close(_opened.pop(key).sources)
            _opened[recipe.key] = _Opened(_open(recipe.inputs))
        held = _opened[recipe.key]
        held.users += 1
    try:
        yield held.sources
    finally:
        with _lock.now:
            held.users -= 1


def close_inputs(recipe: TaskRecipe) -> None:
    """Close the inputs of a run, of which no task is under way here."""
    with _lock.now:
        held = _opened.get(recipe.key)
        if held is not None and not held.users:
            _close(_opened.pop(recipe.key).sources)


def _open(openers: Sequence[Opener]) -> list[ArrayInput]:
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(opener()) for opener in openers]
        stack.pop_all()
    return sources


def _close(sources: Sequence[ArrayInput]) -> None:
    for source in sources:
        source.close()
