"""What kernels share that look at whole rows, which lie along the last axis.

A few threads stand to each row. A sum is taken by every thread along its part of the row and
then by halves in shared memory, in an order that only the row's length decides.
"""

from __future__ import annotations

from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.launches import Launch, Part
from speccompiler.kernels.cuda.long_sums import carried, rounded

THREADS = 128
"""Threads of a block."""


@dataclass(frozen=True, slots=True)
class RowGrid:
    """``rows`` rows a sample, each of ``length`` values and each with ``lanes`` threads."""

    rows: int
    length: int

    @property
    def lanes(self) -> int:
        """Threads of a row: a power of two, for at least four values each."""
        lanes = 1
        while lanes < THREADS and lanes * 4 < self.length:
            lanes *= 2
        return lanes

    def blocks(self, n: int) -> int:
        """Blocks for ``n`` samples."""
        return -(-n * self.rows // (THREADS // self.lanes))

    def head(self) -> list[str]:
        """A thread's ``row``, its number ``lane`` there, and the row ``q`` that it reads."""
        return [
            f"shared = shared_floats({THREADS})",
            "t = cuda.threadIdx.x",
            f"lane = t % {self.lanes}",
            f"row = cuda.blockIdx.x * {THREADS // self.lanes} + t // {self.lanes}",
            # Rows beyond the last are computed as the last: every thread meets at the barriers.
            f"q = min(row, n * {self.rows} - 1)",
        ]

    def strided(self, *body: str) -> list[str]:
        """Statements for each of a thread's values, which have number ``i`` in the row."""
        lines = [f"for i in range(lane, {self.length}, {self.lanes}):"]
        return [*lines, *("    " + line for line in body)]

    def summed(self, value: str, *before: str) -> list[str]:
        """``total`` as the sum of a value over a thread's part of the row."""
        lines = ["total = rest = np.float32(0)"]
        lines += self.strided(*before, *carried("total", "rest", value))
        return [*lines, rounded("total", "rest")]

    def joined(self, name: str, both: str) -> list[str]:
        """The values of a row's threads as one, by halves; all of them have it in the end.

        ``both`` joins the variable ``name`` and the other value ``v``.
        """
        if self.lanes == 1:
            return []
        lines = ["cuda.syncthreads()", f"shared[t] = {name}", "cuda.syncthreads()"]
        half = self.lanes // 2
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

    def written(self, value: str) -> list[str]:
        """Statements that write a value for each of the row's, from ``start`` on."""
        lines = self.strided(f"y[start + i] = {value}")
        return [f"if row < n * {self.rows}:", *("    " + line for line in lines)]

    def launch(self, name: str, body: list[str], second: Part | None = None) -> Launch:
        """The kernel with this body behind ``head``."""
        lines = [*self.head(), *body]
        text = "\n".join(["def kernel(x, y, w, b, n):", *("    " + line for line in lines), ""])
        return Launch(name, text, THREADS, self.blocks, second=second)
