"""The text of a tiled matrix product: convolution, Dense and the points of Winograd's method.

Rows are output positions, columns filters, and the sum runs over (tap, channel): the input's
matrix is never stored, its elements are found where they lie (an implicit GEMM). A block
brings slabs of both matrices into shared memory, the next one while the present one is
multiplied, and each thread keeps a tile of sums in registers.

Values lie channels-last, so that threads side by side read and write side by side, four
values at a time where the channels divide by four.
"""

from __future__ import annotations

from math import prod

from speccompiler.kernels.cuda.gemm_geometry import Gemm
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
    width = 4 if g.channels % 4 == 0 else 1
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
    lines += _rows(g, tile, width)
    slabs = -(-g.part // tile.depth)
    first = f"part * {g.part} + piece" if g.splits > 1 else "piece"
    lines += [f"k = {first}", *_first_tap(g, tile)]
    lines += [*_weight_places(g, tile)]
    lines += [f"{name} = np.float32(0)" for name in _registers(g, tile, width)]
    # One more turn than slabs: each loads a slab and multiplies the one before.
    lines += [f"for slab in range({slabs + 1}):", f"    if slab < {slabs}:"]
    lines += ["        " + line for line in _load(g, tile, width)]
    lines += ["    if slab > 0:", f"        past = ((slab + 1) & 1) * {tile.slab}"]
    lines += ["        " + line for line in (*_multiply(tile), *_rest_of_sums(g, tile))]
    lines += [f"    if slab < {slabs}:", f"        present = (slab & 1) * {tile.slab}"]
    lines += ["        " + line for line in _put(tile, width)]
    lines += ["        cuda.syncthreads()"]
    if g.long:
        lines += [f"s{p} = whole{p} + s{p}" for p in _places(tile)]
    return lines + _write(g, tile)


def _places(tile: Tile) -> list[str]:
    """Of a thread's sums in its tile."""
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


def _passes(tile: Tile, width: int) -> tuple[int, int]:
    """Rows between two pieces of the input that a thread loads, and how many pieces."""
    step = tile.threads // (tile.depth // width)
    assert step > 0, f"tile {tile} has fewer threads than pieces of a row"
    assert tile.rows % step == 0, f"tile {tile} leaves threads without rows"
    return step, tile.rows // step


def _rows(g: Gemm, tile: Tile, width: int) -> list[str]:
    """Which rows of the input's matrix a thread loads, and where they begin."""
    along = tile.depth // width
    step, count = _passes(tile, width)
    lines = [f"piece = t % {along}" + (f" * {width}" if width > 1 else ""), f"first = t // {along}"]
    d, h, w = g.lengths
    for i in range(count):
        # Rows beyond the last are read as the last, and not written.
        lines += [f"m = min(row + first + {i * step}, rows - 1)"]
        if g.plain:
            lines += [f"base{i} = m * {g.channels}"]
        else:
            _, high, wide = g.outputs
            lines += [
                f"u{i} = m % {wide} * {g.stride[2]} - {g.before[2]}",
                f"m = m // {wide}",
                f"v{i} = m % {high} * {g.stride[1]} - {g.before[1]}",
                f"m = m // {high}",
                f"z{i} = m % {g.outputs[0]} * {g.stride[0]} - {g.before[0]}",
                f"base{i} = m // {g.outputs[0]} * {d * h * w * g.channels}",
            ]
            if not _repeated(g):
                lines += [f"base{i} += ((z{i} * {h} + v{i}) * {w} + u{i}) * {g.channels}"]
        if g.planes > 1:
            size = "rows" if g.plain else f"(n * {prod(g.lengths)})"
            lines += [f"base{i} += plane * {size} * {g.channels}"]
    return lines


def _repeated(g: Gemm) -> bool:
    return any(r != 1 for r in g.repeats)


def _stepped(g: Gemm, tile: Tile) -> bool:
    """Whether a thread's tap moves on by at most one from slab to slab."""
    return g.channels >= tile.depth


def _first_tap(g: Gemm, tile: Tile) -> list[str]:
    """Channel and tap of a thread's first term; ``k`` is the term."""
    if g.plain:
        return []
    return _tap(g)


def _tap(g: Gemm) -> list[str]:
    _, kh, kw = g.kernel
    return [
        f"c = k % {g.channels}",
        f"tap = k // {g.channels}",
        f"ku = tap % {kw}",
        f"tap = tap // {kw}",
        f"kv = tap % {kh}",
        f"kz = tap // {kh}",
    ]


def _next_tap(g: Gemm, tile: Tile) -> list[str]:
    """Move on by one slab: by counting where that is one step, else by dividing."""
    lines = [f"k += {tile.depth}"]
    if g.plain:
        return lines
    if not _stepped(g, tile):
        return lines + _tap(g)
    _, kh, kw = g.kernel
    return [
        *lines,
        f"c += {tile.depth}",
        f"if c >= {g.channels}:",
        f"    c -= {g.channels}",
        "    ku += 1",
        f"    if ku == {kw}:",
        "        ku = 0",
        "        kv += 1",
        f"        if kv == {kh}:",
        "            kv = 0",
        "            kz += 1",
    ]


def _weight_passes(tile: Tile) -> tuple[int, int]:
    """Terms between two pieces of the weights that a thread loads, and how many pieces."""
    step = tile.threads // (tile.columns // 4)
    if step >= tile.depth:
        return tile.depth, 1
    assert tile.depth % step == 0, f"tile {tile} leaves threads without weights"
    return step, tile.depth // step


def _weight_places(g: Gemm, tile: Tile) -> list[str]:
    along = tile.columns // 4
    lines = [f"wf = t % {along} * 4", f"wk = t // {along}"]
    first = f"(part * {g.part} + wk)" if g.splits > 1 else "wk"
    lines += [f"place = {first} * {g.pitch} + column + wf"]
    if g.planes > 1:
        lines += [f"place += plane * {g.terms * g.pitch}"]
    if _checks_terms(g, tile):
        lines += [f"term = {first}"]
    return lines


def _checks_terms(g: Gemm, tile: Tile) -> bool:
    """Whether some slab reaches beyond the last term."""
    return g.terms % tile.depth != 0 or g.part * g.splits != g.terms


def _idle(tile: Tile) -> bool:
    """Whether some threads have no weights to load."""
    return tile.threads > tile.columns // 4 * tile.depth


def _registers(g: Gemm, tile: Tile, width: int) -> list[str]:
    """Names of the values that wait in registers for their place in shared memory."""
    _, count = _passes(tile, width)
    _, weights = _weight_passes(tile)
    inputs = [f"a{i}_{j}" for i in range(count) for j in range(width)]
    return inputs + [f"b{i}_{j}" for i in range(weights) for j in range(4)]


def _names(letter: str, i: int, width: int) -> str:
    return ", ".join(f"{letter}{i}_{j}" for j in range(width))


def _load(g: Gemm, tile: Tile, width: int) -> list[str]:
    _, count = _passes(tile, width)
    lines: list[str] = []
    if not g.plain and not _repeated(g):
        _, h, w = g.lengths
        kz, kv, ku = _apart_taps(g)
        lines += [f"offset = (({kz} * {h} + {kv}) * {w} + {ku}) * {g.channels} + c"]
    for i in range(count):
        index, conditions = _place(g, i)
        if _checks_terms(g, tile):
            conditions = [f"k < {g.terms}", *conditions]
        names = _names("a", i, width)
        word = f"load4(x, {index})" if width == 4 else f"x[{index}]"
        lines += _guarded(conditions, f"{names} = {word}", [f"a{i}_{j}" for j in range(width)])
    step, weights = _weight_passes(tile)
    for i in range(weights):
        conditions = [f"t < {tile.columns // 4 * tile.depth}"] if _idle(tile) else []
        if g.pitch % tile.columns:
            conditions += [f"column + wf < {g.pitch}"]
        if _checks_terms(g, tile):
            conditions += [f"term + {i * step} < {g.terms}"]
        load = f"{_names('b', i, 4)} = load4(w, place + {i * step * g.pitch})"
        lines += _guarded(conditions, load, [f"b{i}_{j}" for j in range(4)])
    lines += [f"place += {tile.depth * g.pitch}", *_next_tap(g, tile)]
    if _checks_terms(g, tile):
        lines += [f"term += {tile.depth}"]
    return lines


def _place(g: Gemm, i: int) -> tuple[str, list[str]]:
    """Index of a thread's piece of row ``i``, and what must hold for it to be in the input."""
    if g.plain:
        return f"base{i} + k", []
    kz, kv, ku = _apart_taps(g)
    taps = [(f"z{i} + {kz}", 0), (f"v{i} + {kv}", 1), (f"u{i} + {ku}", 2)]
    conditions = [
        f"0 <= {tap} < {g.lengths[axis] * g.repeats[axis]}"
        for tap, axis in taps
        if not g.inside(axis)
    ]
    if not _repeated(g):
        return f"base{i} + offset", conditions
    z, v, u = (f"({tap}) // {g.repeats[axis]}" for tap, axis in taps)
    _, h, w = g.lengths
    return f"base{i} + (({z} * {h} + {v}) * {w} + {u}) * {g.channels} + c", conditions


def _apart_taps(g: Gemm) -> list[str]:
    """How far a tap lies from the window's first, along each axis."""
    names = ("kz", "kv", "ku")
    return [k if d == 1 else f"{k} * {d}" for k, d in zip(names, g.dilation, strict=True)]


def _guarded(conditions: list[str], statement: str, names: list[str]) -> list[str]:
    """The statement where all conditions hold, zeros elsewhere."""
    if not conditions:
        return [statement]
    zeros = [f"    {name} = np.float32(0)" for name in names]
    return [f"if {' and '.join(conditions)}:", f"    {statement}", "else:", *zeros]


def _put(tile: Tile, width: int) -> list[str]:
    """From registers into the present slab; the input's is turned, terms outermost."""
    step, count = _passes(tile, width)
    lines = [
        f"shared[present + (piece + {j}) * {tile.pitch} + first + {i * step}] = a{i}_{j}"
        for i in range(count)
        for j in range(width)
    ]
    weights = f"present + {tile.depth * tile.pitch}"
    step, count = _weight_passes(tile)
    stores = [
        f"store4(shared, {weights} + (wk + {i * step}) * {tile.columns} + wf, {_names('b', i, 4)})"
        for i in range(count)
    ]
    if _idle(tile):
        return [
            *lines,
            f"if t < {tile.columns // 4 * tile.depth}:",
            *("    " + s for s in stores),
        ]
    return lines + stores


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
            lines += _guarded(check, load, names)
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
