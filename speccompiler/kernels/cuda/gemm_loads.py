"""How a block of a matrix product brings slabs of both matrices into shared memory.

A slab's values wait in a thread's registers while the slab before it is multiplied. The input's
matrix is never stored: its rows are the outputs' windows, its terms are (tap, channel), and each
value is found where it lies.
"""

from __future__ import annotations

from math import prod

from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.tiles import Tile


@dataclass(frozen=True, slots=True)
class SlabLoads:
    """Statements of one thread. It loads ``pieces`` of the input and ``weight_pieces``, by fours.

    Values of the input are loaded one by one where its channels do not divide by four.
    """

    g: Gemm
    tile: Tile

    @property
    def width(self) -> int:
        """Values of a piece of the input."""
        return 4 if self.g.channels % 4 == 0 else 1

    @property
    def step(self) -> int:
        """Rows between two pieces of the input that a thread loads."""
        step = self.tile.threads // (self.tile.depth // self.width)
        assert step > 0, f"tile {self.tile} has fewer threads than pieces of a row"
        assert self.tile.rows % step == 0, f"tile {self.tile} leaves threads without rows"
        return step

    @property
    def pieces(self) -> int:
        """Pieces of the input's slab that a thread loads."""
        return self.tile.rows // self.step

    @property
    def weight_step(self) -> int:
        """Terms between two pieces of the weights that a thread loads."""
        step = min(self.tile.threads // (self.tile.columns // 4), self.tile.depth)
        assert self.tile.depth % step == 0, f"tile {self.tile} leaves threads without weights"
        return step

    @property
    def weight_pieces(self) -> int:
        """Pieces of the weights' slab that a thread loads."""
        return self.tile.depth // self.weight_step

    @property
    def busy(self) -> int:
        """Threads that have weights to load; the others have none."""
        return self.tile.columns // 4 * self.tile.depth

    @property
    def idle(self) -> bool:
        """Whether some threads have no weights to load."""
        return self.tile.threads > self.busy

    @property
    def checks_terms(self) -> bool:
        """Whether some slab reaches beyond the last term."""
        g = self.g
        return g.terms % self.tile.depth != 0 or g.part * g.splits != g.terms

    @property
    def repeated(self) -> bool:
        """Whether an up-sampling is folded in, so that places have to be divided."""
        return any(r != 1 for r in self.g.repeats)

    def rows(self) -> list[str]:
        """Which rows of the input's matrix the thread loads, and where they begin."""
        g = self.g
        along = self.tile.depth // self.width
        piece = f"piece = t % {along}" + (f" * {self.width}" if self.width > 1 else "")
        lines = [piece, f"first = t // {along}"]
        d, h, w = g.lengths
        for i in range(self.pieces):
            # Rows beyond the last are read as the last, and not written.
            lines += [f"m = min(row + first + {i * self.step}, rows - 1)"]
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
                if not self.repeated:
                    lines += [f"base{i} += ((z{i} * {h} + v{i}) * {w} + u{i}) * {g.channels}"]
            if g.planes > 1:
                size = "rows" if g.plain else f"(n * {prod(g.lengths)})"
                lines += [f"base{i} += plane * {size} * {g.channels}"]
        return lines

    def first_term(self) -> list[str]:
        """The thread's first term ``k`` of the input, and the ``place`` of its first weights."""
        g = self.g
        k, term = ("piece", "wk")
        if g.splits > 1:
            k, term = f"part * {g.part} + piece", f"(part * {g.part} + wk)"
        along = self.tile.columns // 4
        lines = [f"k = {k}", *([] if g.plain else self._tap())]
        lines += [f"wf = t % {along} * 4", f"wk = t // {along}"]
        lines += [f"place = {term} * {g.pitch} + column + wf"]
        if g.planes > 1:
            lines += [f"place += plane * {g.terms * g.pitch}"]
        if self.checks_terms:
            lines += [f"term = {term}"]
        return lines

    def _tap(self) -> list[str]:
        """Channel and tap of term ``k``, by dividing."""
        _, kh, kw = self.g.kernel
        return [
            f"c = k % {self.g.channels}",
            f"tap = k // {self.g.channels}",
            f"ku = tap % {kw}",
            f"tap = tap // {kw}",
            f"kv = tap % {kh}",
            f"kz = tap // {kh}",
        ]

    def _next_term(self) -> list[str]:
        """Move on by one slab: by counting where that is one tap at most, else by dividing."""
        g, depth = self.g, self.tile.depth
        lines = [f"k += {depth}"]
        if g.plain:
            return lines
        if g.channels < depth:
            return lines + self._tap()
        _, kh, kw = g.kernel
        return [
            *lines,
            f"c += {depth}",
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

    def _input(self, i: int) -> list[str]:
        """Variables of input piece ``i``."""
        return [f"a{i}_{j}" for j in range(self.width)]

    @staticmethod
    def _weights(i: int) -> list[str]:
        """Variables of weight piece ``i``."""
        return [f"b{i}_{j}" for j in range(4)]

    def waiting(self) -> list[str]:
        """Variables of all values that wait for their place in shared memory."""
        inputs = [name for i in range(self.pieces) for name in self._input(i)]
        return inputs + [name for i in range(self.weight_pieces) for name in self._weights(i)]

    def load(self) -> list[str]:
        """The next slab into registers."""
        g, tile = self.g, self.tile
        lines: list[str] = []
        if not g.plain and not self.repeated:
            _, h, w = g.lengths
            kz, kv, ku = self._taps_apart()
            lines += [f"offset = (({kz} * {h} + {kv}) * {w} + {ku}) * {g.channels} + c"]
        for i in range(self.pieces):
            index, conditions = self._place(i)
            if self.checks_terms:
                conditions = [f"k < {g.terms}", *conditions]
            names = self._input(i)
            value = f"load4(x, {index})" if self.width == 4 else f"x[{index}]"
            lines += guarded(conditions, f"{', '.join(names)} = {value}", names)
        for i in range(self.weight_pieces):
            conditions = [f"t < {self.busy}"] if self.idle else []
            if g.pitch % tile.columns:
                conditions += [f"column + wf < {g.pitch}"]
            if self.checks_terms:
                conditions += [f"term + {i * self.weight_step} < {g.terms}"]
            names = self._weights(i)
            load = f"{', '.join(names)} = load4(w, place + {i * self.weight_step * g.pitch})"
            lines += guarded(conditions, load, names)
        lines += [f"place += {tile.depth * g.pitch}", *self._next_term()]
        if self.checks_terms:
            lines += [f"term += {tile.depth}"]
        return lines

    def _place(self, i: int) -> tuple[str, list[str]]:
        """Index of the thread's piece ``i``, and the conditions for it to be in the input."""
        g = self.g
        if g.plain:
            return f"base{i} + k", []
        kz, kv, ku = self._taps_apart()
        taps = [(f"z{i} + {kz}", 0), (f"v{i} + {kv}", 1), (f"u{i} + {ku}", 2)]
        conditions = [
            f"0 <= {tap} < {g.lengths[axis] * g.repeats[axis]}"
            for tap, axis in taps
            if not g.inside(axis)
        ]
        if not self.repeated:
            return f"base{i} + offset", conditions
        z, v, u = (f"({tap}) // {g.repeats[axis]}" for tap, axis in taps)
        _, h, w = g.lengths
        return f"base{i} + (({z} * {h} + {v}) * {w} + {u}) * {g.channels} + c", conditions

    def _taps_apart(self) -> list[str]:
        """How far a tap lies from the window's first, along each axis."""
        names = ("kz", "kv", "ku")
        return [k if d == 1 else f"{k} * {d}" for k, d in zip(names, self.g.dilation, strict=True)]

    def put(self) -> list[str]:
        """From registers into the present slab; the input's is turned, terms outermost."""
        tile = self.tile
        lines = [
            f"shared[present + (piece + {j}) * {tile.pitch} + first + {i * self.step}] = {name}"
            for i in range(self.pieces)
            for j, name in enumerate(self._input(i))
        ]
        start = f"present + {tile.depth * tile.pitch}"
        stores = []
        for i in range(self.weight_pieces):
            at = f"{start} + (wk + {i * self.weight_step}) * {tile.columns} + wf"
            stores += [f"store4(shared, {at}, {', '.join(self._weights(i))})"]
        if self.idle:
            return [*lines, f"if t < {self.busy}:", *("    " + store for store in stores)]
        return lines + stores


def guarded(conditions: list[str], statement: str, names: list[str]) -> list[str]:
    """The statement where all conditions hold, zeros elsewhere."""
    if not conditions:
        return [statement]
    zeros = [f"    {name} = np.float32(0)" for name in names]
    return [f"if {' and '.join(conditions)}:", f"    {statement}", "else:", *zeros]
