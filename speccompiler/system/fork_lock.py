"""A lock that a fork cannot leave closed in the child."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from weakref import WeakSet

from speccompiler.system import facilities


class ForkLock:
    """A lock that a child process finds open, whichever thread of its parent held it.

    Only the thread that forked lives on in the child, so that nobody there is inside::

        with lock.now:
    """

    def __init__(self) -> None:
        self.now: AbstractContextManager[bool] = threading.Lock()
        _all.add(self)


_all: WeakSet[ForkLock] = WeakSet()


def _after_fork() -> None:
    for lock in list(_all):
        lock.now = threading.Lock()


if facilities.FORK.here:
    os.register_at_fork(after_in_child=_after_fork)
