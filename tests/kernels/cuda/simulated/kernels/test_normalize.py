"""Rows less their mean, by their deviation."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Normalize
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("length", [2, 37])
def test_rows_of_any_length(length, draw):
    check_operation(Normalize(1e-3, 0.25), (4, length), draw(2, 4, length))
