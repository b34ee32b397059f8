"""Times one case in all contenders, and compares what they computed."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence

import numpy as np

from .cases import Case
from .contenders import Contender
from .geometry import flops, least_bytes
from .measuring import in_turns
from .results import Measured, Row
from .tensors import Array


def speed_row(case: Case, contenders: Sequence[Contender], threads: int, seconds: float) -> Row:
    """Build all, let each run in turn, compare their outputs."""
    ready = {c.name: r for c in contenders if (r := c.build(case, threads)) is not None}
    gc.collect()
    timings = in_turns({name: r.run for name, r in ready.items()}, seconds)
    apart = differences({name: r.output() for name, r in ready.items()})
    measured = tuple(
        Measured(name, t.median * 1e3, t.least * 1e3, len(t.seconds), apart[name])
        for name, t in timings.items()
    )
    return Row(
        case.name, case.network, flops(case) / 1e9, least_bytes(case) / 1e6, case.bar, measured
    )


def differences(outputs: Mapping[str, Array]) -> dict[str, float]:
    """Largest difference of each to the median of all, over the largest value.

    The median, because one that is wrong does not move it. NaN counts as infinite.
    """
    stack = np.stack([*outputs.values()])
    stack[np.isnan(stack)] = np.inf
    agreed = np.median(stack, axis=0)
    largest = float(np.max(np.abs(agreed), initial=0)) or 1.0
    found = {}
    for name, y in zip(outputs, stack, strict=True):
        apart = float(np.max(np.abs(y - agreed), initial=0)) / largest
        found[name] = apart if np.isfinite(apart) else float("inf")
    return found
