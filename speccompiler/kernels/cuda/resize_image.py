"""Images in another size, by the nearest value or between the four around a position.

Where a position looks is computed in float32, as on the CPU.
"""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Node, Resize
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape, known


def resize_image(op: Resize, shape: KnownShape, out: KnownShape) -> Launch:
    """Shapes are (..., height, width, channels)."""
    lengths, outputs, channels = shape[-3:-1], out[-3:-1], shape[-1]
    grid = FlatGrid.over(prod(out), channels)
    pieces = channels // grid.width
    body = [
        f"c = i % {pieces} * {grid.width}",
        f"q = i // {pieces}",
        f"ox = q % {outputs[1]}",
        f"q = q // {outputs[1]}",
        f"oy = q % {outputs[0]}",
        f"image = q // {outputs[0]} * {lengths[0]}",
    ]
    for place, first, made, length, size in zip(
        "vu", "zx", ("oy", "ox"), lengths, outputs, strict=True
    ):
        aligned = op.align_corners and size > 1
        scale = f"np.float32({length - aligned}) / np.float32({size - aligned})"
        looked = f"np.float32({made})"
        if op.half_pixel:
            looked = f"{looked} + np.float32(0.5)"
        body += [f"{place} = product({looked}, {scale})"]
        if op.half_pixel and op.bilinear:
            body += [f"{place} = sub({place}, np.float32(0.5))"]
            body += [f"{place} = {place} if {place} > np.float32(0) else np.float32(0)"]
        body += [f"{first}0 = int({place})"]
        if op.align_corners and not op.bilinear:
            body += [f"if {place} - np.float32({first}0) >= np.float32(0.5):", f"    {first}0 += 1"]
        body += [f"{first}0 = min({first}0, {length - 1})"]
        body += [f"{first}1 = min({first}0 + 1, {length - 1})"]

    def seen(row: str, column: str, name: str) -> str:
        place = f"((image + {row}) * {lengths[1]} + {column}) * {channels} + c"
        return read("x", place, grid.names(name))

    body += [seen("z0", "x0", "a")]
    if op.bilinear:
        body += ["u -= np.float32(x0)", "v -= np.float32(z0)"]
        body += [seen("z0", "x1", "d"), seen("z1", "x0", "e"), seen("z1", "x1", "f")]
        for a, d, e, f in zip(*(grid.names(name) for name in "adef"), strict=True):
            body += [
                f"{a} += ({d} - {a}) * u",
                f"{e} += ({f} - {e}) * u",
                f"{a} += ({e} - {a}) * v",
            ]
    return grid.launch("resize_image", [*body, store(grid.first, grid.names("a"))])


def _work(node: Node, shape: KnownShape) -> Work:
    assert isinstance(node.op, Resize), f"{node.name} resizes no image"
    return Work((resize_image(node.op, shape, known(node)),))


RESIZE_IMAGE = CudaKernel("resize_image", (Resize,), _work)
