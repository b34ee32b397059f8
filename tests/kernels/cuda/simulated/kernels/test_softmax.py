"""Softmax of rows of any length, and of large values."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Softmax
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("length", [1, 3, 5, 9, 33])
def test_rows_of_any_length(length, draw):
    check_operation(Softmax(), (7, length), draw(2, 7, length))


@pytest.mark.usefixtures("real_blocks")
def test_a_block_as_a_gpu_has_it(draw):
    """Eight threads to a row, and fewer rows than a block has room for."""
    check_operation(Softmax(), (9, 33), draw(2, 9, 33))


def test_large_values():
    check_operation(Softmax(), (5,), np.array([[1000.0, 1001.0, -1000.0, 999.0, 3.0]], np.float32))
