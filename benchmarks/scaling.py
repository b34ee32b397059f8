"""How time grows from a small batch to a large one: evenly, if nothing falls off a cliff."""

from __future__ import annotations

from collections.abc import Sequence

from .cases import Case
from .contenders import Contender
from .measuring import in_turns
from .results import Scaling


def scaling_of(
    small: Case,
    large: Case,
    bar: float,
    contenders: Sequence[Contender],
    threads: int,
    seconds: float,
) -> tuple[Scaling, ...]:
    """Both batches of one contender in turns, then the next contender."""
    found = []
    for contender in contenders:
        calls = {}
        for case in (small, large):
            ready = contender.build(case, threads)
            if ready is not None:
                calls[case.name] = ready.run
        timings = in_turns(calls, seconds)
        short, long = (timings[case.name].median * 1e3 for case in (small, large))
        found.append(Scaling(small.name, large.name, contender.name, short, long, bar))
    return tuple(found)
