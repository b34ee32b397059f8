"""Padding of older releases, where a profile names one."""

from __future__ import annotations

import numpy as np

from tests.cases import build
from tests.lowering.formulas import assert_gives, refused


def conv3d(mode="same", size=2, stride=1):
    return {"type": "Convolution3D", "nb_filter": 1, "kernel_dim1": size, "kernel_dim2": 1,
            "kernel_dim3": 1, "subsample": [stride, 1, 1], "border_mode": mode, "bias": False,
            "weights": [[[[[[10.0**k]]]] for k in range(size)]]}  # fmt: skip


def test_old_theano_in_three_dimensions():
    """One zero less in front than Theano 0.9 for an even kernel; no strides, no 'full'."""
    x = np.arange(1.0, 5).reshape(1, 4, 1, 1, 1)
    for semantics, wanted in [("theano-0.8", [12, 23, 34, 40]), ("theano", [1, 12, 23, 34])]:
        assert_gives([conv3d()], x, np.reshape(wanted, x.shape), semantics=semantics)
    for layer in (conv3d(stride=2), conv3d("full"), {"type": "MaxPooling3D",
                                                     "border_mode": "same"}):  # fmt: skip
        assert refused([layer], [4, 4, 4, 1], semantics="theano-0.8").code == "CS055"
        build([layer], [4, 4, 4, 1], semantics="theano")
    assert_gives([conv3d("valid", stride=2)], x, np.reshape([12, 34], (1, 2, 1, 1, 1)),
                 semantics="theano-0.8")  # fmt: skip


def test_old_tensorflow_pools():
    """Only 3-D pools skipped inputs; 1-D and 2-D pools never did (x = 0..5, window 1, step 3)."""
    x = np.arange(6.0)
    line = [{"type": "MaxPooling1D", "pool_length": 1, "stride": 3, "border_mode": "same"}]
    assert_gives(line, x.reshape(1, 6, 1), [[[0], [3]]], semantics="tensorflow-1.0")
    cube = [{"type": "MaxPooling3D", "pool_size": [1, 1, 1], "strides": [3, 1, 1],
             "border_mode": "same"}]  # fmt: skip
    wanted = {"tensorflow-1.0": [1, 4], "tensorflow": [0, 3]}
    for semantics, found in wanted.items():
        assert_gives(cube, x.reshape(1, 6, 1, 1, 1), np.reshape(found, (1, 2, 1, 1, 1)),
                     semantics=semantics)  # fmt: skip
    open_length = build(cube, [None, 1, 1, 1], semantics="tensorflow-1.0")
    y = open_length.compile("cpu", input_shape=[6, 1, 1, 1]).run(
        x.reshape(1, 6, 1, 1, 1).astype(np.float32)
    )
    assert y.reshape(-1).tolist() == [1, 4]
