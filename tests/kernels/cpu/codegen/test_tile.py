"""The register tile by itself, against sums in float64."""

import ctypes

import numpy as np
import pytest

from speccompiler.kernels.cpu.codegen.register_tile import (
    VECTORS,
    ProductArguments,
    TileArguments,
    product_tile_text,
    tile_columns,
    tile_text,
)
from speccompiler.kernels.cpu.functions import NONE, PLAIN, THEANO
from speccompiler.kernels.cpu.kernel import WIDTHS
from speccompiler.kernels.cpu.runtime import object_code
from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel
from speccompiler.system.processor import host_lanes

PLANES, ROWS, RUN, PITCH = 3, 2, 24, 40
CALL = ctypes.CFUNCTYPE(
    ctypes.c_int32, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2, ctypes.c_void_p
)

UNBOUNDED = int(np.float32(np.inf).view(np.int32))
"""As the largest value after a relu."""


@pytest.mark.parametrize("lanes", [lanes for lanes in WIDTHS if lanes <= host_lanes()])
def test_a_tile_adds_up_products(lanes):
    tile = CALL(load_kernel("tile", tile_text(lanes)).address)
    unread = object_code._unread
    rng = np.random.default_rng(0)
    for count in range(1, tile_columns(lanes) + 1):
        for vectors, relu in ((1, True), (2, False), (2, True)):
            filters = vectors * lanes
            x = rng.standard_normal(4000).astype(np.float32)
            offsets = rng.permutation(count).astype(np.int64) * PITCH
            w = rng.standard_normal((PLANES, ROWS, RUN, filters)).astype(np.float32)
            start = rng.standard_normal((count, filters)).astype(np.float32)
            y = np.zeros((count, filters + 3), np.float32)
            places = rng.permutation(count).astype(np.int64) * y.strides[0]
            in_bytes = offsets * 4
            arguments = TileArguments(
                x.ctypes.data, in_bytes.ctypes.data, w.ctypes.data,
                PLANES, 700 * 4, w.strides[0], ROWS, 111 * 4, w.strides[1], RUN,
                w.ctypes.data, 64, start.ctypes.data, start.strides[0],
                y.ctypes.data, places.ctypes.data,
                PLAIN if relu else NONE, UNBOUNDED,
            )  # fmt: skip
            given = np.array(arguments, np.int64)
            assert tile(unread, unread, count, vectors, given.ctypes.data) == 0
            expected = start.astype(np.float64)
            for t, plane, row in np.ndindex(count, PLANES, ROWS):
                at = offsets[t] + 700 * plane + 111 * row
                expected[t] += x[at : at + RUN] @ w[plane, row].astype(np.float64)
            expected = np.maximum(expected, 0) if relu else expected
            written = y[places // y.strides[0], :filters]
            np.testing.assert_allclose(written, expected, rtol=1e-5, atol=2e-5)


def test_relu_of_theano_spoils_minus_infinity():
    lanes = host_lanes()
    tile = CALL(load_kernel("tile", tile_text(lanes)).address)
    start = np.array([[-np.inf, -1, np.nan, np.inf] + [2] * (lanes - 4)], np.float32)
    x, w, y = np.zeros(1, np.float32), np.zeros(4096, np.float32), np.zeros(lanes, np.float32)
    table = np.zeros(1, np.int64)
    for relu, first in ((THEANO, np.nan), (PLAIN, 0.0)):
        given = np.array(
            TileArguments(
                x.ctypes.data, table.ctypes.data, w.ctypes.data, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                start.ctypes.data, 0, y.ctypes.data, table.ctypes.data,
                relu, UNBOUNDED,
            ),
            np.int64,
        )  # fmt: skip
        assert tile(object_code._unread, object_code._unread, 1, 1, given.ctypes.data) == 0
        np.testing.assert_array_equal(y[:4], [first, 0, np.nan, np.inf])


UNBOUNDED = int(np.float32(np.inf).view(np.int32))
"""As the largest value after a relu."""


@pytest.mark.parametrize("lanes", [lanes for lanes in WIDTHS if lanes <= host_lanes()])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_product_tile_adds_up_a_matrix_product(lanes, resumed):
    """Blocks with other tiles between them; asked lines that need not exist."""
    tile = CALL(load_kernel("tile", product_tile_text(lanes)).address)
    rng = np.random.default_rng(1)
    blocks, filters = 5, VECTORS * lanes
    for count in range(1, tile_columns(lanes) + 1):
        x = rng.standard_normal((blocks, count + 2, lanes)).astype(np.float32)
        w = rng.standard_normal((blocks, lanes, filters)).astype(np.float32)
        start = rng.standard_normal((count, filters + 3)).astype(np.float32)
        y = start.copy()
        arguments = ProductArguments(
            x.ctypes.data, x.strides[0], w.ctypes.data, blocks, w.ctypes.data, count % 3,
            int(resumed), y.ctypes.data, y.strides[0],
        )  # fmt: skip
        given = np.array(arguments, np.int64)
        unread = object_code._unread
        assert tile(unread, unread, count, VECTORS, given.ctypes.data) == 0
        exact = np.einsum("btl,blf->tf", x[:, :count].astype(np.float64), w.astype(np.float64))
        exact += start[:, :filters] if resumed else 0
        np.testing.assert_allclose(y[:, :filters], exact, rtol=1e-5, atol=2e-5)
        np.testing.assert_array_equal(y[:, filters:], start[:, filters:])
