"""Convolution and Dense as one matrix product (``gemm_text`` is its text).

Few outputs of long sums would leave a GPU idle: such sums are cut into parts, which a second
kernel adds (``sum_parts``). Into how many is decided by the layer's shape alone, so that the
bits of a sample do not depend on its batch.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from speccompiler.expressions.source import word_source
from speccompiler.graph import dims
from speccompiler.graph.ir import Conv, Node
from speccompiler.graph.shapes import multiply_adds
from speccompiler.kernels.cuda.estimates import MULTIPLY_ADDS, moved
from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.kernel import CudaKernel, Given, Packed
from speccompiler.kernels.cuda.launches import Product, Work, X
from speccompiler.kernels.cuda.long_sums import PART
from speccompiler.kernels.cuda.sum_parts import sum_parts
from speccompiler.kernels.cuda.windows import Windows
from speccompiler.planning.candidate import KnownShape, known, op_of, three

WANTED_BLOCKS = 128
"""Tiles of one sample below which a long sum is cut, to use the whole GPU."""
SHORTEST_PART = 256
MOST_PARTS = 16


def splits(positions: int, filters: int, terms: int) -> int:
    """Parts that each sum of a layer is cut into.

    The longest sums are cut however many there are, so that no part rounds too often.
    """
    blocks = -(-positions // 64) * -(-filters // 64)
    wanted = min(MOST_PARTS, WANTED_BLOCKS // blocks, terms // SHORTEST_PART)
    return max(1, wanted, -(-terms // PART))


def _splits(node: Node, shape: KnownShape) -> int:
    *positions, filters = known(node)
    return splits(prod(positions), filters, prod(op_of(node).kernel) * shape[-1])


def product_of(node: Node, shape: KnownShape) -> Gemm:
    """A convolution's product, whole."""
    op, out = op_of(node), known(node)
    windows = Windows.of(op, shape, out)
    return Gemm(
        windows.lengths,
        windows.channels,
        windows.outputs,
        out[-1],
        windows.kernel,
        windows.stride,
        windows.before,
        three(op.repeats, 1),
        dilation=three(op.dilation, 1),
        bias=op.bias is not None,
        activation=None if op.activation is None else word_source(op.activation),
    )


def _work(node: Node, shape: KnownShape) -> Work:
    return _cut_into(_splits(node, shape), node, shape)


def _cut_into(parts_of_sums: int, node: Node, shape: KnownShape) -> Work:
    g = replace(product_of(node, shape), splits=parts_of_sums)
    # Parts are whole slabs, so that fewer of them may do.
    g = replace(g, splits=-(-g.terms // g.part))
    if g.splits == 1:
        return Work((Product(g),))
    parts = Product(replace(g, bias=False, activation=None), X, 0)
    return Work((parts, sum_parts(g)), (g.splits * g.positions * g.filters,))


def _nanoseconds(node: Node, shape: KnownShape) -> float:
    count = dims.known(multiply_adds(node))
    return moved(node, shape) + count / MULTIPLY_ADDS


def _scratch(node: Node, shape: KnownShape) -> int:
    return _room(_splits(node, shape), node, shape)


def _room(parts: int, node: Node, shape: KnownShape) -> int:
    return parts * prod(known(node)) if parts > 1 else 0


def _as_for(node: Node, shape: KnownShape) -> CudaKernel:
    """The kernel that cuts sums of every length of image into as many parts as those of this."""
    parts = _splits(node, shape)
    return replace(GEMM, work=partial(_cut_into, parts), scratch=partial(_room, parts))


def pack_product(node: Node, shape: KnownShape, given: Given) -> Packed:
    """Weights (..., filters) as (terms, filters), and the bias: filters by fours."""
    weight, *bias = given
    filters = weight.shape[-1]
    missing = -filters % 4
    rows = weight.reshape(-1, filters)
    packed = np.ascontiguousarray(np.pad(rows, ((0, 0), (0, missing))), np.float32)
    padded = np.zeros(filters + missing, np.float32)
    if bias:
        padded[:filters] = bias[0]
    return packed.reshape(-1), padded


GEMM = CudaKernel(
    "gemm",
    (Conv,),
    _work,
    lambda node, shape: op_of(node).groups == 1,
    nanoseconds=_nanoseconds,
    scratch=_scratch,
    pack=pack_product,
    as_for=_as_for,
)
