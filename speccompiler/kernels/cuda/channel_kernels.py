"""What kernels share that look along all positions of a channel.

A block has up to 32 channels side by side, so that it reads whole lines, and as many rows of
threads as there are positions for, up to 256 threads. A sum is taken by every thread over its
positions and then by halves in shared memory.
"""

from __future__ import annotations

from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.launches import Launch
from speccompiler.kernels.cuda.long_sums import carried, rounded

MOST_THREADS = 256
MOST_CHANNELS = 32
"""The most channels of a block."""


def _power(count: int, most: int) -> int:
    """The first power of two that is no less, up to ``most``."""
    power = 1
    while power < min(count, most):
        power *= 2
    return power


@dataclass(frozen=True, slots=True)
class ChannelGrid:
    """``positions`` values of each of ``channels``, ``outer`` times a sample.

    With ``samples``, the positions are those of all samples, whose number the text leaves open.
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

    def blocks(self, n: int) -> int:
        """Blocks for ``n`` samples."""
        return self.groups if self.samples else n * self.outer * self.groups

    def head(self) -> list[str]:
        """A thread's channel ``c``, its ``count`` positions and the place ``start`` of the first.

        ``own`` is the channel that it would write, ``line`` the thread's number among those of
        its channel.
        """
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
            f"count = n * {self.positions}" if self.samples else f"count = {self.positions}",
            f"start = o * count * {self.channels} + c",
        ]

    def strided(self, *body: str) -> list[str]:
        """Statements for each of a thread's positions, where the value is ``v``."""
        value = f"v = x[start + i * {self.channels}]"
        lines = [f"for i in range(line, count, {self.tall}):", f"    {value}"]
        return [*lines, *("    " + line for line in body)]

    def summed(self, name: str, value: str, *before: str) -> list[str]:
        """``name`` as the sum of a value over a thread's positions."""
        lines = ["rest = np.float32(0)", *self.strided(*before, *carried(name, "rest", value))]
        return [*lines, rounded(name, "rest")]

    def joined(self, name: str, both: str) -> list[str]:
        """The values of a channel's threads as one; all of them have it in the end.

        ``both`` joins the variable ``name`` and the other value ``v``.
        """
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

    def launch(self, name: str, body: list[str]) -> Launch:
        """The kernel with this body behind ``head``."""
        lines = [*self.head(), *body]
        text = "\n".join(["def kernel(x, y, w, b, n):", *("    " + line for line in lines), ""])
        return Launch(name, text, self.threads, self.blocks)
