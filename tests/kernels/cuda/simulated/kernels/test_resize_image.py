"""Images in another size, larger and smaller, by every rule."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Resize
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("bilinear", [True, False])
@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize(("size", "channels"), [((5, 3), 3), ((2, 6), 4), ((1, 4), 1)])
def test_sizes(bilinear, align_corners, size, channels, draw):
    op = Resize(size, bilinear, align_corners)
    check_operation(op, (*size, channels), draw(2, 3, 4, channels))


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("bilinear", [True, False])
@pytest.mark.parametrize("size", [(6, 8), (2, 7), (1, 1)])
def test_centres_of_pixels(size, bilinear, channels, draw):
    check_operation(Resize(size, bilinear, False, True), (*size, channels), draw(2, 3, 4, channels))
