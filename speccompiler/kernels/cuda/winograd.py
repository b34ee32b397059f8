"""Winograd convolution: transform of the input, a product for each point, transform back.

The products are those of ``gemm``, one plane for each point; along the depth of 3-D kernels
they are convolutions of their own. ``winograd_text`` has the texts of the transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from speccompiler.graph.ir import Conv, Node
from speccompiler.kernels.cuda import winograd_text
from speccompiler.kernels.cuda.estimates import BYTES, LAUNCH, MULTIPLY_ADDS, moved
from speccompiler.kernels.cuda.gemm import pack_product, product_of
from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.kernel import CudaKernel, Given, Packed
from speccompiler.kernels.cuda.launches import Launch, Product, Work, X, Y
from speccompiler.kernels.cuda.winograd_text import tile_counts
from speccompiler.kernels.winograd_tiles import find_tile, short_convolutions
from speccompiler.planning.candidate import KnownShape, known, op_of, three
from speccompiler.planning.cells import Cells
from speccompiler.planning.schedule import Tile

TRANSFORMED = 32
"""Channels and filters from which the transforms are worth their traffic."""


def _found_tile(node: Node, shape: KnownShape) -> Tile | None:
    op = op_of(node)
    if (
        op.groups > 1
        or any(d != 1 for d in op.dilation)
        or three(op.stride, 1)[1:] != (1, 1)
        or min(shape[-1], known(node)[-1]) < TRANSFORMED
    ):
        return None
    return find_tile(three(op.kernel, 1)[1:])


def _fits(node: Node, shape: KnownShape) -> bool:
    return _found_tile(node, shape) is not None


def _tile(node: Node, shape: KnownShape) -> Tile:
    tile = _found_tile(node, shape)
    assert tile is not None, f"{node.name} has no tile"
    return tile


def _sizes(node: Node, shape: KnownShape) -> tuple[int, int]:
    """Values of the transformed input and of the products, for one sample."""
    tile = _tile(node, shape)
    outputs = three(known(node)[:-1], 1)
    tiles = tile.points * prod(tile_counts(outputs, tile))
    depth = three(shape[:-1], 1)[0]
    return tiles * depth * shape[-1], tiles * outputs[0] * known(node)[-1]


def _nanoseconds(node: Node, shape: KnownShape) -> float:
    inputs, products = _sizes(node, shape)
    taps = three(op_of(node).kernel, 1)[0]
    multiply = products * taps * shape[-1] / MULTIPLY_ADDS
    traffic = 4 * 2 * (inputs + products) / BYTES
    return moved(node, shape) + 2 * LAUNCH + multiply + traffic


def transform_input(g: Gemm, tile: Tile) -> Launch:
    """The input to points, in the first part of the scratch."""
    return Launch(
        "winograd in",
        winograd_text.input_source(g, tile),
        winograd_text.THREADS,
        lambda n: winograd_text.blocks(g, tile, n * g.lengths[0] * g.channels),
        X,
        0,
    )


def transform_output(g: Gemm, tile: Tile) -> Launch:
    """The products, in the second part of the scratch, to the output."""
    return Launch(
        "winograd out",
        winograd_text.output_source(g, tile),
        winograd_text.THREADS,
        lambda n: winograd_text.blocks(g, tile, n * g.outputs[0] * g.filters),
        1,
        Y,
        second=X,
    )


def _work(node: Node, shape: KnownShape) -> Work:
    tile, g = _tile(node, shape), product_of(node, shape)
    tiles = prod(tile_counts(g.outputs, tile))
    points = Gemm(
        (g.lengths[0], 1, tiles),
        g.channels,
        (g.outputs[0], 1, tiles),
        g.filters,
        (g.kernel[0], 1, 1),
        (g.stride[0], 1, 1),
        (g.before[0], 0, 0),
        (g.repeats[0], 1, 1),
        planes=tile.points,
    )
    starts = transform_input(g, tile), Product(points, 0, 1), transform_output(g, tile)
    return Work(starts, _sizes(node, shape))


def _cells(node: Node, shape: KnownShape) -> Sequence[Cells]:
    """A tile's outputs."""
    tile = _tile(node, shape)
    found = (Cells(), Cells(tile.rows), Cells(tile.columns))
    return found[4 - len(shape) :]


def _transformed(weight: npt.NDArray[np.float64], tile: Tile) -> npt.NDArray[np.float64]:
    """(KH, KW, ...) as (points, ...): G w G^T, in float64."""
    down, across = (np.array(side.filter, np.float64) for side in short_convolutions(tile))
    with np.errstate(all="ignore"):
        transformed = np.einsum("ar,bs,rs...->ab...", down, across, weight, optimize=True)
    return np.asarray(transformed).reshape(tile.points, *weight.shape[2:])


def _pack(node: Node, shape: KnownShape, given: Given) -> Packed:
    """Transformed weights; the weights as they are lie behind the bias.

    Those are for tiles that are computed by the definition.
    """
    weight, *bias = given
    tile = _tile(node, shape)
    taps = weight.shape[0] if weight.ndim == 5 else 1
    whole = weight.reshape(taps, *tile.kernel, *weight.shape[-2:]).astype(np.float64)
    points = _transformed(whole.transpose(1, 2, 0, 3, 4), tile)
    packed, added = pack_product(node, shape, [points, *bias])
    as_it_is = np.ascontiguousarray(whole, np.float32).reshape(-1)
    return packed, np.concatenate([added, as_it_is])


WINOGRAD = CudaKernel(
    "winograd",
    (Conv,),
    _work,
    _fits,
    _nanoseconds,
    lambda node, shape: sum(_sizes(node, shape)),
    precise=False,
    pack=_pack,
    cells=_cells,
)
