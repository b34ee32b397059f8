"""LRN2D: a mean of squares along the channels, a power of it, and a product.

    t = c * x                             c = 2**-lift
    m = mean(t**2)                        a window of channels, zeros beyond them counted
    y = x * (k * c**2 + alpha * count * m)**-beta * c**(2 * beta)

Values above 1.8e19 have no square in float32. The lift moves that limit up as far as it can
without losing small values that would still count beside ``k``.
"""

from __future__ import annotations

from math import floor, inf, log2

from speccompiler.expressions.library import (
    is_root,
    response_back,
    response_share,
    response_square,
)
from speccompiler.graph.ir import Combine, Map, Node, Pool, Reshape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import own_ordering, spatial_input
from speccompiler.schemas.beyond_keras import LRN2D


def lower_lrn2d(b: Builder, layer: LRN2D, x: Node) -> Node:
    """The channels become a spatial axis, along which an average pool slides."""
    x = spatial_input(b, layer, x)
    channels, reach = x.shape[-1], layer.n // 2
    if isinstance(channels, int):
        reach = min(reach, channels - 1)
    count = 2 * reach + 1
    lift = _lift(layer, count)
    scale = 2.0**-lift
    y = b.add(Map(response_square(scale)), x)
    y = b.add(Reshape((*x.shape, 1)), y)
    none = ((0, 0),) * 3
    window = Pool("average", (1, 1, count), (1, 1, 1), none, (*none[:2], (reach, reach)))
    y = b.add(Reshape(x.shape), b.add(window, y))
    share = response_share(layer.k * scale**2, layer.alpha * count, layer.beta)
    back = response_back(scale ** (2 * layer.beta)) if lift else None
    y = b.add(Combine("mul", back), x, b.add(Map(share), y))
    return own_ordering(b, layer, y)


def _lift(layer: LRN2D, count: int) -> int:
    """The lift: values are multiplied by ``2**-lift``, an even power of two.

    Four limits keep float32 exact. A square that falls below float32's smallest number, 2**-126,
    has to be less than 2**-26 of ``k`` (one unit in ``k``'s last place is 2**-24 of it). ``k``
    itself stays above 2**-110. Its power stays below 2**100, and below 2**120 together with the
    largest ``x`` whose square still counts less than ``k``. A power that is no root is as exact
    as the product of its exponent and the logarithm of its base, so that logarithm is kept small.
    """
    weight = layer.alpha * count
    if layer.k == 0 or layer.beta == 0 or weight == 0:
        return 0
    ratio = log2(layer.k) - log2(weight)
    most = min(
        (100 + ratio) / 2,
        (110 + log2(layer.k)) / 2,
        min(50.0, 60 - ratio / 4) / layer.beta,
        inf if is_root(layer.beta) else 20,
    )
    return max(0, 2 * floor(most / 2))
