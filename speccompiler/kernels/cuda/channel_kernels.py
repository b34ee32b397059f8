"""Kernels that look along all positions of a channel: global pooling, a batch's statistics.

A block has up to 32 channels side by side, so that it reads whole lines, and as many rows of
threads as there are positions for, up to 256 threads. Sums are taken by thread, then by halves.
"""

from __future__ import annotations

from dataclasses import dataclass

from speccompiler.kernels.cuda.long_sums import carried, rounded

MOST_THREADS = 256
MOST_CHANNELS = 32


def _power(count: int, most: int) -> int:
    """The first power of two that is no less, up to ``most``."""
    power = 1
    while power < min(count, most):
        power *= 2
    return power


@dataclass(frozen=True, slots=True)
class Columns:
    """``positions`` values of each of ``channels``, ``outer`` times a sample.

    With ``samples``, the positions are those of all samples, which are of no known number.
    """

    outer: int
    positions: int
    channels: int
    samples: bool = False

    @property
    def across(self) -> int:
        """Channels of a block."""
        return _power(self.channels, MOST_CHANNELS)

    @property
    def tall(self) -> int:
        """Threads to a channel."""
        least = self.positions * (32 if self.samples else 1)
        return _power(least, MOST_THREADS // self.across)

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.across * self.tall

    @property
    def groups(self) -> int:
        """Blocks for all channels."""
        return -(-self.channels // self.across)

    def head(self, positions: str) -> list[str]:
        """A thread's channel ``c`` and the place ``start`` of its first value."""
        return [
            f"shared = shared_floats({self.threads})",
            "t = cuda.threadIdx.x",
            f"lane = t % {self.across}",
            f"line = t // {self.across}",
            f"group = cuda.blockIdx.x % {self.groups}",
            f"o = cuda.blockIdx.x // {self.groups}",
            f"own = group * {self.across} + lane",
            # Channels beyond the last are computed as the last: all threads meet at barriers.
            f"c = min(own, {self.channels - 1})",
            f"count = {positions}",
            f"start = o * count * {self.channels} + c",
        ]

    def strided(self, *body: str) -> list[str]:
        """Statements for every position of a thread, whose value is ``v``."""
        value = f"v = x[start + i * {self.channels}]"
        lines = [f"for i in range(line, count, {self.tall}):", f"    {value}"]
        return [*lines, *("    " + line for line in body)]

    def summed(self, name: str, value: str, *before: str) -> list[str]:
        """``name`` as the sum of a value of every position of a thread."""
        lines = ["rest = np.float32(0)", *self.strided(*before, *carried(name, "rest", value))]
        return [*lines, rounded(name, "rest")]

    def joined(self, name: str, both: str) -> list[str]:
        """The values of a channel's threads as one; all of them have it in the end."""
        lines = ["cuda.syncthreads()", f"shared[t] = {name}", "cuda.syncthreads()"]
        half = self.tall // 2
        while half:
            lines += [
                f"if line < {half}:",
                f"    v = shared[t + {half * self.across}]",
                f"    {name} = {both}",
                f"    shared[t] = {name}",
                "cuda.syncthreads()",
            ]
            half //= 2
        return [*lines, f"{name} = shared[lane]"]


def _text(lines: list[str]) -> str:
    return "\n".join(["def kernel(x, y, w, b, n):", *("    " + line for line in lines), ""])


def global_pool_source(columns: Columns, mode: str) -> str:
    """Maximum, mean, sum or product of each channel's positions."""
    if mode == "product":
        return _product_source(columns)
    largest = mode == "max"
    # NaN is chosen, and nothing is larger than it.
    both = "v if v > found or v != v else found" if largest else "found + v"
    return _text(
        [
            *columns.head(str(columns.positions)),
            f"found = np.float32({'-np.inf' if largest else '0'})",
            *(columns.strided(f"found = {both}") if largest else columns.summed("found", "v")),
            *columns.joined("found", both),
            f"if line == 0 and own < {columns.channels}:",
            f"    y[o * {columns.channels} + c] = found"
            + (" / np.float32(count)" if mode == "average" else ""),
        ]
    )


def _product_source(columns: Columns) -> str:
    """By the first thread of a channel alone; what each product rounds off is carried on.

    In float32: what grows beyond it on the way is infinite, as in Keras's own.
    """
    return _text(
        [
            *columns.head(str(columns.positions)),
            "found, rest = np.float32(1), np.float32(0)",
            f"if line == 0 and own < {columns.channels}:",
            "    for i in range(count):",
            f"        v = x[start + i * {columns.channels}]",
            "        both = found * v",
            "        rest = fma(rest, v, fma(found, v, -both))",
            "        found = both",
            f"    {rounded('found', 'rest')}",
            f"    y[o * {columns.channels} + c] = found",
        ]
    )


def batch_normalize_source(columns: Columns, epsilon: float) -> str:
    """(x - mean) / sqrt(variance + epsilon) of each channel, over all samples."""
    store = f"    y[start + i * {columns.channels}] = (v - mean) / scale"
    return _text(
        [
            *columns.head(f"n * {columns.positions}"),
            "total = np.float32(0)",
            *columns.summed("total", "v"),
            *columns.joined("total", "total + v"),
            "mean = total / np.float32(count)",
            "total = np.float32(0)",
            *columns.summed("total", "far * far", "far = v - mean"),
            *columns.joined("total", "total + v"),
            f"scale = sqrt(total / np.float32(count) + np.float32({epsilon!r}))",
            *columns.strided(f"if own < {columns.channels}:", store),
        ]
    )
