"""Values of one channel, as planes of channels-first images are: the same bits as channels last.

``(C, H, W)`` is looked at as ``(C, H, W, 1)``, in which no window is longer than 1 along C.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speccompiler.graph import ir
from speccompiler.graph.shapes import infer
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
from speccompiler.planning.plan import make_plan

NONE = ((0, 0), (0, 0))
PADDED = ((1, 2), (2, 1))


def run(op, x):
    """One operation on a batch, through the kernel that does it."""
    shape = x.shape[1:]
    out = infer(op, shape)
    nodes = (ir.Node("x", ir.Input(shape), (), shape, "x"), ir.Node("y", op, ("x",), out, "y"))
    y = np.full((len(x), *out), np.nan, np.float32)
    CpuExecutor(make_plan(ir.Graph(nodes, ("y",)), cpu_kernels), {}, len(x), 2).run_batch([x], [y])
    return y


def on_both(op, planes_op, x):
    """``x`` has channels first. What comes of it, channels first, which is the same on planes."""
    last = run(op, np.ascontiguousarray(np.moveaxis(x, 1, -1)))
    planes = run(planes_op, x[..., None])[..., 0]
    np.testing.assert_array_equal(planes, np.moveaxis(last, -1, 1))
    return planes


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("channels", [1, 3, 40])
@pytest.mark.parametrize(("size", "stride", "image"), [
    ((2, 2), (2, 2), (9, 78)), ((3, 3), (2, 2), (7, 75)), ((3, 3), (1, 1), (5, 37)),
    ((3, 2), (3, 3), (10, 40)), ((5, 4), (2, 2), (12, 45)), ((2, 1), (2, 2), (4, 49)),
    ((2, 2), (2, 2), (14, 14)), ((2, 2), (2, 2), (3, 4)), ((6, 7), (6, 7), (6, 7)),
    ((17, 16), (2, 2), (20, 40)),
])  # fmt: skip
def test_pools(mode, channels, size, stride, image, lanes, rng):
    x = rng.standard_normal((2, channels, *image)).astype(np.float32)
    x[0, :, 1::2] = np.abs(x[0, :, 1::2])
    x[1, 0, 2, 1] = np.nan
    for padding, zeros in ((NONE, NONE), (((1, 0), (0, 1)), NONE), (NONE, PADDED)):
        op = ir.Pool(mode, size, stride, padding, zeros)
        planes = replace(op, kernel=(1, *size), stride=(1, *stride),
                         padding=((0, 0), *padding), zeros=((0, 0), *zeros))  # fmt: skip
        y = on_both(op, planes, x)
        np.testing.assert_allclose(y, pooled(x, op), 1e-5, 1e-6)


def pooled(x, op):
    """The same in NumPy, by views of windows; padding is NaN while it is not looked at."""
    x = np.pad(x, ((0, 0), (0, 0), *op.zeros))
    missing = np.pad(np.zeros(x.shape[2:]), op.padding, constant_values=1)
    x = np.pad(x, ((0, 0), (0, 0), *op.padding))
    where = np.lib.stride_tricks.sliding_window_view(missing == 0, op.kernel)
    windows = np.lib.stride_tricks.sliding_window_view(x, op.kernel, (2, 3))
    steps = tuple(slice(None, None, s) for s in op.stride)
    windows, where = (
        windows[:, :, *steps],
        np.broadcast_to(where[steps], windows[:, :, *steps].shape),
    )
    if op.mode == "max":
        return windows.max((-2, -1), initial=-np.inf, where=where)
    return windows.mean((-2, -1), where=where)


@pytest.mark.parametrize("mode", ["max", "average", "sum", "product"])
@pytest.mark.parametrize("channels", [1, 5, 70])
@pytest.mark.parametrize("image", [(7, 7), (1, 3), (9, 50), (16, 16)])
def test_pools_of_whole_planes(mode, channels, image, lanes, rng):
    x = rng.uniform(0.9, 1.1, (3, channels, *image)).astype(np.float32)
    y = on_both(ir.GlobalPool(mode), ir.GlobalPool(mode, kept=1), x)
    reduced = {"max": np.max, "average": np.mean, "sum": np.sum, "product": np.prod}[mode]
    np.testing.assert_allclose(y, reduced(x.astype(np.float64), (2, 3)), 1e-5)


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("factors", [(2, 2), (1, 2), (3, 1), (2, 3), (2, 35)])
@pytest.mark.parametrize("width", [1, 3, 7, 16, 37])
def test_up_sampling(channels, factors, width, lanes, rng):
    x = rng.standard_normal((2, channels, 5, width)).astype(np.float32)
    y = on_both(ir.Upsample(factors), ir.Upsample((1, *factors)), x)
    assert np.array_equal(y, x.repeat(factors[0], 2).repeat(factors[1], 3))


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("width", [4, 16, 37])
def test_padding_and_cropping(channels, width, lanes, rng):
    x = rng.standard_normal((2, channels, 5, width)).astype(np.float32)
    y = on_both(ir.Pad(PADDED), ir.Pad(((0, 0), *PADDED)), x)
    assert np.array_equal(y, np.pad(x, ((0, 0), (0, 0), *PADDED)))
    cut = ((-1, -2), (0, -3))
    y = on_both(ir.Pad(cut), ir.Pad(((0, 0), *cut)), x)
    assert np.array_equal(y, x[:, :, 1:-2, :-3])
