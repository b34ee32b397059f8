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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import field

import speccompiler
from speccompiler.arrays.array_input import ArrayInput
from speccompiler.dask.recipe import Recipe
from speccompiler.dask.worker_models import TURN, runner_here
from speccompiler.diagnostics.core import Problem, SpecError, about
from speccompiler.frozen import dataclass
from speccompiler.kernels.executor import Array
from speccompiler.running.run_tasks import Destination, Progress, Run, run_tasks
from speccompiler.running.tasks import TaskGrid

MOST_OPEN = 2
"""Runs whose files a worker keeps open."""
OpenInputs = Callable[[], AbstractContextManager[Sequence[ArrayInput]]]


@dataclass(frozen=True, slots=True)
class InputFacts:
    """What has to be the same wherever an input is opened."""

    shape: tuple[int, ...]
    dtype: str
    identity: str | None

    @staticmethod
    def of(source: ArrayInput) -> InputFacts:
        """The facts of an opened input."""
        return InputFacts(source.shape, source.dtype.str, source.identity)


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """Everything that a task of a run needs; it pickles."""

    recipe: Recipe
    grid: TaskGrid
    open_inputs: OpenInputs
    inputs: tuple[InputFacts, ...]
    destinations: tuple[Destination, ...]
    """Their outputs pickle by their paths."""
    judged: int
    level: str | None
    """The instruction set that rounds as the run began."""
    host: str = field(default_factory=platform.node)
    version: str = speccompiler.__version__


class Ended(Exception):
    """The run was broken off while a task was under way."""


@dataclass(slots=True)
class _Opened:
    """A run as a worker has it."""

    run: RemoteRun | None = None
    sources: Sequence[ArrayInput] = ()
    files: ExitStack = field(default_factory=ExitStack)
    lock: threading.Lock = field(default_factory=threading.Lock)


_opened: OrderedDict[str, _Opened] = OrderedDict()
_ended: deque[str] = deque(maxlen=1000)
"""Runs of which nothing is to be done any longer."""
_under_way: dict[str, int] = {}
_lock = threading.Lock()


def do_task(token: str, sent: bytes, number: int) -> Progress:
    """Do a task of a run, and return when its outputs are safe. ``SpecError``."""
    with _counted(token):
        opened = _open(token, sent)
        run = opened.run
        assert run is not None, "it was opened"
        runner = runner_here(run.recipe)

        def compute(tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
            if token in _ended:
                raise Ended
            with TURN:
                runner.run_tile(tile, batches, outputs)

        work = Run(
            runner, run.grid, opened.sources, run.destinations, judged=run.judged, compute=compute
        )
        # Problems with an output name its file already; any other is a problem with the input.
        with about(opened.sources[0].name):
            return run_tasks(work, [run.grid[number]])


def end_here(token: str) -> int:
    """Let no further batch of a run be computed here; how many of its tasks are under way."""
    with _lock:
        _ended.append(token)
        if not _under_way.get(token):
            opened = _opened.pop(token, None)
            if opened is not None:
                opened.files.close()
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


def _open(token: str, sent: bytes) -> _Opened:
    """The run as it is here, opened by whoever comes first."""
    with _lock:
        opened = _opened.setdefault(token, _Opened())
        _opened.move_to_end(token)
        old = [name for name in _opened if name != token and not _under_way.get(name)]
        for name in old[: max(0, len(_opened) - MOST_OPEN)]:
            _opened.pop(name).files.close()
    with opened.lock:
        if opened.run is None:
            run = _read(sent)
            stack = ExitStack()
            try:
                opened.sources = stack.enter_context(run.open_inputs())
                _check(run, opened.sources)
            except BaseException as error:
                stack.close()
                raise _with_host(error) from None
            opened.files, opened.run = stack, run
        return opened


def _read(sent: bytes) -> RemoteRun:
    """What was sent. CS203 where its outputs are not here."""
    try:
        run = pickle.loads(sent)
    except OSError as error:
        problem = Problem(
            "CS203",
            f"a worker on {platform.node()} cannot write to it",
            "keep outputs on storage that every worker sees under the same path",
        )
        raise SpecError([problem.at(file=str(error.filename))]) from None
    assert isinstance(run, RemoteRun), "nothing else is sent"
    return run


def _check(run: RemoteRun, sources: Sequence[ArrayInput]) -> None:
    """CS203 where this worker would not compute the same from the same."""
    here = platform.node()
    if run.version != speccompiler.__version__:
        raise Problem(
            "CS203",
            f"a worker on {here} has convspec {speccompiler.__version__}, and the run was begun "
            f"by {run.version}",
            "install the same version on every worker",
        )
    level = level_here(run.recipe.compiling.target)
    if run.level != level:
        raise Problem(
            "CS203",
            f"a worker on {here} computes with {level}, and the run was begun with {run.level}: "
            "bits would differ",
            f"set CONVSPEC_ISA to the lower of the two here and on all workers",
        )
    for source, facts in zip(sources, run.inputs, strict=True):
        found = InputFacts.of(source)
        # Elsewhere the same file may have another number, and its time may be rounded.
        same = found == facts if here == run.host else found.shape == facts.shape
        if not same:
            raise SpecError(
                [
                    Problem(
                        "CS203",
                        f"a worker on {here} has another file under this path",
                        "keep inputs on storage that every worker sees, and do not change them "
                        "during a run",
                    ).at(file=source.name)
                ]
            )


def _with_host(error: BaseException) -> BaseException:
    """What a worker found about its files, with where that was."""
    if not isinstance(error, SpecError) or any(d.code == "CS203" for d in error.diagnostics):
        return error
    first = error.diagnostics[0]
    problem = Problem(
        "CS203",
        f"a worker on {platform.node()} cannot use it: {first.message}",
        "keep inputs on storage that every worker sees under the same path",
    )
    return SpecError([problem.at(file=first.file)])


def level_here(target: str) -> str | None:
    """The instruction set that the CPU's kernels are of; None for other targets."""
    if target != "cpu":
        return None
    from speccompiler.system.processor import host_level

    return host_level().name
