"""Elementwise sum, product, mean, maximum or quotient of several values, and an activation.

All values are read once and together: what pairs of them would leave is never written.

g: values of one sample
w: the address of each value
"""

from __future__ import annotations

from speccompiler.graph.ir import CombineMode
from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill

WORDS = {
    "sum": "add(s, {next})",
    "ave": "add(s, {next})",
    "mul": "mul(s, {next})",
    "max": "largest(s, {next})",
    "quotient": "div(s, {next})",
}
TOGETHER = 4096
"""Values of a task."""


def source(lanes: int, mode: CombineMode, count: int, activation: str | None) -> str:
    """The module's text for ``count`` values."""

    def combined(word: str, rest: str) -> list[str]:
        first, *others = [f"{word}(v{index}, i{rest})" for index in range(count)]
        lines = [f"s = {first}", *(f"s = {WORDS[mode].format(next=other)}" for other in others)]
        lines += ["s = div(s, number)"] if mode == "ave" else []
        return [*lines, "s = activate(s)"] if activation is not None else lines

    lines = [
        "",
        "",
        "@jit",
        "def kernel(lo, hi, n, x, y, w, b, g, scratch):",
        f'    """Tasks: chunks of {TOGETHER} values."""',
        *(f"    v{index} = values_at(w, {index})" for index in range(count)),
        f"    number = splat(np.float32({count}))",
        f"    last = min(hi * {TOGETHER}, n * g[0])",
        f"    whole = last - (last - lo * {TOGETHER}) % @LANES",
        f"    for i in range(lo * {TOGETHER}, whole, @LANES):",
        *(f"        {line}" for line in combined("load", "")),
        "        store(y, i, s)",
        "    if whole < last:",
        "        i, rest = whole, first_lanes(last - whole)",
        *(f"        {line}" for line in combined("load_where", ", rest")),
        "        store_where(y, whole, rest, s)",
        "",
    ]
    words = "\nfrom speccompiler.kernels.cpu.codegen.simd import values_at\n\ndiv = v.div\n"
    return fill(HEADER + words + (activation or "") + "\n".join(lines), LANES=lanes)
