"""Kernel texts as real layers get them: every kind, every tile, what is compiled without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from speccompiler.expressions import ACTIVATIONS, parse
from speccompiler.expressions.nodes import Binary, Parameter, Variable
from speccompiler.expressions.source import word_source
from speccompiler.kernels.cuda import (
    channel_kernels,
    gemm,
    layer_kernels,
    memory_kernels,
    row_kernels,
    softmax,
    transpose,
    winograd,
)
from speccompiler.kernels.cuda.channel_kernels import Columns
from speccompiler.kernels.cuda.gemm import Gemm
from speccompiler.kernels.cuda.tiles import TILES
from speccompiler.kernels.winograd_tiles import find_tile


@dataclass(frozen=True)
class Kernel:
    """A text and how it is started."""

    name: str
    text: str
    threads: int
    resident: int = 1


RELU = word_source(ACTIVATIONS["relu"])
CONV = Gemm(
    lengths=(1, 56, 56), channels=64, outputs=(1, 56, 56), filters=64, kernel=(1, 3, 3),
    stride=(1, 1, 1), before=(0, 1, 1), repeats=(1, 1, 1), bias=True, activation=RELU,
)  # fmt: skip
PRODUCT = replace(CONV, kernel=(1, 1, 1), before=(0, 0, 0))
PRODUCTS = {
    "conv of few channels": replace(CONV, channels=3),
    "conv of few filters": replace(CONV, filters=5, activation=None, bias=False),
    "conv with stride": replace(CONV, stride=(1, 2, 2), outputs=(1, 28, 28)),
    "conv of repeats": replace(CONV, repeats=(1, 2, 2), outputs=(1, 112, 112)),
    "conv of distant taps": replace(CONV, dilation=(1, 2, 3)),
    "conv 3-D": replace(CONV, lengths=(8, 28, 28), outputs=(8, 28, 28), kernel=(3, 3, 3),
                        before=(1, 1, 1)),
    "conv of parts": replace(CONV, channels=512, splits=8, bias=False, activation=None),
    "product": PRODUCT,
    "product, tanh": replace(PRODUCT, activation=word_source(ACTIVATIONS["tanh"])),
    "product of parts": replace(PRODUCT, lengths=(1, 1, 1), outputs=(1, 1, 1), channels=4096,
                                splits=16, bias=False, activation=None),
    "product of points": replace(PRODUCT, lengths=(1, 1, 196), outputs=(1, 1, 196), planes=36,
                                 bias=False, activation=None),
}  # fmt: skip
ALL_FUNCTIONS = (
    "exp(x) + expm1(x) * log(x + 3) - log1p(abs(x)) / sqrt(abs(x)) + sign(x) * floor(x) "
    "+ ceil(x) + min(x, 1) + max(x, sin(x)) + clip(cos(x), -0.5, tan(x)) + tanh(x) * sinh(x) "
    "+ cosh(x) + atan(x) + erf(x) + abs(x) ** 1.5 + x ** 3 "
    "+ where(x > 0 and not x > 1 or x != x, x, -x)"
)


def kernels() -> Iterator[Kernel]:
    """All of them, by name."""
    for tile in TILES:
        yield _gemm(f"conv {tile}", CONV, tile)
    for name, product in PRODUCTS.items():
        yield _gemm(f"{name} {TILES[0]}", product, TILES[0])
    flat = memory_kernels.THREADS
    for name, expression in (*ACTIVATIONS.items(), ("all functions", parse(ALL_FUNCTIONS))):
        yield Kernel(f"map {name}", memory_kernels.map_source(64, word_source(expression)), flat)
    yield Kernel("map of single values", memory_kernels.map_source(63, RELU), flat)
    yield Kernel("copy", memory_kernels.copy_source(64), flat)
    yield Kernel("sum of parts", memory_kernels.sum_source(4096, 512, 8, True, RELU), flat)
    plane, half = (1, 56, 56), (1, 28, 28)
    for mode in ("max", "average"):
        for channels in (64, 3):
            text = memory_kernels.pool_source(
                mode, plane, channels, half, (1, 3, 3), (1, 2, 2), (0, 0, 0), (0, 1, 0, 56, 0, 57)
            )
            yield Kernel(f"{mode} pool, {channels} channels", text, flat)
    ones = (1, 1, 1)
    up = memory_kernels.resize_source(half, 64, plane, (1, 2, 2), (0, 0, 0))
    yield Kernel("upsample", up, flat)
    pad = memory_kernels.resize_source(half, 64, (1, 30, 30), ones, (0, 1, 1))
    yield Kernel("pad", pad, flat)
    yield Kernel("softmax of 10", softmax.source(1, 10), softmax.THREADS)
    yield Kernel("softmax of 1000", softmax.source(1, 1000), softmax.THREADS)
    matrix = transpose.source((1, 1, 64, 3136), (0, 0, 1, 64), (0, 0, 3136, 1))
    yield Kernel("transpose", matrix, transpose.THREADS)
    for kernel in ((3, 3), (5, 5), (1, 3), (3, 5)):
        tile = find_tile(kernel)
        assert tile is not None
        before = (0, kernel[0] // 2, kernel[1] // 2)
        into = winograd.input_source(plane, 64, plane, before, ones, tile)
        windows = winograd.Windows(plane, 64, 1, 1, before, ones)
        back = winograd.output_source(plane, 64, tile, True, RELU, windows)
        size = "x".join(map(str, kernel))
        yield Kernel(f"winograd {size} in", into, winograd.THREADS)
        yield Kernel(f"winograd {size} out", back, winograd.THREADS)
    yield from layer_kernels_of_all()


def layer_kernels_of_all() -> Iterator[Kernel]:
    """Those of the layers beside convolution, with wide loads and without."""
    flat, plane, ones = memory_kernels.THREADS, (1, 56, 56), (1, 1, 1)
    parametric = Binary("+", Binary("*", Variable(), Parameter(0)), Parameter(1))
    for channels in (64, 3):
        wide = f", {channels} channels"
        text = word_source(parametric, parameters=2)
        body = layer_kernels.map_with_source(49 * channels, channels, 2, text)
        yield Kernel("map_with" + wide, body, flat)
        body = layer_kernels.depthwise_source(plane, channels, plane, (1, 3, 3), ones, (0, 1, 1), 2)
        yield Kernel("depthwise" + wide, body, flat)
        body = layer_kernels.local_source(
            1, plane, 16, (1, 54, 54), channels, (1, 3, 3), ones, True
        )
        yield Kernel("local" + wide, body, flat)
        yield Kernel("lookup" + wide, layer_kernels.lookup_source(100, 5000, channels), flat)
        body = layer_kernels.concat_source(49, channels, channels, 2 * channels)
        yield Kernel("concat" + wide, body, flat)
        found = Columns(1, 49, channels)
        for bilinear, name in ((True, "bilinear"), (False, "nearest")):
            body = layer_kernels.resize_image_source(
                66 * 200 * channels, (75, 320), channels, (66, 200), bilinear, not bilinear
            )
            yield Kernel(f"resize_image {name}{wide}", body, flat)
        body = layer_kernels.slice_source(9600 * channels, 0, ((9600, channels),), channels, -1)
        yield Kernel("slice" + wide, body, flat)
        for mode in ("max", "average", "sum", "product"):
            body = channel_kernels.global_pool_source(found, mode)
            yield Kernel(f"global_pool {mode}{wide}", body, found.threads)
        found = replace(found, samples=True)
        body = channel_kernels.batch_normalize_source(found, 1e-3)
        yield Kernel("batch_normalize" + wide, body, found.threads)
    for mode in layer_kernels.COMBINED:
        body = layer_kernels.combine_source(64, mode, divisor=3, activation=RELU)
        yield Kernel(f"combine {mode}", body, flat)
    for length in (3, 1000):
        wide = f" of {length}"
        yield Kernel("mask" + wide, row_kernels.mask_source(7, length, 0.0), softmax.THREADS)
        body = row_kernels.normalize_source(7, length, 1e-3, 0.0)
        yield Kernel("normalize" + wide, body, softmax.THREADS)
        yield Kernel("dot" + wide, row_kernels.dot_source(3, 5, length), softmax.THREADS)


def _gemm(name: str, product: Gemm, tile: object) -> Kernel:
    assert tile in TILES
    return Kernel(name, gemm.source(product, tile), tile.threads, gemm.resident(product, tile))
