"""Locks that a fork cannot leave closed in the child: our own, and those of others."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from typing import Any
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


def hold_while_forking(lock: AbstractContextManager[Any]) -> None:
    """Let a fork wait until no other thread holds a lock, which its own thread may hold.

    For what a child could not go on with halfway: the compilers of others.
    """

    def open_again() -> None:
        lock.__exit__(None, None, None)

    if facilities.FORK.here:
        os.register_at_fork(
            before=lock.__enter__, after_in_parent=open_again, after_in_child=open_again
        )
