"""Up-sampling, zero padding and cropping of every rank, with wide loads and without."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Pad, Upsample
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("factors", [(2,), (2, 3), (1, 2, 3)])
def test_upsampling(factors, channels, draw):
    lengths = (2, 3, 2)[: len(factors)]
    out = tuple(n * f for n, f in zip(lengths, factors, strict=True))
    check_operation(Upsample(factors), (*out, channels), draw(2, *lengths, channels))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("padding", [((1, 2),), ((0, 1), (2, 0)), ((1, 0), (0, 0), (1, 1))])
def test_padding(padding, channels, draw):
    lengths = (2, 3, 2)[: len(padding)]
    out = tuple(n + before + after for n, (before, after) in zip(lengths, padding, strict=True))
    check_operation(Pad(padding), (*out, channels), draw(2, *lengths, channels))


def test_cropping(draw):
    check_operation(Pad(((-1, 1), (0, -2))), (4, 3, 4), draw(2, 4, 5, 4))
