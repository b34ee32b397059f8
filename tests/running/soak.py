"""A long-lived process: many small runs of every kind, and what grew meanwhile, as JSON.

    python -m tests.running.soak 100000 [BYTES]

``BYTES`` are lost with every run on purpose, so that a test can see that it would be noticed.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import SpecError
from speccompiler.kernels.cpu import table
from speccompiler.kernels.cpu.runtime import run_blocks
from speccompiler.running import open_model
from tests.cases import build

LAYERS: list[dict[str, Any]] = [
    {"type": "Convolution1D", "nb_filter": 5, "filter_length": 3, "activation": "tanh",
     "name": "c"},
    {"type": "MaxPooling1D"},
    {"type": "GlobalAveragePooling1D"},
    {"type": "Dense", "output_dim": 2, "activation": "softmax"},
]  # fmt: skip
WARM = 2000


def kinds_of_runs() -> Iterator[Callable[[], object]]:
    """One run after the other: whole, into an array, checked, refused, of many lengths."""
    fixed = build(LAYERS, [20, 3], seed=1).compile(threads=2, batch_size=4, layers=["c"])
    anyhow = build(LAYERS, [None, 3], seed=1).compile(threads=2)
    x = np.random.default_rng(0).standard_normal((3, 20, 3), np.float32)
    out = np.empty((3, 2), np.float32)
    lists, many, wrong = x.tolist(), np.ones((11, 20, 3)), np.ones((2, 19, 3), np.float32)
    lengths = [np.ones((1, n, 3), np.float32) for n in range(4, 40)]

    def refused() -> None:
        try:
            fixed.run(wrong)
        except SpecError:
            return
        raise AssertionError("an array of another length was taken")

    def some_length(number: int) -> Callable[[], object]:
        return lambda: anyhow.run(lengths[number % len(lengths)])

    def new_length(number: int) -> Callable[[], object]:
        return lambda: anyhow.run(np.ones((1, 50 + number * 617 % 3000, 3), np.float32))

    # The memory of runs grows until the largest has come.
    yield lambda: anyhow.run(np.ones((1, 3050, 3), np.float32))
    for number in cycle(range(1_000_000)):
        yield lambda: fixed.run(x)
        yield lambda: fixed.run(x[:2], out=out[:2])
        yield some_length(number)
        if number % 50 == 0:
            yield lambda: fixed.run_all(x)
            yield lambda: fixed.run(lists)
            yield lambda: fixed.run(many)
            yield refused
            yield new_length(number)


def state() -> dict[str, int]:
    """Bytes of memory, open files and threads of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "bytes": pages * os.sysconf("SC_PAGESIZE"),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }


def fill_quickly() -> None:
    """Make small what is kept up to a bound, so that it is full when memory is first measured."""
    open_model.KEPT_BYTES = 1 << 17
    run_blocks.MOST_BOUND = 1 << 10
    table.MOST_FOUND = 1 << 7


def soak(runs: int, lost: int) -> dict[str, Any]:
    """What grew over so many runs, beside the memory at the beginning."""
    fill_quickly()
    kept: list[bytes] = []
    series = kinds_of_runs()

    def some(count: int) -> None:
        for _, run in zip(range(count), series, strict=False):
            run()
            if lost:
                kept.append(bytes(lost))

    some(WARM)
    before = state()
    some(runs)
    after = state()
    return {"grown": {name: after[name] - before[name] for name in before}, "before": before}


if __name__ == "__main__":
    print(json.dumps(soak(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
