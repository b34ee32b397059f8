"""The text of a tiled matrix product: convolution, Dense and the points of Winograd's method.

Rows are output positions, columns are filters, and a sum runs over (tap, channel). A block brings
slabs of both matrices into shared memory (``gemm_loads``), the next one while the present one is
multiplied, and each thread keeps a tile of sums in registers. The input's matrix is never
stored: this is an implicit GEMM.

Values lie channels-last, so that threads side by side read and write side by side, four
values at a time where the channels divide by four.
"""

from __future__ import annotations

from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.gemm_loads import SlabLoads, guarded
from speccompiler.kernels.cuda.launches import Launch, Product
from speccompiler.kernels.cuda.long_sums import SHORT
from speccompiler.kernels.cuda.tiles import Tile


def tiled(product: Product, tile: Tile) -> Launch:
    """The launch of a product that is cut in this way."""
    g = product.geometry
    return Launch(
        "gemm",
        source(g, tile),
        tile.threads,
        lambda n: g.blocks(tile, n),
        product.reads,
        product.writes,
        resident=resident(g, tile),
        product=product,
    )


def source(g: Gemm, tile: Tile) -> str:
    """The text of ``kernel(x, y, w, b, n)``: x input, y output, w weights (terms, pitch)."""
    return "\n".join(
        [
            *([g.activation] if g.activation is not None else []),
            "def kernel(x, y, w, b, n):",
            *("    " + line for line in _body(g, tile)),
            "",
        ]
    )


def resident(g: Gemm, tile: Tile) -> int:
    """Blocks that a multiprocessor is to hold: as many as need no register in memory.

    512 threads may use 128 registers each; loads of single values wait in more of them.
    """
    if g.long:
        # The wholes wait in registers too.
        return max(1, 256 // tile.threads)
    roomy = tile.threads < 256 or g.channels % 4 != 0
    return (384 if roomy else 512) // tile.threads


def _body(g: Gemm, tile: Tile) -> list[str]:
    loads = SlabLoads(g, tile)
    column_blocks = -(-g.filters // tile.columns)
    lines = [
        f"shared = shared_floats({2 * tile.slab})",
        "t = cuda.threadIdx.x",
        f"rows = n * {g.positions}",
        "block = cuda.blockIdx.x",
        f"column = block % {column_blocks} * {tile.columns}",
        f"block = block // {column_blocks}",
        f"row_blocks = (rows + {tile.rows - 1}) // {tile.rows}",
        f"row = block % row_blocks * {tile.rows}",
        "block = block // row_blocks",
    ]
    if g.splits > 1:
        lines += [f"part = block % {g.splits}", f"block = block // {g.splits}"]
    if g.planes > 1:
        lines += [f"plane = block % {g.planes}"]
    lines += _sums(g, tile)
    lines += [*loads.rows(), *loads.first_term()]
    lines += [f"{name} = np.float32(0)" for name in loads.waiting()]
    slabs = -(-g.part // tile.depth)
    # One more turn than slabs: each loads a slab and multiplies the one before.
    lines += [f"for slab in range({slabs + 1}):", f"    if slab < {slabs}:"]
    lines += ["        " + line for line in loads.load()]
    lines += ["    if slab > 0:", f"        past = ((slab + 1) & 1) * {tile.slab}"]
    lines += ["        " + line for line in (*_multiply(tile), *_rest_of_sums(g, tile))]
    lines += [f"    if slab < {slabs}:", f"        present = (slab & 1) * {tile.slab}"]
    lines += ["        " + line for line in loads.put()]
    lines += ["        cuda.syncthreads()"]
    if g.long:
        lines += [f"s{p} = whole{p} + s{p}" for p in _places(tile)]
    return lines + _write(g, tile)


def _places(tile: Tile) -> list[str]:
    """The places of a thread's sums in its tile."""
    return [f"{i}_{j}" for i in range(tile.tall) for j in range(tile.wide)]


def _sums(g: Gemm, tile: Tile) -> list[str]:
    across = tile.columns // tile.wide
    places = [f"tx = t % {across}", f"ty = t // {across}"]
    places += [f"s{p} = np.float32(0)" for p in _places(tile)]
    return places + [f"whole{p} = np.float32(0)" for p in _places(tile) if g.long]


def _rest_of_sums(g: Gemm, tile: Tile) -> list[str]:
    """Statements that end one chain of a long sum and begin the next, on every tile alike."""
    if not g.long:
        return []
    lines = [f"if slab % {SHORT // tile.depth} == 0:"]
    for p in _places(tile):
        lines += [f"    whole{p} += s{p}", f"    s{p} = np.float32(0)"]
    return lines


def _multiply(tile: Tile) -> list[str]:
    lines = [
        f"p = past + q * {tile.pitch} + ty * 4",
        f"r = past + {tile.depth * tile.pitch} + q * {tile.columns} + tx * 4",
    ]
    # A thread's rows (and filters) are groups of four, far apart: neighbouring threads then
    # read neighbouring fours, and no two of them the same bank.
    for group in range(tile.tall // 4):
        names = ", ".join(f"m{4 * group + j}" for j in range(4))
        lines += [f"{names} = load4(shared, p + {group * _apart(tile.rows, tile.tall)})"]
    for group in range(tile.wide // 4):
        names = ", ".join(f"f{4 * group + j}" for j in range(4))
        lines += [f"{names} = load4(shared, r + {group * _apart(tile.columns, tile.wide)})"]
    lines += [
        f"s{i}_{j} = fma(m{i}, f{j}, s{i}_{j})" for i in range(tile.tall) for j in range(tile.wide)
    ]
    return [f"for q in range({tile.depth}):", *("    " + line for line in lines)]


def _apart(length: int, share: int) -> int:
    """Distance between the groups of four of one thread."""
    return length // (share // 4)


def _write(g: Gemm, tile: Tile) -> list[str]:
    whole = g.filters % 4 == 0
    lines: list[str] = []
    for group in range(tile.wide // 4):
        apart = group * _apart(tile.columns, tile.wide)
        lines += [f"filter{group} = column + {apart} + tx * 4"]
        if g.bias:
            names = [f"d{4 * group + j}" for j in range(4)]
            load = f"{', '.join(names)} = load4(b, filter{group})"
            check = [f"filter{group} < {g.pitch}"] if g.pitch % tile.columns else []
            lines += guarded(check, load, names)
    start = []
    if g.planes > 1:
        start += [f"plane * rows * {g.filters}"]
    if g.splits > 1:
        start += [f"part * rows * {g.filters}"]
    lines += [f"start = {' + '.join(start) or '0'}"]
    for i in range(tile.tall):
        group, inner = divmod(i, 4)
        apart = group * _apart(tile.rows, tile.tall) + inner
        lines += [f"m = row + {apart} + ty * 4", "if m < rows:"]
        for wide in range(tile.wide // 4):
            values = [_value(g, i, 4 * wide + j) for j in range(4)]
            at = f"start + m * {g.filters} + filter{wide}"
            if whole:
                store = f"store4(y, {at}, {', '.join(values)})"
                inside = f"if filter{wide} < {g.filters}: " if g.filters % tile.columns else ""
                lines += [f"    {inside}{store}"]
            else:
                lines += [
                    f"    if filter{wide} + {j} < {g.filters}: y[{at} + {j}] = {value}"
                    for j, value in enumerate(values)
                ]
    return lines


def _value(g: Gemm, i: int, j: int) -> str:
    value = f"s{i}_{j} + d{j}" if g.bias else f"s{i}_{j}"
    return value if g.activation is None else f"activate({value})"
