"""Inputs with other axes than a layer needs, or open channels."""

from __future__ import annotations

import pytest

from speccompiler.diagnostics.core import SpecError
from tests.cases import build
from tests.graph.small_models import conv1d, shapes_of

RANKS = [
    (
        {"type": "MaxPooling2D"}, [None, 8],
        "MaxPooling2D takes samples of shape (rows, columns, channels), but its input has shape "
        "(T, 8)",
        "the channel axis may be missing: a grey image is (T, 8, 1)",
    ),
    (
        {"type": "UpSampling2D", "dim_ordering": "th"}, [1, 3, 32, 32],
        "UpSampling2D takes samples of shape (channels, rows, columns), but its input has shape "
        "(1, 3, 32, 32)",
        "a shape is given without the batch axis",
    ),
    (
        {"type": "Convolution3D", "nb_filter": 1, "kernel_dim1": 1, "kernel_dim2": 1,
         "kernel_dim3": 1}, [10],
        "Convolution3D takes samples of shape (dim1, dim2, dim3, channels), but its input has "
        "shape (10,)",
        "a Reshape before it can give the values their axes back",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape", "message", "hint"), RANKS)
def test_a_wrong_rank(layer, shape, message, hint):
    with pytest.raises(SpecError) as caught:
        build([layer], shape)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message, diagnostic.hint) == ("CS038", message, hint)


def test_open_channels_cannot_have_a_kernel():
    for layer in (conv1d(3, 1, "valid"), {"type": "Dense", "output_dim": 2}):
        with pytest.raises(SpecError) as caught:
            build([layer], [5, None])
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == "CS045"
        assert diagnostic.message.startswith(f"{layer['type']} needs a known number of channels")
        assert diagnostic.hint == "only spatial lengths may be null"
    assert shapes_of([{"type": "MaxPooling1D"}], [6, None]) == ["(3, C)"]
