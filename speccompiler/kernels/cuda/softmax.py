"""Softmax over the last axis: a few threads to a row, sums by halves in shared memory."""

from __future__ import annotations

from speccompiler.kernels.cuda.long_sums import carried, rounded

THREADS = 128


def row_threads(length: int) -> int:
    """Threads of a row: a power of two, up to four values each."""
    threads = 1
    while threads < THREADS and threads * 4 < length:
        threads *= 2
    return threads


def blocks(rows: int, length: int, n: int) -> int:
    """Blocks for ``rows`` rows a sample."""
    return -(-n * rows // (THREADS // row_threads(length)))


def source(rows: int, length: int) -> str:
    """exp(x - max) / sum of ``rows`` rows a sample, each of ``length`` values."""
    threads = row_threads(length)
    strided = f"for i in range(lane, {length}, {threads}):"
    lines = [
        f"shared = shared_floats({THREADS})",
        "t = cuda.threadIdx.x",
        f"lane = t % {threads}",
        f"row = cuda.blockIdx.x * {THREADS // threads} + t // {threads}",
        # Rows beyond the last are computed as the last: every thread meets at the barriers.
        f"start = min(row, n * {rows} - 1) * {length}",
        "most = np.float32(-np.inf)",
        strided,
        "    v = x[start + i]",
        "    most = v if v > most or v != v else most",
        *joined("most", threads, "v if v > most or v != v else most"),
        "total = rest = np.float32(0)",
        strided,
        *("    " + line for line in carried("total", "rest", "exp(x[start + i] - most)")),
        rounded("total", "rest"),
        *joined("total", threads, "total + v"),
        f"if row < n * {rows}:",
        f"    {strided}",
        "        y[start + i] = exp(x[start + i] - most) / total",
    ]
    return "\n".join(["def kernel(x, y, w, b, n):", *("    " + line for line in lines), ""])


def joined(name: str, threads: int, both: str) -> list[str]:
    """The values of a row's threads as one, by halves; all of them have it in the end."""
    if threads == 1:
        return []
    lines = ["cuda.syncthreads()", f"shared[t] = {name}", "cuda.syncthreads()"]
    half = threads // 2
    while half:
        lines += [
            f"if lane < {half}:",
            f"    v = shared[t + {half}]",
            f"    {name} = {both}",
            f"    shared[t] = {name}",
            "cuda.syncthreads()",
        ]
        half //= 2
    return [*lines, f"{name} = shared[t - lane]"]
