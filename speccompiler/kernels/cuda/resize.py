"""Up-sampling and zero padding: each value several times along each axis, zeros around."""

from __future__ import annotations

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Node, Pad, Upsample
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, elements_of, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.windows import Three
from speccompiler.planning.candidate import KnownShape, known, op_of, three


@dataclass(frozen=True, slots=True)
class Enlarged:
    """Values ``factors`` times each, then zeros ``before`` them; a negative amount crops."""

    lengths: Three
    channels: int
    outputs: Three
    factors: Three = (1, 1, 1)
    before: Three = (0, 0, 0)


def enlarge(g: Enlarged) -> Launch:
    """A thread to up to four channels of one output."""
    grid = FlatGrid.over(elements_of(g.outputs, g.channels), g.channels)
    names = grid.names("a")
    d, h, w = g.lengths
    places = [
        f"{place} = ({out} - {b}) // {f}"
        for place, out, b, f in zip("zvu", ("oz", "oy", "ox"), g.before, g.factors, strict=True)
    ]
    conditions = [
        f"0 <= {place} < {length}"
        for place, length, out, b, f in zip(
            "zvu", g.lengths, g.outputs, g.before, g.factors, strict=True
        )
        if b > 0 or (out - 1 - b) // f >= length
    ]
    load = read("x", f"(((s * {d} + z) * {h} + v) * {w} + u) * {g.channels} + c", names)
    body = [*grid.position(g.outputs, g.channels), *places]
    if conditions:
        body += [f"{' = '.join(names)} = np.float32(0)", f"if {' and '.join(conditions)}:"]
        load = "    " + load
    return grid.launch("resize", [*body, load, store(grid.first, names)])


def _work(node: Node, shape: KnownShape) -> Work:
    op, out = op_of(node), known(node)
    g = Enlarged(
        three(shape[:-1], 1),
        shape[-1],
        three(out[:-1], 1),
        three(getattr(op, "factors", ()), 1),
        three([before for before, _ in getattr(op, "padding", ())], 0),
    )
    return Work((enlarge(g),))


RESIZE = CudaKernel("resize", (Upsample, Pad), _work)
