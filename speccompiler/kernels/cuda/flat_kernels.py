"""What kernels share whose threads stand in one long row, each with its own few outputs.

They move values and look at few of them, and are bound by memory: a thread computes four
channels of one position where the channels divide by four, else one value. Threads side by
side then read and write side by side, four values at a time.
"""

from __future__ import annotations

from math import prod

from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.launches import Launch, Part, X
from speccompiler.kernels.cuda.windows import Three

THREADS = 256
"""Threads of a block."""


@dataclass(frozen=True, slots=True)
class FlatGrid:
    """A thread for every ``width`` of the ``elements`` outputs of a sample; it is number ``i``."""

    elements: int
    width: int

    @classmethod
    def over(cls, elements: int, channels: int) -> FlatGrid:
        """Four channels to a thread where they divide by four, else one."""
        return cls(elements, 4 if channels % 4 == 0 else 1)

    def blocks(self, n: int) -> int:
        """Blocks for ``n`` samples."""
        return -(-n * self.elements // (THREADS * self.width))

    def names(self, letter: str) -> list[str]:
        """Variables for the values of a thread."""
        return [f"{letter}{j}" for j in range(self.width)]

    @property
    def first(self) -> str:
        """Index of a thread's first output."""
        return f"i * {self.width}"

    def position(self, outputs: Three, channels: int) -> list[str]:
        """Sample ``s``, place ``oz``, ``oy``, ``ox`` and first channel ``c`` of the outputs."""
        return [
            f"c = i % {channels // self.width}" + (f" * {self.width}" if self.width > 1 else ""),
            f"q = i // {channels // self.width}",
            f"ox = q % {outputs[2]}",
            f"q = q // {outputs[2]}",
            f"oy = q % {outputs[1]}",
            f"q = q // {outputs[1]}",
            f"oz = q % {outputs[0]}",
            f"s = q // {outputs[0]}",
        ]

    def launch(
        self,
        name: str,
        body: list[str],
        activation: str | None = None,
        reads: Part = X,
        second: Part | None = None,
    ) -> Launch:
        """The kernel with this body; ``activation`` is the text of a function ``activate``."""
        lines = [
            *([activation] if activation else []),
            "def kernel(x, y, w, b, n):",
            "    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x",
            f"    if i < n * {self.elements // self.width}:",
            *("        " + line for line in body),
            "",
        ]
        return Launch(name, "\n".join(lines), THREADS, self.blocks, reads, second=second)


def read(array: str, index: str, names: list[str]) -> str:
    """A statement that reads values side by side, at once."""
    value = f"load4({array}, {index})" if len(names) == 4 else f"{array}[{index}]"
    return f"{', '.join(names)} = {value}"


def store(index: str, values: list[str]) -> str:
    """A statement that writes values to the output side by side, at once."""
    if len(values) == 4:
        return f"store4(y, {index}, {', '.join(values)})"
    return f"y[{index}] = {values[0]}"


def activated(values: list[str], activation: str | None) -> list[str]:
    """The values as the activation makes them, if there is one."""
    return values if activation is None else [f"activate({value})" for value in values]


def elements_of(outputs: Three, channels: int) -> int:
    """Values of a sample."""
    return prod(outputs) * channels
