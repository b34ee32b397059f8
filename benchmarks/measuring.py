"""How time is taken: contenders take turns in short bursts, one at a time.

Clock rates, other programs and the heat of the machine move while a benchmark runs; with
turns they move for all alike. A runtime's threads may spin for a while after a call, in
wait for the next one, and would take a core from whoever comes after: each burst
begins with a sleep until the process stands still. A core that slept runs slowly for some
tens of milliseconds after (seen on virtual machines: half as fast), so the calls of the
first tenth of a second of a burst are not counted, one at least.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Call = Callable[[], object]

ROUNDS = 5
SLEEP_SECONDS = 0.003
LONGEST_WAIT_SECONDS = 0.3
WARM_SECONDS = 0.1
STILL = 0.05
"""Share of a sleep in which the process may still compute and count as standing still."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one contender in one case."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds a call."""
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        """Seconds of the fastest call."""
        return min(self.seconds)


def settle() -> float:
    """Sleep until no thread of this process computes; seconds that took, at most 0.3."""
    started = time.perf_counter()
    while True:
        wall, busy = time.perf_counter(), time.process_time()
        time.sleep(SLEEP_SECONDS)
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
        waited = time.perf_counter() - started
        if busy < STILL * wall or waited > LONGEST_WAIT_SECONDS:
            return waited


def in_turns(calls: Mapping[str, Call], seconds: float) -> dict[str, Timing]:
    """Time every call for about ``seconds`` in ``ROUNDS`` bursts, at least once a burst.

    The order changes by one place a round, so that nobody always follows the same other.
    """
    burst = {name: _burst_length(call, seconds / ROUNDS) for name, call in calls.items()}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for _ in range(ROUNDS):
        for name in order:
            settle()
            _warm(calls[name])
            taken[name] += _timed(calls[name], burst[name])
        order = order[1:] + order[:1]
    return {name: Timing(tuple(times)) for name, times in taken.items()}


def _warm(call: Call) -> None:
    started = time.perf_counter()
    call()
    while time.perf_counter() - started < WARM_SECONDS:
        call()


def _burst_length(call: Call, seconds: float) -> int:
    """Warms up, and finds how many calls fill that time."""
    settle()
    _warm(call)
    first = min(_timed(call, 1))
    least = first if first > 4 * seconds else min(_timed(call, 2))
    return max(1, round(seconds / max(least, 1e-9)))


def _timed(call: Call, times: int) -> Sequence[float]:
    clock = time.perf_counter
    found = []
    for _ in range(times):
        started = clock()
        call()
        found.append(clock() - started)
    return found
