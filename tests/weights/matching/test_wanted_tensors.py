"""Shapes in which a tensor may be stored: other orderings and older layouts."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.diagnostics.core import Problem
from speccompiler.weights.files.weight_file import open_weights
from speccompiler.weights.matching.by_name import match_by_name
from speccompiler.weights.matching.wanted_tensors import (
    WantedTensor,
    old_conv1d_kernel,
)
from tests.places import GOLDEN
from tests.weights.stored_tensors import matched


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        ((3, 5, 2, 4), (4, 2, 3, 5)),
        ((4, 2, 3, 5), (3, 5, 2, 4)),
        ((3, 5, 7, 2, 4), (4, 2, 3, 5, 7)),
        ((4, 2, 3, 5, 7), (3, 5, 7, 2, 4)),
    ],
)
def test_a_kernel_of_the_other_ordering_is_recognised(wanted, stored):
    with pytest.raises(Problem) as caught:
        matched({("c", "W"): WantedTensor(wanted)}, {"c/W": stored})
    assert caught.value.code == "CS106"
    assert caught.value.hint == (
        "this looks like a kernel in the other dim_ordering ('th' against 'tf'): "
        "check dim_ordering, or transpose the kernel"
    )


@pytest.mark.parametrize(("wanted", "stored"), [((8,), (16,)), ((2, 6), (12,)), ((6,), (12,))])
def test_the_biases_of_a_cudnn_layer_are_recognised(wanted, stored):
    with pytest.raises(Problem) as caught:
        matched({("r", "b"): WantedTensor(wanted)}, {"r/b": stored})
    assert caught.value.hint == (
        "this looks like the bias of a CuDNNLSTM or CuDNNGRU: an LSTM takes it, and a GRU that "
        "says reset_after: true, where the whole file is given as weights of the model"
    )


def test_old_convolution1d_kernels_are_transposed():
    wanted = {("c", "W"): old_conv1d_kernel((3, 1, 5, 7))}
    assert matched(wanted, {"c_W": (3, 1, 5, 7)})["c", "W"].transpose is None
    assert matched(wanted, {"c_W": (7, 5, 3, 1)})["c", "W"].transpose == (2, 3, 1, 0)
    assert matched(wanted, {"c_W": (3, 5, 7)})["c", "W"].transpose == ()  # Keras 2's
    with pytest.raises(Problem) as caught:
        matched(wanted, {"c_W": (7, 5, 3)})
    assert caught.value.message == (
        "wrong shapes: c/W is stored as (7, 5, 3), expected (3, 1, 5, 7) or (7, 5, 3, 1)"
    )


OLD = sorted(GOLDEN.glob("keras-1.0.8-*/conv1d_*/weights.npz"))[:6]


@pytest.mark.skipif(not OLD, reason="no golden data")
@pytest.mark.parametrize("old", OLD, ids=lambda p: f"{p.parents[1].name}/{p.parent.name}")
def test_old_and_new_keras_files_give_the_same_kernel(old):
    backend = old.parents[1].name.rpartition("-")[2]
    new = GOLDEN / f"keras-1.2.2-{backend}" / old.parent.name / "weights.npz"
    before, after = open_weights(old), open_weights(new)
    kernel = after.read(next(iter(after.tensors)))
    wanted = {("convolution1d_1", "W"): old_conv1d_kernel(kernel.shape)}
    if len(after.tensors) == 2:
        wanted["convolution1d_1", "b"] = WantedTensor((kernel.shape[-1],))
    found = match_by_name(wanted, before.tensors)["convolution1d_1", "W"]
    stored = before.read(found.key)
    assert np.array_equal(stored.transpose(found.transpose or (0, 1, 2, 3)), kernel)
