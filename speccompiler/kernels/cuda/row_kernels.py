"""Kernels that look at whole rows, the last axis: a few threads to each, as softmax has them.

Sums are taken by thread and then by halves, in an order that only the row's length decides.
"""

from __future__ import annotations

from speccompiler.kernels.cuda.long_sums import carried, rounded
from speccompiler.kernels.cuda.softmax import THREADS, joined, row_threads


def _head(rows: int, length: int) -> list[str]:
    threads = row_threads(length)
    return [
        f"shared = shared_floats({THREADS})",
        "t = cuda.threadIdx.x",
        f"lane = t % {threads}",
        f"row = cuda.blockIdx.x * {THREADS // threads} + t // {threads}",
        # Rows beyond the last are computed as the last: every thread meets at the barriers.
        f"q = min(row, n * {rows} - 1)",
    ]


def _strided(length: int, *body: str) -> list[str]:
    return [f"for i in range(lane, {length}, {row_threads(length)}):", *("    " + b for b in body)]


def _summed(length: int, value: str, *before: str) -> list[str]:
    """``total`` as a thread's sum of a value along its part of the row."""
    lines = ["total = rest = np.float32(0)"]
    lines += _strided(length, *before, *carried("total", "rest", value))
    return [*lines, rounded("total", "rest")]


def _text(lines: list[str]) -> str:
    return "\n".join(["def kernel(x, y, w, b, n):", *("    " + line for line in lines), ""])


def _written(rows: int, length: int, value: str) -> list[str]:
    store = _strided(length, f"y[start + i] = {value}")
    return [f"if row < n * {rows}:", *("    " + line for line in store)]


def mask_source(rows: int, length: int, value: float) -> str:
    """Zeros for rows whose every value is ``value``."""
    other = f"x[start + i] != np.float32({value!r})"
    return _text(
        [
            *_head(rows, length),
            f"start = q * {length}",
            "seen = np.float32(0)",
            *_strided(length, f"seen = np.float32(1) if {other} else seen"),
            *joined("seen", row_threads(length), "v if v > seen else seen"),
            *_written(rows, length, "x[start + i] if seen > np.float32(0) else np.float32(0)"),
        ]
    )


def normalize_source(rows: int, length: int, epsilon: float, added: float) -> str:
    """(x - mean) / (sqrt(variance + epsilon) + added) of each row."""
    threads, count = row_threads(length), f"np.float32({length})"
    return _text(
        [
            *_head(rows, length),
            f"start = q * {length}",
            *_summed(length, "x[start + i]"),
            *joined("total", threads, "total + v"),
            f"mean = total / {count}",
            *_summed(length, "far * far", "far = x[start + i] - mean"),
            *joined("total", threads, "total + v"),
            f"scale = sqrt(total / {count} + np.float32({epsilon!r})) + np.float32({added!r})",
            *_written(rows, length, "(x[start + i] - mean) / scale"),
        ]
    )


def dot_source(rows: int, columns: int, length: int) -> str:
    """Sums of products of every row of x and every row of the second value, ``w``."""
    outputs = rows * columns
    return _text(
        [
            *_head(outputs, length),
            f"first = q // {columns} * {length}",
            f"second = (q // {outputs} * {columns} + q % {columns}) * {length}",
            *_summed(length, "x[first + i] * w[second + i]"),
            *joined("total", row_threads(length), "total + v"),
            f"if row < n * {outputs} and lane == 0:",
            "    y[row] = total",
        ]
    )
