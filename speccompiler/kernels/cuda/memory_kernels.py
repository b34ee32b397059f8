"""Kernels that move values and look at few of them: bound by memory, so that reads are wide.

A thread computes four channels of one position where the channels divide by four, else one
value; threads side by side then read and write side by side. ``n`` counts samples.
"""

from __future__ import annotations

from math import prod

from speccompiler.kernels.cuda.long_sums import carried, is_long, rounded

Three = tuple[int, int, int]
THREADS = 256


def width(channels: int) -> int:
    """Values that a thread handles."""
    return 4 if channels % 4 == 0 else 1


def flat_blocks(elements: int, n: int, of: int) -> int:
    """Blocks for ``elements`` values a sample, ``of`` to a thread."""
    return -(-n * elements // (THREADS * of))


def flat_head(elements: int, of: int) -> list[str]:
    """The start of a kernel of ``elements`` values a sample: a thread's number is ``i``."""
    return [
        "def kernel(x, y, w, b, n):",
        "    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x",
        f"    if i < n * {elements // of}:",
    ]


def position(outputs: Three, channels: int, of: int) -> list[str]:
    """Sample, place and first channel of a thread's values."""
    return [
        f"c = i % {channels // of}" + (f" * {of}" if of > 1 else ""),
        f"q = i // {channels // of}",
        f"ox = q % {outputs[2]}",
        f"q = q // {outputs[2]}",
        f"oy = q % {outputs[1]}",
        f"q = q // {outputs[1]}",
        f"oz = q % {outputs[0]}",
        f"s = q // {outputs[0]}",
    ]


def kernel_text(head: list[str], body: list[str], before: str | None = None) -> str:
    """A kernel; ``before`` is the text of its activation."""
    lines = [*head, *("        " + line for line in body)]
    return "\n".join([*([before] if before else []), *lines, ""])


def names_of(letter: str, of: int) -> list[str]:
    """Of the values that a thread has."""
    return [f"{letter}{j}" for j in range(of)]


def read(array: str, index: str, names: list[str]) -> str:
    """Side by side, at once."""
    word = f"load4({array}, {index})" if len(names) == 4 else f"{array}[{index}]"
    return f"{', '.join(names)} = {word}"


def store(index: str, names: list[str]) -> str:
    """Side by side, at once, to the output."""
    if len(names) == 4:
        return f"store4(y, {index}, {', '.join(names)})"
    return f"y[{index}] = {names[0]}"


def map_source(elements: int, activation: str) -> str:
    """An activation of every value."""
    of = width(elements)
    names = names_of("a", of)
    body = [read("x", f"i * {of}", names), store(f"i * {of}", [f"activate({a})" for a in names])]
    return kernel_text(flat_head(elements, of), body, activation)


def copy_source(elements: int) -> str:
    """Every value as it is."""
    of = width(elements)
    names = names_of("a", of)
    return kernel_text(
        flat_head(elements, of), [read("x", f"i * {of}", names), store(f"i * {of}", names)]
    )


def sum_source(elements: int, filters: int, splits: int, bias: bool, activation: str | None) -> str:
    """The parts of split sums, added in order, then bias and activation."""
    of = width(filters)
    names, parts = names_of("a", of), names_of("p", of)
    body = [read("x", f"i * {of}", names)]
    body += [f"rest{j} = np.float32(0)" for j in range(of)]
    body += [f"for part in range(1, {splits}):"]
    body += ["    " + read("x", f"part * n * {elements} + i * {of}", parts)]
    for j, (a, p) in enumerate(zip(names, parts, strict=True)):
        body += ["    " + line for line in carried(a, f"rest{j}", p)]
    body += [rounded(a, f"rest{j}") for j, a in enumerate(names)]
    if bias:
        body += [read("b", f"i * {of} % {filters}", names_of("d", of))]
        body += [f"{a} += {d}" for a, d in zip(names, names_of("d", of), strict=True)]
    results = [f"activate({a})" for a in names] if activation is not None else names
    return kernel_text(flat_head(elements, of), [*body, store(f"i * {of}", results)], activation)


def resize_source(
    lengths: Three, channels: int, outputs: Three, factors: Three, before: Three
) -> str:
    """Each value ``factors`` times along each axis, zeros around; a negative amount crops."""
    of = width(channels)
    names = names_of("a", of)
    d, h, w = lengths
    places = [
        f"{place} = ({out} - {b}) // {f}"
        for place, out, b, f in zip("zvu", ("oz", "oy", "ox"), before, factors, strict=True)
    ]
    conditions = [
        f"0 <= {place} < {length}"
        for place, length, out, b, f in zip("zvu", lengths, outputs, before, factors, strict=True)
        if b > 0 or (out - 1 - b) // f >= length
    ]
    load = read("x", f"(((s * {d} + z) * {h} + v) * {w} + u) * {channels} + c", names)
    body = [*position(outputs, channels, of), *places]
    if conditions:
        body += [f"{' = '.join(names)} = np.float32(0)", f"if {' and '.join(conditions)}:"]
        load = "    " + load
    body += [load, store(f"i * {of}", names)]
    return kernel_text(flat_head(prod(outputs) * channels, of), body)


def pool_source(
    mode: str,
    lengths: Three,
    channels: int,
    outputs: Three,
    kernel: Three,
    stride: Three,
    before: Three,
    counted: tuple[int, ...],
) -> str:
    """Maximum or mean of windows.

    ``counted`` has first and end of what counts along each axis, from the data's origin:
    beyond the data, but within it, stand zeros.
    """
    of = width(channels)
    names, seen = names_of("a", of), names_of("v", of)
    d, h, w = lengths
    largest = mode == "max"
    body = position(outputs, channels, of)
    body += [f"{a} = np.float32({'-np.inf' if largest else '0'})" for a in names]
    for axis, (letter, out) in enumerate(zip("zyx", ("oz", "oy", "ox"), strict=True)):
        first, end = counted[2 * axis : 2 * axis + 2]
        body += [
            f"{letter}0 = {out} * {stride[axis]} - {before[axis]}",
            f"{letter}1 = min({letter}0 + {kernel[axis]}, {end})",
            f"{letter}0 = max({letter}0, {first})",
        ]
    zeros = any(
        first < 0 or end > length
        for first, end, length in zip(counted[::2], counted[1::2], lengths, strict=True)
    )
    load = read("x", f"(((s * {d} + z) * {h} + y_) * {w} + x_) * {channels} + c", seen)
    loops = ["for z in range(z0, z1):", "    for y_ in range(y0, y1):"]
    loops += ["        for x_ in range(x0, x1):"]
    inner: list[str] = []
    if zeros:
        inner += [f"{' = '.join(seen)} = np.float32(0)"]
        inner += [f"if 0 <= z < {d} and 0 <= y_ < {h} and 0 <= x_ < {w}:"]
        load = "    " + load
    inner += [load]
    long = not largest and is_long(prod(kernel))
    for j, (a, v) in enumerate(zip(names, seen, strict=True)):
        # NaN is chosen, and nothing is larger than it.
        larger = f"{a} = {v} if {v} > {a} or {v} != {v} else {a}"
        inner += carried(a, f"rest{j}", v) if long else [larger if largest else f"{a} += {v}"]
    body += [f"rest{j} = np.float32(0)" for j in range(of) if long]
    body += [*loops, *("            " + line for line in inner)]
    body += [rounded(a, f"rest{j}") for j, a in enumerate(names) if long]
    if not largest:
        body += ["count = np.float32((z1 - z0) * (y1 - y0) * (x1 - x0))"]
        names = [f"{a} / count" for a in names]
    body += [store(f"i * {of}", names)]
    return kernel_text(flat_head(prod(outputs) * channels, of), body)
