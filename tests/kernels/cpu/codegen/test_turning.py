"""Small matrices turned in registers, against NumPy, with nothing written beside them."""

import ctypes

import numpy as np
import pytest

from speccompiler.kernels.cpu.kernel import WIDTHS
from speccompiler.kernels.cpu.runtime import object_code
from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel
from speccompiler.kernels.cpu.runtime.object_code import Arguments
from speccompiler.system.processor import host_lanes

TEXT = """
from speccompiler.kernels.cpu.codegen.jit import jit
from speccompiler.kernels.cpu.codegen.turning import turn_of

turn = turn_of(@LANES)


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    turn(x, 0, g[0], g[1], y, 0, g[2], g[3], g[4])
"""


@pytest.mark.parametrize("lanes", [lanes for lanes in WIDTHS if lanes <= host_lanes()])
def test_a_matrix_of_any_size_is_turned(lanes):
    kernel = load_kernel("turning", TEXT.replace("@LANES", str(lanes)))
    unread = object_code._unread
    x = np.random.default_rng(0).standard_normal((lanes, 37)).astype(np.float32)
    for rows in range(1, lanes + 1):
        for columns in range(1, lanes + 1):
            y = np.full((lanes + 1, 29), np.nan, np.float32)
            filled = min(lanes, rows + 1)
            g = np.array([37, rows, 29, columns, filled], np.int64)
            given = Arguments(x=x.ctypes.data, y=y.ctypes.data, g=g.ctypes.data)
            assert kernel.function(unread, unread, 0, 1, ctypes.addressof(given)) == 0
            assert np.array_equal(y[:columns, :rows], x[:rows, :columns].T)
            assert not y[:columns, rows:filled].any()
            y[:columns, :filled] = np.nan
            assert np.isnan(y).all()
