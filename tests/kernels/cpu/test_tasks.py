"""What holds for the tasks of every kernel: bits do not depend on how they are cut."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from speccompiler.kernels.cpu import concat
from speccompiler.kernels.cpu.runtime import run_memory
from tests.cases import build


def test_tasks_are_independent(rng, monkeypatch):
    """Any order of tasks, one by one, gives the bits of one call over all."""
    monkeypatch.setattr(concat, "TASK_VALUES", 1000)

    class OneByOne:
        def __init__(self, steps):
            self.steps = steps

        def run(self, parts):
            for work in (work for lo, hi in parts for work in self.steps[lo:hi]):
                kernel, at = work.kernel, ctypes.addressof(work.arguments[0])
                for task in rng.permutation(work.tasks):
                    assert kernel.function(kernel.unread, kernel.unread, task, task + 1, at) == 0
                counts.append(len(work.tasks))

    for layer in [
        {"type": "Convolution2D", "nb_filter": 140, "nb_row": 3, "nb_col": 3,
         "border_mode": "same"},
        {"type": "Dense", "output_dim": 140},
        {"type": "AveragePooling2D", "border_mode": "same", "strides": [1, 1]},
        {"type": "UpSampling2D"},
        {"type": "ZeroPadding2D"},
        {"type": "Activation", "activation": "relu"},
        {"type": "AtrousConvolution2D", "nb_filter": 70, "nb_row": 3, "nb_col": 3,
         "atrous_rate": [2, 3]},
        {"type": "SeparableConvolution2D", "nb_filter": 140, "nb_row": 3, "nb_col": 3,
         "depth_multiplier": 2, "border_mode": "same"},
        {"type": "DepthwiseConvolution2D", "nb_row": 3, "nb_col": 3, "atrous_rate": [2, 3],
         "activation": "tanh"},
        {"type": "Convolution2D", "nb_filter": 198, "nb_row": 3, "nb_col": 3, "groups": 3},
        {"type": "UpSampling2D", "interpolation": "bilinear"},
        {"type": "LocallyConnected2D", "nb_filter": 5, "nb_row": 3, "nb_col": 3},
        {"type": "BatchNormalization"},
        {"type": "BatchNormalization", "mode": 1},
        {"type": "PReLU"},
        {"type": "Masking"},
        {"type": "Slice", "axis": [1, 3], "step": -1},
        {"type": "Slice", "axis": 2, "start": 1},
        {"type": "Resize", "size": [21, 40]},
        {"type": "Resize", "size": [40, 9], "interpolation": "nearest"},
        {"type": "Reduce", "axis": 2},
        {"type": "Merge", "inputs": ["a", "b", "a"]},
        {"type": "Merge", "mode": "concat", "inputs": ["a", "b"]},
        {"type": "Merge", "mode": "concat", "concat_axis": 1, "inputs": ["a", "b"]},
        {"type": "Merge", "mode": "dot", "dot_axes": 2, "inputs": ["c", "d"]},
        {"type": "ConvLSTM2D", "nb_filter": 5, "nb_row": 3, "nb_col": 3, "border_mode": "same",
         "return_sequences": True, "inputs": "e"},
    ]:  # fmt: skip
        front = [
            {"type": "Activation", "name": "a", "activation": "relu"},
            {"type": "Activation", "name": "b", "activation": "tanh"},
            {"type": "Reshape", "name": "c", "target_shape": [29, 84], "inputs": "a"},
            {"type": "Reshape", "name": "d", "target_shape": [29, 84], "inputs": "b"},
            {"type": "Reshape", "name": "e", "target_shape": [2, 29, 14, 3], "inputs": "a"},
        ]
        chain = [*(front if "inputs" in layer else []), {**layer, "name": "last"}]
        model = build(chain, [29, 28, 3], outputs="last")
        x = rng.standard_normal((3, 29, 28, 3)).astype(np.float32)
        whole = model.compile(threads=1).run(x)
        counts: list[int] = []
        parts = np.full_like(whole, np.nan)
        with monkeypatch.context() as patched:
            patched.setattr(run_memory, "Job", OneByOne)
            model.compile(threads=1).run(x, out=parts)
        assert np.array_equal(parts, whole), layer
        assert min(counts) > 1, "one task shows nothing"


@pytest.mark.parametrize("chain", [
    [{"type": "MaxPooling2D"}],
    [{"type": "AveragePooling2D", "pool_size": [3, 3], "strides": [2, 2], "border_mode": "same"}],
    [{"type": "AveragePooling2D", "pool_size": [3, 3], "strides": [1, 1], "border_mode": "same"}],
    [{"type": "UpSampling2D"}],
    [{"type": "ZeroPadding2D"}, {"type": "Activation", "activation": "tanh"}],
    [{"type": "Reshape", "target_shape": [9, -1]}, {"type": "Activation", "activation": "softmax"}],
])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3, 17])
def test_the_same_bits_for_any_split(chain, channels, rng):
    model = build(chain, (9, 14, channels))
    x = rng.standard_normal((7, 9, 14, channels)).astype(np.float32)
    runs = [
        model.compile("cpu", threads=threads, batch_size=batch).run(x)
        for threads in (1, 3)
        for batch in (1, 3, 7)
    ]
    assert all(run.tobytes() == runs[0].tobytes() for run in runs)
