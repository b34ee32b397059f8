"""The texts of Winograd's transforms, into points and back.

They are bound by memory: a thread transforms the tile of one channel, and threads side by side
take channels side by side. Their arithmetic is written as for the CPU's kernels, over one value.

Outputs of a tile that are not all finite are computed again by the definition: a NaN or an
infinity would reach all of them, and so would values so large that a transform overflows.
"""

from __future__ import annotations

from math import prod

from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.windows import Three
from speccompiler.kernels.toom_cook import ShortConvolution, constants, lines
from speccompiler.kernels.winograd_tiles import short_convolutions
from speccompiler.planning.schedule import Tile

THREADS = 128
"""Threads of a block."""


def tile_counts(outputs: Three, tile: Tile) -> tuple[int, int]:
    """Tiles along height and width."""
    return -(-outputs[1] // tile.rows), -(-outputs[2] // tile.columns)


def _two_sides(
    first: list[list[str]], down: ShortConvolution, across: ShortConvolution, side: str
) -> tuple[list[str], list[list[str]]]:
    """Statements that multiply a matrix of names from both sides, and names of the result."""
    left, right = getattr(down, side), getattr(across, side)
    middle = [[f"e{i}_{j}" for j in range(len(first[0]))] for i in range(len(left))]
    last = [[f"g{i}_{j}" for j in range(len(right))] for i in range(len(left))]
    text: list[str] = []
    for j in range(len(first[0])):
        text += lines(left, [row[j] for row in first], [row[j] for row in middle])
    for i in range(len(left)):
        text += lines(right, middle[i], last[i])
    return text, last


def _constants(tile: Tile, side: str) -> list[str]:
    matrices = [getattr(s, side) for s in short_convolutions(tile)]
    return [f"{name} = np.float32({value!r})" for name, value in constants(*matrices).items()]


def input_source(g: Gemm, tile: Tile) -> str:
    """x to (points, n * depth * tiles, channels): B^T x B of each tile, zeros around the input."""
    tall, wide = tile_counts(g.outputs, tile)
    channels, before, repeats = g.channels, g.before, g.repeats
    d, h, w = g.lengths
    rows = f"n * {d * tall * wide}"
    first = [[f"d{i}_{j}" for j in range(tile.wide)] for i in range(tile.tall)]
    body = [
        f"c = i % {channels}",
        f"row = i // {channels}",
        f"u0 = row % {wide} * {tile.columns} - {before[2]}",
        f"q = row // {wide}",
        f"v0 = q % {tall} * {tile.rows} - {before[1]}",
        f"base = q // {tall} * {h * w * channels} + c",
        *_constants(tile, "input"),
    ]
    for i in range(tile.tall):
        body += [
            f"v = v0 + {i}",
            f"inside = 0 <= v < {h * repeats[1]}",
            f"line = base + {_part('v', repeats[1])} * {w * channels}",
        ]
        for j, name in enumerate(first[i]):
            body += [
                f"{name} = np.float32(0)",
                f"if inside and 0 <= u0 + {j} < {w * repeats[2]}:",
                f"    {name} = x[line + {_part(f'(u0 + {j})', repeats[2])} * {channels}]",
            ]
    text, last = _two_sides(first, *short_convolutions(tile), "input")
    body += text
    for point, name in enumerate(name for row in last for name in row):
        body += [f"y[({point} * {rows} + row) * {channels} + c] = {name}"]
    return _text(f"{rows} * {channels}", body)


def _part(place: str, repeats: int) -> str:
    return place if repeats == 1 else f"({place} // {repeats})"


def output_source(g: Gemm, tile: Tile) -> str:
    """(points, n * depth * tiles, filters) to y: A^T m A of each tile, bias, activation.

    ``w`` is the convolution's input, and behind the bias stand its weights as they are.
    """
    tall, wide = tile_counts(g.outputs, tile)
    filters, activation = g.filters, g.activation
    d, h, w = g.outputs
    rows = f"n * {d * tall * wide}"
    first = [[f"d{i}_{j}" for j in range(tile.wide)] for i in range(tile.tall)]
    body = [f"f = i % {filters}", f"row = i // {filters}", *_constants(tile, "output")]
    for point, name in enumerate(name for row in first for name in row):
        body += [f"{name} = x[({point} * {rows} + row) * {filters} + f]"]
    text, last = _two_sides(first, *short_convolutions(tile), "output")
    body += text
    body += [
        f"u0 = row % {wide} * {tile.columns}",
        f"q = row // {wide}",
        f"v0 = q % {tall} * {tile.rows}",
        f"base = q // {tall} * {h * w * filters} + f",
        "bias = b[f]" if g.bias else "bias = np.float32(0)",
    ]
    names = [name for row in last for name in row]
    body += [f"seen = {names[0]}", *(f"seen += {name}" for name in names[1:])]
    # Where finite values have a sum that overflows, computing them again does no harm.
    body += ["if seen - seen == np.float32(0):"]
    for i, row in enumerate(last):
        for j, name in enumerate(row):
            value = f"{name} + bias" if g.bias else name
            value = value if activation is None else f"activate({value})"
            checks = [f"v0 + {i} < {h}"] if h % tile.rows else []
            checks += [f"u0 + {j} < {w}"] if w % tile.columns else []
            store = f"y[base + ((v0 + {i}) * {w} + u0 + {j}) * {filters}] = {value}"
            body += ["    " + (f"if {' and '.join(checks)}: {store}" if checks else store)]
    body += ["else:", *("    " + line for line in _defined(g, tile))]
    value = "total + bias" if g.bias else "total"
    value = value if activation is None else f"activate({value})"
    body += [f"            y[base + (v * {w} + u) * {filters}] = {value}"]
    return _text(f"{rows} * {filters}", body, activation)


def _defined(g: Gemm, tile: Tile) -> list[str]:
    """Loops over the outputs ``v``, ``u`` of a tile that the image has, and the ``total`` of each.

    A tap's sum over the channels is a chain by itself.
    """
    high, wide = tile.kernel
    d, h, w = (n * r for n, r in zip(g.lengths, g.repeats, strict=True))
    z, v, u = (_part(place, r) for place, r in zip(("z", "tv", "tu"), g.repeats, strict=True))
    _, height, width = g.lengths
    image = f"q // {tile_counts(g.outputs, tile)[0]}"
    return [
        f"for v in range(v0, min(v0 + {tile.rows}, {g.outputs[1]})):",
        f"    for u in range(u0, min(u0 + {tile.columns}, {g.outputs[2]})):",
        "        total = np.float32(0)",
        f"        for tap in range({g.kernel[0] * high * wide}):",
        f"            z = {image} % {g.outputs[0]} * {g.stride[0]} - {g.before[0]}"
        f" + tap // {high * wide}",
        f"            tv = v - {g.before[1]} + tap // {wide} % {high}",
        f"            tu = u - {g.before[2]} + tap % {wide}",
        f"            inside = 0 <= z < {d} and 0 <= tv < {h} and 0 <= tu < {w}",
        f"            start = (({image} // {g.outputs[0]} * {g.lengths[0]} + {z}) * {height}"
        f" + {v}) * {width} + {u}",
        "            chain = np.float32(0)",
        f"            for c in range({g.channels}):",
        "                value = np.float32(0)",
        f"                if inside: value = w[start * {g.channels} + c]",
        f"                weight = b[{g.pitch} + (tap * {g.channels} + c) * {g.filters} + f]",
        "                chain = fma(value, weight, chain)",
        "            total += chain",
    ]


def blocks(g: Gemm, tile: Tile, channels: int) -> int:
    """Blocks of a transform of so many channels, those of every slice and sample counted."""
    return -(-prod(tile_counts(g.outputs, tile)) * channels // THREADS)


def _text(total: str, body: list[str], before: str | None = None) -> str:
    head = [
        "def kernel(x, y, w, b, n):",
        "    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x",
        f"    if i < {total}:",
    ]
    return "\n".join(
        [*([before] if before else []), *head, *("        " + line for line in body), ""]
    )
