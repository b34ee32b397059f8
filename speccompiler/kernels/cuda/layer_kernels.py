"""Kernels with weights of their own that are no matrix product, and of several values.

A thread computes four channels side by side where they divide by four, else one value.
"""

from __future__ import annotations

from math import prod

from speccompiler.kernels.cuda.long_sums import carried, is_long, rounded
from speccompiler.kernels.cuda.memory_kernels import (
    Three,
    flat_head,
    kernel_text,
    names_of,
    position,
    read,
    store,
    width,
)


def map_with_source(elements: int, period: int, parameters: int, activation: str) -> str:
    """An activation of every value and the parameters beside it, which repeat."""
    of = width(period)
    names = names_of("a", of)
    given = [names_of(f"p{k}_", of) for k in range(parameters)]
    body = [read("x", f"i * {of}", names), f"j = i * {of} % {period}"]
    body += [read("w", f"{k * period} + j", p) for k, p in enumerate(given)]
    results = [f"activate({', '.join(v)})" for v in zip(names, *given, strict=True)]
    return kernel_text(flat_head(elements, of), [*body, store(f"i * {of}", results)], activation)


def _windows(kernel: Three, stride: Three, before: Three) -> list[str]:
    """Loops over the places of a window; ``z``, ``v``, ``u`` are where in the input they are."""
    lines = []
    for axis, (tap, place, out) in enumerate(
        zip(("kz", "kv", "ku"), "zvu", ("oz", "oy", "ox"), strict=True)
    ):
        indent = "    " * axis
        lines += [f"{indent}for {tap} in range({kernel[axis]}):"]
        lines += [f"{indent}    {place} = {out} * {stride[axis]} - {before[axis]} + {tap}"]
    return lines


def depthwise_source(
    lengths: Three,
    channels: int,
    outputs: Three,
    kernel: Three,
    stride: Three,
    before: Three,
    multiplier: int,
) -> str:
    """Every channel with kernels of its own; weights (taps, multiplier * channels)."""
    of, filters = width(channels), multiplier * channels
    names, seen, taken = (names_of(letter, of) for letter in "apd")
    d, h, w = lengths
    taps = f"((kz * {kernel[1]} + kv) * {kernel[2]} + ku)"
    inside = f"if 0 <= z < {d} and 0 <= v < {h} and 0 <= u < {w}:"
    inner = [
        read("x", f"(((s * {d} + z) * {h} + v) * {w} + u) * {channels} + e", seen),
        read("w", f"{taps} * {filters} + c", taken),
    ]
    long = is_long(prod(kernel))
    for j, (a, p, g) in enumerate(zip(names, seen, taken, strict=True)):
        inner += carried(a, f"r{j}", f"{p} * {g}") if long else [f"{a} = fma({p}, {g}, {a})"]
    body = [
        *position(outputs, filters, of),
        f"e = c % {channels}",
        *(f"{a} = np.float32(0)" for a in names),
        *(f"r{j} = np.float32(0)" for j in range(of) if long),
        *_windows(kernel, stride, before),
        f"            {inside}",
        *("                " + line for line in inner),
        *(rounded(a, f"r{j}") for j, a in enumerate(names) if long),
        store(f"i * {of}", names),
    ]
    return kernel_text(flat_head(prod(outputs) * filters, of), body)


def local_source(
    outer: int,
    lengths: Three,
    channels: int,
    outputs: Three,
    filters: int,
    kernel: Three,
    stride: Three,
    bias: bool,
) -> str:
    """A convolution whose positions have weights of their own: (positions, terms, filters)."""
    of = width(filters)
    names, taken = names_of("a", of), names_of("d", of)
    d, h, w = lengths
    terms = prod(kernel) * channels
    tap = f"((kz * {kernel[1]} + kv) * {kernel[2]} + ku) * {channels} + e"
    inner = [
        f"p = x[(((s * {d} + z) * {h} + v) * {w} + u) * {channels} + e]",
        read("w", f"(own * {terms} + {tap}) * {filters} + c", taken),
    ]
    long = is_long(terms)
    for j, (a, g) in enumerate(zip(names, taken, strict=True)):
        inner += carried(a, f"r{j}", f"p * {g}") if long else [f"{a} = fma(p, {g}, {a})"]
    body = [
        *position(outputs, filters, of),
        *(f"r{j} = np.float32(0)" for j in range(of) if long),
        f"own = (oz * {outputs[1]} + oy) * {outputs[2]} + ox",
        *(f"{a} = np.float32(0)" for a in names),
        *_windows(kernel, stride, (0, 0, 0)),
        f"            for e in range({channels}):",
        *("                " + line for line in inner),
        *(rounded(a, f"r{j}") for j, a in enumerate(names) if long),
    ]
    if bias:
        body += [read("b", f"own * {filters} + c", taken)]
        body += [f"{a} += {g}" for a, g in zip(names, taken, strict=True)]
    body += [store(f"i * {of}", names)]
    return kernel_text(flat_head(outer * prod(outputs) * filters, of), body)


LARGEST_ROW = 2.0**62
"""Beyond it a value is no row's, and no int64 either."""


def lookup_source(elements: int, rows: int, length: int) -> str:
    """Rows of a table by the whole part of each value; NaN where there is none."""
    of = width(length)
    names = names_of("a", of)
    body = [
        f"c = i % {length // of} * {of}",
        f"v = x[i // {length // of}]",
        "row = -1",
        f"if v > np.float32(-1) and v < np.float32({LARGEST_ROW!r}):",
        "    row = int(v)",
        *(f"{a} = np.float32(np.nan)" for a in names),
        f"if 0 <= row < {rows}:",
        "    " + read("w", f"row * {length} + c", names),
        store(f"i * {of}", names),
    ]
    return kernel_text(flat_head(elements * length, of), body)


COMBINED = {
    "sum": "{a} + {b}",
    "ave": "{a} + {b}",
    "mul": "{a} * {b}",
    "quotient": "{a} / {b}",
    # NaN is chosen, and nothing is larger than it.
    "max": "{b} if {b} > {a} or {b} != {b} else {a}",
}


def combine_source(
    elements: int, mode: str, *, divisor: int = 1, activation: str | None = None
) -> str:
    """Two values as one, the second in ``w``; y may be x."""
    of = width(elements)
    names, others = names_of("a", of), names_of("d", of)
    body = [read("x", f"i * {of}", names), read("w", f"i * {of}", others)]
    for a, b in zip(names, others, strict=True):
        body += [f"{a} = {COMBINED[mode].format(a=a, b=b)}"]
        if divisor > 1:
            body += [f"{a} = {a} / np.float32({divisor})"]
    results = [f"activate({a})" for a in names] if activation is not None else names
    return kernel_text(flat_head(elements, of), [*body, store(f"i * {of}", results)], activation)


def concat_width(start: int, length: int, whole: int) -> int:
    """Values that a thread moves of runs of ``length`` at ``start`` of rows of ``whole``."""
    return 4 if all(v % 4 == 0 for v in (start, length, whole)) else 1


def concat_source(outer: int, start: int, length: int, whole: int) -> str:
    """Runs of one value into their places among those of the others."""
    of = concat_width(start, length, whole)
    names = names_of("a", of)
    runs = length // of
    place = f"i // {runs} * {whole} + {start} + i % {runs} * {of}"
    return kernel_text(
        flat_head(outer * length, of), [read("x", f"i * {of}", names), store(place, names)]
    )


def slice_source(
    elements: int, first: int, outer: tuple[tuple[int, int], ...], length: int, step: int
) -> str:
    """Values at even distances: ``outer`` are rows and their distance, axis by axis.

    ``elements`` are those of one input sample; of a row ``length`` are taken, ``step`` apart.
    """
    made = prod(count for count, _ in outer) * length
    body = [f"q = i // {length}", f"at = {first} + i % {length} * {step}"]
    for count, distance in reversed(outer):
        body += [f"at += q % {count} * {distance}", f"q = q // {count}"]
    body += [read("x", f"q * {elements} + at", ["a0"]), store("i", ["a0"])]
    return kernel_text(flat_head(made, 1), body)


def resize_image_source(
    elements: int,
    lengths: tuple[int, int],
    channels: int,
    outputs: tuple[int, int],
    bilinear: bool,
    align_corners: bool,
) -> str:
    """Images in another size; where a position looks is computed in float32, as on the CPU.

    ``elements`` are those of one output sample.
    """
    of = width(channels)
    body = [
        f"c = i % {channels // of} * {of}",
        f"q = i // {channels // of}",
        f"ox = q % {outputs[1]}",
        f"q = q // {outputs[1]}",
        f"oy = q % {outputs[0]}",
        f"image = q // {outputs[0]} * {lengths[0]}",
    ]
    for place, first, out, length, size in zip(
        "vu", "zx", ("oy", "ox"), lengths, outputs, strict=True
    ):
        aligned = align_corners and size > 1
        scale = f"np.float32({length - aligned}) / np.float32({size - aligned})"
        body += [f"{place} = product(np.float32({out}), {scale})", f"{first}0 = int({place})"]
        if align_corners and not bilinear:
            body += [f"if {place} - np.float32({first}0) >= np.float32(0.5):", f"    {first}0 += 1"]
        body += [f"{first}0 = min({first}0, {length - 1})"]
        body += [f"{first}1 = min({first}0 + 1, {length - 1})"]

    def seen(row: str, column: str, name: str) -> str:
        place = f"((image + {row}) * {lengths[1]} + {column}) * {channels} + c"
        return read("x", place, names_of(name, of))

    body += [seen("z0", "x0", "a")]
    if bilinear:
        body += ["u -= np.float32(x0)", "v -= np.float32(z0)"]
        body += [seen("z0", "x1", "d"), seen("z1", "x0", "e"), seen("z1", "x1", "f")]
        for a, d, e, f in zip(*(names_of(name, of) for name in "adef"), strict=True):
            body += [
                f"{a} += ({d} - {a}) * u",
                f"{e} += ({f} - {e}) * u",
                f"{a} += ({e} - {a}) * v",
            ]
    body += [store(f"i * {of}", names_of("a", of))]
    return kernel_text(flat_head(elements, of), body)
