"""A place where one thread leaves things for another, a few at a time."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")
PATIENCE = 0.5
"""Seconds between two looks of a thread that waits: some systems show it Ctrl-C only then."""


class Abandoned(Exception):
    """The other side has given up; whoever gets this ends without a word."""


class Handover(Generic[T]):
    """A queue of at most ``room`` things; ``abandon`` wakes both sides, whatever they wait for."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: deque[T] = deque()
        self._changed = threading.Condition()
        self._abandoned = False

    def put(self, thing: T) -> None:
        """Leave a thing, once there is room. Raises ``Abandoned``."""
        with self._changed:
            while len(self._held) >= self._room and not self._abandoned:
                self._changed.wait(PATIENCE)
            self._check()
            self._held.append(thing)
            self._changed.notify()

    def get(self) -> T:
        """Take the oldest thing, once there is one. Raises ``Abandoned``."""
        with self._changed:
            while not self._held and not self._abandoned:
                self._changed.wait(PATIENCE)
            self._check()
            thing = self._held.popleft()
            self._changed.notify()
            return thing

    def abandon(self) -> None:
        """Nothing is taken or left any more."""
        with self._changed:
            self._abandoned = True
            self._held.clear()
            self._changed.notify_all()

    def _check(self) -> None:
        if self._abandoned:
            raise Abandoned
