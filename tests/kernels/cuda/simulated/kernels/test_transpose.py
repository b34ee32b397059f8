"""Permutations of axes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speccompiler.graph.ir import Transpose
from tests.kernels.cuda.simulated.on_simulator import check_operation


def permute(x: np.ndarray, axes: tuple[int, ...]) -> None:
    out = tuple(x.shape[1 + a] for a in axes)
    y = check_operation(Transpose(axes), out, x)
    assert np.array_equal(y, x.transpose(0, *(a + 1 for a in axes)))


@pytest.mark.parametrize("axes", [*itertools.permutations(range(3)), (0, 1, 3, 2), (3, 1, 0, 2)])
def test_permutations(axes, draw):
    permute(draw(2, *(3, 5, 2, 4)[: len(axes)]), axes)


@pytest.mark.usefixtures("real_blocks")
def test_a_permutation_of_several_tiles(draw):
    permute(draw(1, 35, 33), (1, 0))
