"""``convspec`` with a task for every piece, which notes what it computes: a program for tests.

    python small_tasks.py LOG ARGUMENTS..

A line of the log is a task that was computed, as ``run number:task``; runs are told apart by the
process. Each piece is one batch, so that the tasks of a run are computed in the order of its list.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from speccompiler.cli import main, run_work
from speccompiler.running import run_tasks as loop
from speccompiler.running import tasks
from speccompiler.running.tasks import Task


def small_tasks(log: int) -> None:
    """Every later run has tasks of one piece, and logs each that it has computed."""
    tasks.TASK_BYTES = run_work.NPY_TASK_BYTES = 1
    computed, run = loop._computed, loop.run_tasks

    def noted(given: Any, batches: Any, order: Any, *rest: Any) -> Any:
        for piece in computed(given, batches, order, *rest):
            os.write(log, f"{os.getpid()}:{piece.task.number}\n".encode())
            yield piece

    def counted(given: Any, order: Iterable[Task]) -> Any:
        order = list(order)
        os.write(log, f"{os.getpid()}:begins with {len(order)} of {len(given.grid)}\n".encode())
        return run(given, order)

    loop._computed, loop.run_tasks = noted, counted


if __name__ == "__main__":
    small_tasks(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    sys.exit(main.run(sys.argv[2:]))
