"""Pooling of all positions of a channel."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import GlobalPool
from tests.kernels.cuda.simulated.on_simulator import check_operation

MODES = ["max", "average", "sum", "product"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "kept"), [((7, 3), 0), ((3, 2, 6), 0), ((2, 5, 4), 1)])
def test_all_positions(mode, shape, kept, draw):
    """Channels beyond a block, and as many as it has; several values a sample."""
    x = draw(2, *shape)
    x[0, 0, ..., 0] = np.nan
    check_operation(GlobalPool(mode, kept), (*shape[:kept], shape[-1]), x)


@pytest.mark.usefixtures("real_blocks")
def test_a_block_as_a_gpu_has_it(draw):
    check_operation(GlobalPool("sum", 0), (35,), draw(1, 3, 2, 35))
