"""The machine's ceilings: multiply-adds on registers, and bytes copied."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from speccompiler.kernels.cpu.codegen.simd import vectors
from speccompiler.system.processor import host_lanes

from .results import Limits

CHAINS = 12
"""Independent sums: enough to cover the latency of an instruction on both of its ports."""
MULTIPLY_ADDS = 20_000_000
CACHE_BYTES = 8 << 20
MEMORY_BYTES = 256 << 20
REPEATS = 5


def limits(threads: int) -> Limits:
    """Best of several tries, each with all threads at once."""
    lanes = host_lanes()
    spin = _multiply_adds(lanes)
    out = [np.zeros(CHAINS * lanes, np.float32) for _ in range(threads)]
    spin(1, out[0])
    seconds = _shortest(lambda i: spin(MULTIPLY_ADDS, out[i]), threads)
    flops = 2 * threads * MULTIPLY_ADDS * CHAINS * lanes
    copy = _copy(lanes)
    return Limits(
        gflops=flops / seconds / 1e9,
        cache_gbps=_bandwidth(copy, threads, CACHE_BYTES, 20),
        memory_gbps=_bandwidth(copy, threads, MEMORY_BYTES, 1),
    )


def best(a: Limits, b: Limits) -> Limits:
    """The higher of each."""
    return Limits(
        max(a.gflops, b.gflops),
        max(a.cache_gbps, b.cache_gbps),
        max(a.memory_gbps, b.memory_gbps),
    )


def _bandwidth(copy: Any, threads: int, size: int, times: int) -> float:
    share = size // 4 // threads
    arrays = [(np.ones(share, np.float32), np.ones(share, np.float32)) for _ in range(threads)]
    copy(1, *arrays[0])
    seconds = _shortest(lambda i: copy(times, *arrays[i]), threads)
    return 2 * 4 * share * threads * times / seconds / 1e9


def _shortest(work: Callable[[int], object], threads: int) -> float:
    """Seconds until the last thread has done its share; the best of the tries."""
    found = []
    for _ in range(REPEATS):
        team = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
        started = time.perf_counter()
        for thread in team:
            thread.start()
        for thread in team:
            thread.join()
        found.append(time.perf_counter() - started)
    return min(found)


def _multiply_adds(lanes: int) -> Any:
    """``spin(n, out)``: n steps of ``CHAINS`` independent sums."""
    v = vectors(lanes)
    names = [f"s{i}" for i in range(CHAINS)]
    lines = ["def spin(n, out):", " a = splat(np.float32(0.999))", " b = splat(np.float32(0.001))"]
    lines += [f" {name} = splat(np.float32({i}))" for i, name in enumerate(names)]
    lines += [" for _ in range(n):", *(f"  {name} = fma({name}, a, b)" for name in names)]
    # Sums that nobody reads would not be computed.
    lines += [f" store(out, {i * lanes}, {name})" for i, name in enumerate(names)]
    scope: dict[str, Any] = {"np": np, "splat": v.splat, "fma": v.fma, "store": v.store}
    exec("\n".join(lines), scope)
    return njit(nogil=True)(scope["spin"])


def _copy(lanes: int) -> Any:
    """``copy(times, x, y)``: whole vectors of x to y."""
    v = vectors(lanes)
    load, store = v.load, v.store

    def copy(times: int, x: Any, y: Any) -> None:
        for _ in range(times):
            for i in range(0, len(x) - lanes + 1, lanes):
                store(y, i, load(x, i))

    return njit(nogil=True)(copy)
