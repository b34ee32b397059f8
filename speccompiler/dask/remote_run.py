"""What workers do of ``convspec run --scheduler``: whole tasks, from file to file.

A worker is sent what the run is once, as bytes; it opens inputs, outputs and the model when its
first task asks for them. A task is a number. What comes back is how much was done: the values
are on the disk by then.
"""

from __future__ import annotations

import pickle
import platform
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import speccompiler
from speccompiler.arrays.array_input import ArrayInput
from speccompiler.dask.findings import travelling
from speccompiler.dask.recipe import Recipe
from speccompiler.dask.worker_models import TURN, runner_here
from speccompiler.diagnostics.core import Problem, SpecError, about
from speccompiler.frozen import dataclass
from speccompiler.kernels.executor import Array
from speccompiler.running.remote_task import (
    Opener,
    TaskDone,
    TaskRecipe,
    close_inputs,
    run_one,
)
from speccompiler.running.tiles import TileRunner

MOST_KEPT = 4
"""Runs whose files a worker keeps open."""
SHARED = "keep it on storage that every worker sees under the same path"


@dataclass(frozen=True, slots=True)
class SharedInput:
    """Opens an input on a worker: the one that the run was begun with, or CS203."""

    opener: Opener
    name: str
    shape: tuple[int, ...]
    dtype: str
    identity: str | None
    host: str

    @staticmethod
    def of(opener: Opener, name: str) -> SharedInput:
        """What ``opener`` opens is to be what it opens here. ``SpecError``."""
        with about(name), opener() as source:
            facts = source.shape, source.dtype.str, source.identity
        return SharedInput(opener, name, *facts, platform.node())

    def __call__(self) -> ArrayInput:
        """The input, open here."""
        here = platform.node()
        try:
            with about(self.name):
                source = self.opener()
        except SpecError as error:
            raise _elsewhere(self.name, f"cannot use it: {error.diagnostics[0].message}") from None
        same = (source.shape, source.dtype.str) == (self.shape, self.dtype)
        # On another machine the same file may have another number, and a rounded time.
        if not same or (here == self.host and source.identity != self.identity):
            source.close()
            raise _elsewhere(self.name, "has another file under this path, or one that has changed")
        return source


def _elsewhere(file: str, what: str) -> SpecError:
    problem = Problem("CS203", f"a worker on {platform.node()} {what}", SHARED)
    return SpecError([problem.at(file=file)])


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """Everything that a task of a run needs; it pickles."""

    recipe: Recipe
    tasks: TaskRecipe

    def sent(self) -> bytes:
        """It, and what decides whether a worker can read it and would compute the same bits."""
        level = _level(self.recipe.compiling.target)
        target = self.recipe.compiling.target
        return pickle.dumps((speccompiler.__version__, target, level, pickle.dumps(self)))


def _received(sent: bytes) -> RemoteRun:
    """The run that was sent, with its outputs open. CS203 where it cannot go on here."""
    version, target, level, data = pickle.loads(sent)
    here, found = platform.node(), _level(target)
    if version != speccompiler.__version__:
        raise Problem(
            "CS203",
            f"a worker on {here} has convspec {speccompiler.__version__}, and this is {version}",
            "install the same version everywhere",
        )
    if level != found:
        raise Problem(
            "CS203",
            f"a worker on {here} computes with {found}, and this machine with {level}: bits would "
            "differ",
            "set CONVSPEC_ISA to the lower of the two everywhere",
        )
    try:
        run = pickle.loads(data)
    except OSError as error:
        raise _elsewhere(str(error.filename or "--output"), "cannot write to it") from None
    assert isinstance(run, RemoteRun), "nothing else is sent"
    return run


class Ended(Exception):
    """The run was broken off while a task was under way."""


_read: OrderedDict[str, RemoteRun] = OrderedDict()
_ended: deque[str] = deque(maxlen=1000)
"""Runs of which nothing is to be done any longer."""
_under_way: dict[str, int] = {}
_lock = threading.Lock()


def do_task(token: str, sent: bytes, number: int) -> TaskDone:
    """Do a task of a run, and return when its outputs are safe. ``SpecError``."""
    with travelling(), _counted(token):
        run = _run_here(token, sent)
        runner = cast(TileRunner, _InTurn(runner_here(run.recipe), token))
        with about("the array"):
            return run_one(runner, run.tasks, number)


@dataclass(frozen=True, slots=True)
class _InTurn:
    """A runner whose tasks take turns, and which stops when its run has ended."""

    runner: TileRunner
    token: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.runner, name)

    def run_tile(self, tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Compute one tile for a batch."""
        with TURN:
            if self.token in _ended:
                raise Ended
            self.runner.run_tile(tile, batches, outputs)


def end_here(token: str) -> int:
    """Let no further batch of a run be computed here; how many of its tasks are under way."""
    with _lock:
        _ended.append(token)
        if token not in _under_way:
            _close(token)
        return _under_way.get(token, 0)


@contextmanager
def _counted(token: str) -> Iterator[None]:
    with _lock:
        if token in _ended:
            raise Ended
        _under_way[token] = _under_way.get(token, 0) + 1
    try:
        yield
    finally:
        with _lock:
            _under_way[token] -= 1
            if not _under_way[token]:
                del _under_way[token]
                if token in _ended:
                    _close(token)


def _close(token: str) -> None:
    """Close the files of a run that nobody works for."""
    run = _read.pop(token, None)
    if run is None:
        return
    close_inputs(run.tasks)
    for each in run.tasks.outputs:
        close = getattr(each.written, "close", None)
        if close is not None:
            close()


def _run_here(token: str, sent: bytes) -> RemoteRun:
    """The run that was sent, read by whoever comes first. CS203 where it cannot go on here."""
    with _lock:
        run = _read.get(token)
        if run is None:
            with about("--scheduler"):
                run = _received(sent)
            _read[token] = run
            idle = [name for name in _read if name not in _under_way]
            for name in idle[: max(0, len(_read) - MOST_KEPT)]:
                _close(name)
    return run


def _level(target: str) -> str | None:
    """The instruction set that the CPU's kernels are of."""
    if target != "cpu":
        return None
    from speccompiler.system.processor import host_level

    return host_level().name
