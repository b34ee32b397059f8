"""Launches as real layers get them: every kernel, every tile, compiled without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import Binary, Parameter, Variable
from speccompiler.expressions.source import word_source
from speccompiler.graph.ir import Recurrent, Resize, Weight
from speccompiler.kernels.axes import RowsPlan, TransposePlan
from speccompiler.kernels.cuda.activation import activate
from speccompiler.kernels.cuda.batch_normalize import batch_normalize
from speccompiler.kernels.cuda.channel_kernels import ChannelGrid
from speccompiler.kernels.cuda.combine import COMBINED, combine
from speccompiler.kernels.cuda.concat import put
from speccompiler.kernels.cuda.depthwise import depthwise
from speccompiler.kernels.cuda.dot import dot
from speccompiler.kernels.cuda.expand import spread
from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.gemm_text import tiled
from speccompiler.kernels.cuda.global_pool import global_pool
from speccompiler.kernels.cuda.grouped import grouped
from speccompiler.kernels.cuda.kept import kept
from speccompiler.kernels.cuda.launches import Launch, Product
from speccompiler.kernels.cuda.local import local
from speccompiler.kernels.cuda.lookup import look_up
from speccompiler.kernels.cuda.map_with import activate_with
from speccompiler.kernels.cuda.mask import mask
from speccompiler.kernels.cuda.normalize import normalize
from speccompiler.kernels.cuda.plain_copy import copy
from speccompiler.kernels.cuda.pool import pool
from speccompiler.kernels.cuda.recurrent import Scan, scan
from speccompiler.kernels.cuda.resize import Enlarged, enlarge
from speccompiler.kernels.cuda.resize_image import resize_image
from speccompiler.kernels.cuda.slicing import take
from speccompiler.kernels.cuda.softmax import softmax
from speccompiler.kernels.cuda.sum_parts import sum_parts
from speccompiler.kernels.cuda.tiles import TILES
from speccompiler.kernels.cuda.transpose import transpose
from speccompiler.kernels.cuda.windows import Windows
from speccompiler.kernels.cuda.winograd import transform_input, transform_output
from speccompiler.kernels.winograd_tiles import find_tile

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


PARAMETRIC = Binary("+", Binary("*", Variable(), Parameter(0)), Parameter(1))
PLANE, HALF, ONES = (1, 56, 56), (1, 28, 28), (1, 1, 1)


def kernels() -> Iterator[tuple[str, Launch]]:
    """All of them, by name."""
    for tile in TILES:
        yield f"conv {tile}", tiled(Product(CONV), tile)
    for name, geometry in PRODUCTS.items():
        yield f"{name} {TILES[0]}", tiled(Product(geometry), TILES[0])
    for name, expression in (*ACTIVATIONS.items(), ("all functions", parse(ALL_FUNCTIONS))):
        yield f"map {name}", activate(64, word_source(expression))
    yield "map of single values", activate(63, RELU)
    yield "copy", copy(64)
    parts = replace(CONV, outputs=ONES, filters=512, splits=8)
    yield "sum of parts", sum_parts(replace(parts, outputs=(1, 1, 8)))
    for mode, channels in product(("max", "average"), (64, 3)):
        windows = Windows(PLANE, channels, HALF, (1, 3, 3), (1, 2, 2))
        yield f"{mode} pool, {channels} channels", pool(mode, windows, ((0, 1), (0, 56), (0, 57)))
    yield "upsample", enlarge(Enlarged(HALF, 64, PLANE, factors=(1, 2, 2)))
    yield "pad", enlarge(Enlarged(HALF, 64, (1, 30, 30), before=(0, 1, 1)))
    yield "softmax of 10", softmax(1, 10)
    yield "softmax of 1000", softmax(1, 1000)
    matrix = TransposePlan((1, 1, 64, 3136), (0, 0, 1, 64), (0, 0, 3136, 1))
    yield "transpose", transpose(matrix)
    for kernel in ((3, 3), (5, 5), (1, 3), (3, 5)):
        winograd_tile = find_tile(kernel)
        assert winograd_tile is not None
        before = (0, kernel[0] // 2, kernel[1] // 2)
        g = replace(CONV, kernel=(1, *kernel), before=before)
        size = "x".join(map(str, kernel))
        yield f"winograd {size} in", transform_input(g, winograd_tile)
        yield f"winograd {size} out", transform_output(g, winograd_tile)
    for channels in (64, 3):
        for name, launch in of_channels(channels):
            yield f"{name}, {channels} channels", launch
    for mode in COMBINED:
        yield f"combine {mode}", combine(64, mode, 1, divisor=3, activation=RELU)
    for length in (3, 1000):
        yield f"mask of {length}", mask(7, length, 0.0)
        yield f"kept of {length}", kept(7, length, 0.0)
        yield f"normalize of {length}", normalize(7, length, 1e-3, 0.0)
        yield f"dot of {length}", dot(3, 5, length)
    yield from scans()


def scans() -> Iterator[tuple[str, Launch]]:
    """Each cell over a hundred steps, and what its arguments change."""
    tanh, gate = ACTIVATIONS["tanh"], ACTIVATIONS["hard_sigmoid"]
    gates = {"simple": 1, "gru": 3, "gru_reset_after": 3, "lstm": 4}
    for cell, count in gates.items():
        weight = tensor("U", 128, count * 128)
        bias = tensor("b", count * 128) if cell == "gru_reset_after" else None
        op = Recurrent(cell, 100, weight, bias, tanh, gate, sequences=True)
        yield f"scan {cell}", scan(Scan(op, 100, ONES, 0))
        large = tensor("U", 1500, count * 1500)
        op = replace(op, weight=large, masked=True, carried=True, gives_states=True, reverse=True,
                     state_bias=tensor("b", count * 1500) if bias else None)  # fmt: skip
        yield f"scan {cell} in the scratch", scan(Scan(op, 100, ONES, 1))
        window = tensor("U", 3, 3, 16, count * 16)
        op = Recurrent(cell, 10, window, None, tanh, "softmax", (3, 3), ((1, 1), (1, 1)))
        yield f"scan {cell} of windows", scan(Scan(op, 10, (1, 20, 20), 0))


def tensor(name: str, *shape: int) -> Weight:
    return Weight("scan", name, shape, tuple(range(len(shape))), shape)


def of_channels(channels: int) -> Iterator[tuple[str, Launch]]:
    """Kernels whose loads are wide where channels divide by four."""
    text = word_source(PARAMETRIC, parameters=2)
    yield "map_with", activate_with(49 * channels, channels, 2, text)
    yield "depthwise", depthwise(Windows(PLANE, channels, PLANE, (1, 3, 3), ONES, (0, 1, 1)), 2)
    far = Windows(PLANE, channels, PLANE, (1, 3, 3), ONES, (0, 2, 2), (1, 2, 2))
    yield "depthwise, dilated", depthwise(far, 1, bias=True, activation=RELU)
    yield "grouped", grouped(far, 1 if channels == 3 else 16, channels, bias=True, activation=RELU)
    yield "pool, dilated", pool("average", far, ((0, 1), (0, 56), (0, 57)))
    yield "expand", spread(channels, RowsPlan(0, ((3136, 0),), channels, 1))
    yield "local", local(Windows(PLANE, 16, (1, 54, 54), (1, 3, 3), ONES), channels, True)
    yield "lookup", look_up(100, 5000, channels)
    yield "concat", put(0, 49, channels, channels, 2 * channels)
    for bilinear, name in ((True, "bilinear"), (False, "nearest")):
        op = Resize((66, 200), bilinear, align_corners=not bilinear)
        shapes = (75, 320, channels), (66, 200, channels)
        yield f"resize_image {name}", resize_image(op, *shapes)
        centred = replace(op, align_corners=False, half_pixel=True)
        yield f"resize_image {name}, centred", resize_image(centred, *shapes)
    yield "slice", take(9600 * channels, RowsPlan(0, ((9600, channels),), channels, -1))
    for mode in ("max", "average", "sum", "product"):
        yield f"global_pool {mode}", global_pool(ChannelGrid(1, 49, channels), mode)
    yield "batch_normalize", batch_normalize(49, channels, 1e-3)
