"""Hands the tasks of a run to a cluster, a bounded number at a time, and keeps count.

A task whose worker is lost is run again by another: the scheduler sees to that. The first finding
ends the run.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from speccompiler.dask.remote_run import RemoteRun, do_task, end_here
from speccompiler.diagnostics.core import Problem
from speccompiler.running.remote_task import TaskDone
from speccompiler.running.run_tasks import Progress
from speccompiler.running.tasks import Task

if TYPE_CHECKING:
    from distributed import Client

LEAST_IN_FLIGHT = 16
"""Enough for a scheduler to see that more workers would help."""
IN_FLIGHT_A_THREAD = 2
FAREWELL = 30.0
"""Seconds that tasks under way are given to notice that the run was broken off."""


def run_on_cluster(
    client: Client,
    run: RemoteRun,
    tasks: Iterable[Task],
    *,
    finished: Callable[[Task, int], object],
    progressed: Callable[[Task], object] = lambda task: None,
) -> Progress:
    """Do these tasks. ``SpecError``; ``Problem`` CS203, CS204.

    ``finished`` is told of each when its outputs are safe, with how many values are not finite.
    """
    from distributed import as_completed

    token = uuid.uuid4().hex
    sent = client.submit(bytes, run.sent(), key=f"convspec_run-{token}", pure=False)
    waiting, flying = iter(tasks), {}
    done, started = Progress(), time.perf_counter()
    completed = as_completed(loop=client.loop, with_results=False)

    def submit(count: int) -> None:
        for _, task in zip(range(count), waiting, strict=False):
            key = f"convspec_task-{token}-{task.number}"
            future = client.submit(do_task, token, sent, task.number, key=key, pure=False)
            flying[key] = task
            completed.add(future)

    try:
        submit(_room(client))
        asked = time.monotonic()
        room = len(flying)
        for future in completed:
            if future.status in ("pending", "lost"):
                # Its worker was lost right after it: another does it again.
                completed.add(future)
                continue
            task = flying.pop(future.key)
            part = _result(future)
            future.release()
            finished(task, part.non_finite)
            _add(done, part)
            progressed(task)
            if time.monotonic() - asked > 1:
                asked, room = time.monotonic(), _room(client)
            submit(max(0, room - len(flying)))
    except BaseException:
        _end(client, token, list(flying))
        raise
    # The workers' seconds inside kernels overlap: their sum says nothing of the run.
    done.seconds = done.whole_seconds = time.perf_counter() - started
    with suppress(Exception):  # a worker that is gone by now has closed its files
        client.run(end_here, token, on_error="ignore")
    return done


def _room(client: Client) -> int:
    """How many tasks may be with the cluster."""
    threads = int(sum(client.nthreads().values()))  # pyright: ignore[reportAttributeAccessIssue]
    return max(LEAST_IN_FLIGHT, IN_FLIGHT_A_THREAD * threads)


def _result(future: Any) -> TaskDone:
    """What a task did. ``SpecError``, ``Problem``."""
    from distributed import KilledWorker

    if future.status == "finished":
        found = future.result()
        assert isinstance(found, TaskDone), "that is what a task returns"
        return found
    if future.status != "error":
        raise Problem(
            "CS204",
            "the connection to the scheduler was lost",
            "look at its log; what is done is kept where the output can be resumed",
        )
    error = future.exception()
    if isinstance(error, KilledWorker):
        raise Problem(
            "CS204",
            f"a task ended {error.allowed_failures + 1} workers, one after another",
            "they may lack memory: take a smaller --batch-size, or look at the workers' logs",
        )
    if isinstance(error, MemoryError):
        raise Problem(
            "CS204", "a worker ran out of memory", "take a smaller --batch-size, or fewer threads"
        )
    if isinstance(error, ImportError):
        raise Problem(
            "CS203",
            f"a worker cannot load convspec: {error}",
            "install the same version of it, with the same extras, on every worker",
        )
    raise error


def _add(done: Progress, part: TaskDone) -> None:
    """Count what a task did."""
    for name in ("samples", "tiles", "read_bytes", "written_bytes", "non_finite"):
        setattr(done, name, getattr(done, name) + getattr(part, name))


def _end(client: Client, token: str, keys: Sequence[str]) -> None:
    """Cancel what waits, and return when no worker writes to the outputs any longer.

    A later run may begin anew in the same place.
    """
    from distributed import Future

    with suppress(Exception):  # the run ends with what ended it, whatever the cluster says
        client.cancel([Future(key, client) for key in keys], force=True)
        end = time.monotonic() + FAREWELL
        while time.monotonic() < end:
            under_way = client.run(end_here, token, on_error="ignore")
            if not any(under_way.values()):  # pyright: ignore[reportAttributeAccessIssue]
                return
            time.sleep(0.1)
