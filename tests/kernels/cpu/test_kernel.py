"""What all kernels of the CPU share."""

from __future__ import annotations

from speccompiler.kernels.cpu.kernel import fitting_lanes


def test_fitting_lanes():
    found = [fitting_lanes(c, 16) for c in (1, 3, 4, 7, 8, 15, 16, 100)]
    assert found == [16, 16, 4, 4, 8, 8, 16, 16]
    assert [fitting_lanes(c, 4) for c in (1, 4, 100)] == [4, 4, 4]
