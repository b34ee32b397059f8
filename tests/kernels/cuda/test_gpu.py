"""On a real GPU: tiles at their own size, batches, long sums, Winograd's error, and repeats.

``make test-cuda`` runs this with the conformance tests; without a GPU all of it is skipped.
"""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.cuda import table
from speccompiler.kernels.cuda.runtime import pieces
from speccompiler.kernels.cuda.runtime.devices import open_devices
from speccompiler.kernels.cuda.steps import step_code
from speccompiler.kernels.cuda.tile_choice import estimated
from speccompiler.kernels.cuda.tiles import TILES
from speccompiler.passes import optimize
from speccompiler.planning.plan import make_plan
from tests.cases import build


def missing() -> str:
    """What keeps these tests from running; nothing on a machine with a GPU."""
    try:
        open_devices("cuda:0")
    except Problem as problem:
        return problem.message
    return ""


needs_gpu = pytest.mark.skipif(bool(missing()), reason=f"no GPU: {missing()}")


def conv(filters: int, size: int = 3, **arguments: object) -> dict[str, object]:
    return {"type": "Convolution2D", "nb_filter": filters, "nb_row": size, "nb_col": size,
            "border_mode": "same", "activation": "relu", **arguments}  # fmt: skip


LAYERS = {
    "first": ([conv(64)], (56, 56, 3)),
    "wide": ([conv(128)], (28, 28, 96)),
    "odd": ([conv(67, 5)], (19, 23, 17)),
    "stride": ([conv(64, 3, subsample=[2, 2])], (33, 35, 32)),
    "1x1": ([conv(256, 1)], (14, 14, 128)),
    "upsampled": ([{"type": "UpSampling2D"}, conv(32)], (14, 14, 32)),
    "dense": ([{"type": "Dense", "output_dim": 1000, "activation": "softmax"}], (4096,)),
    "th": ([conv(32, dim_ordering="th")], (16, 20, 24)),
    "pools": (
        [{"type": "MaxPooling2D", "pool_size": [3, 3], "strides": [2, 2], "border_mode": "same"},
         {"type": "AveragePooling2D", "pool_size": [2, 2]}],
        (31, 33, 40),
    ),
    "3-D": (
        [{"type": "Convolution3D", "nb_filter": 32, "kernel_dim1": 3, "kernel_dim2": 3,
          "kernel_dim3": 3, "border_mode": "same"}],
        (6, 14, 14, 16),
    ),
    "split": ([conv(40)], (7, 7, 96)),
    "winograd": ([conv(256)], (30, 29, 256)),
    "rows": (
        [{"type": "Masking"}, {"type": "BatchNormalization", "mode": 1},
         {"type": "Activation", "activation": "softmax"}],
        (19, 37),
    ),
    "channels": (
        [{"type": "BatchNormalization", "mode": 2}, {"type": "GlobalAveragePooling2D"}],
        (9, 11, 35),
    ),
    "windows": (
        [{"type": "SeparableConvolution2D", "nb_filter": 20, "nb_row": 3, "nb_col": 3},
         {"type": "PReLU"},
         {"type": "LocallyConnected2D", "nb_filter": 9, "nb_row": 3, "nb_col": 3}],
        (13, 12, 17),
    ),
    "groups": (
        [conv(64, 3, groups=4),
         {"type": "DepthwiseConvolution2D", "nb_row": 3, "nb_col": 3, "atrous_rate": [2, 2],
          "activation": "relu6"},
         {"type": "UpSampling2D", "interpolation": "bilinear"}],
        (17, 19, 32),
    ),
    "scans": (
        [{"type": "Masking"}, {"type": "LSTM", "output_dim": 130, "return_sequences": True},
         {"type": "GRU", "output_dim": 300, "return_sequences": True, "reset_after": True},
         {"type": "SimpleRNN", "output_dim": 33, "go_backwards": True}],
        (40, 21),
    ),
    "repeated": (
        [{"type": "Activation", "activation": "relu", "name": "a"},
         {"type": "Slice", "axis": 1, "stop": 1, "name": "b"},
         {"type": "Merge", "mode": "sum", "broadcast": True, "inputs": ["a", "b"]}],
        (5, 37),
    ),
    "moved": (
        [{"type": "Permute", "dims": [2, 1, 3]}, {"type": "ZeroPadding2D"},
         {"type": "Activation", "activation": "tanh"}],
        (33, 35, 6),
    ),
    "joined": (
        [{"type": "Activation", "activation": "relu", "name": "a"},
         {"type": "Activation", "activation": "tanh", "name": "b"},
         {"type": "Merge", "mode": "concat", "concat_axis": 1, "inputs": ["a", "b"], "name": "c"},
         {"type": "Merge", "mode": "dot", "dot_axes": [2, 2], "inputs": ["c", "a"], "name": "d"},
         {"type": "Activation", "activation": "relu", "name": "e"},
         {"type": "Merge", "mode": "max", "inputs": ["d", "e"]}],
        (5, 37),
    ),
    "looked up": ([{"type": "Embedding", "input_dim": 5, "output_dim": 33}], (21,)),
    "copied": ([{"type": "Flatten"}], (5, 7)),
    "resized": (
        [{"type": "Slice", "axis": [1, 3], "start": [1, None], "stop": [11, None],
          "step": [3, -1]},
         {"type": "Resize", "size": [9, 14]}],
        (12, 7, 5),
    ),
}  # fmt: skip


def close(y: np.ndarray, judge: np.ndarray, tolerance: float) -> None:
    assert np.abs(y - judge).max() <= tolerance * np.abs(judge).max()


@needs_gpu
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("math", ["precise", "fast"])
def test_layers_of_real_size(name, math, rng):
    layers, shape = LAYERS[name]
    model = build(layers, shape)
    x = rng.standard_normal((3, *shape)).astype(np.float32)
    if name == "looked up":
        x = rng.integers(0, 5, x.shape).astype(np.float32)
    judge = model.compile("reference").run(x)
    y = model.compile("cuda:0", math=math).run(x)
    close(y, judge, 5e-6 if math == "precise" else 5e-5)


@needs_gpu
@pytest.mark.parametrize("name", ["wide", "odd", "1x1"])
def test_tiles_agree_bit_for_bit(name, rng):
    layers, shape = LAYERS[name]
    model = build(layers, shape)
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    compiled = model.compile("cuda:0", math="precise")
    first = compiled.run(x)
    for tile in TILES:
        compiled.executor.retile(lambda g, n, tile=tile: tile)
        assert np.array_equal(compiled.run(x), first), str(tile)


@needs_gpu
@pytest.mark.parametrize("name", ["wide", "dense", "pools"])
@pytest.mark.parametrize("math", ["precise", "fast"])
def test_the_bits_do_not_depend_on_the_batch(name, math, rng, monkeypatch):
    layers, shape = LAYERS[name]
    model = build(layers, shape)
    x = rng.standard_normal((13, *shape)).astype(np.float32)
    whole = model.compile("cuda:0", batch_size=13, math=math).run(x)
    assert np.array_equal(model.compile("cuda:0", batch_size=1, math=math).run(x), whole)
    monkeypatch.setattr(pieces, "WORTH_OVERLAPPING", 1)
    compiled = model.compile("cuda", batch_size=13, math=math)
    assert len(compiled.executor._lanes) >= 2
    for _ in range(20):
        assert np.array_equal(compiled.run(x), whole)


@needs_gpu
def test_tuning_changes_no_bits(rng, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path))
    layers, shape = LAYERS["wide"]
    model = build(layers, shape)
    x = rng.standard_normal((4, *shape)).astype(np.float32)
    before = model.compile("cuda:0").run(x)
    assert np.array_equal(model.compile("cuda:0", tune=True, batch_size=4).run(x), before)
    assert list((tmp_path / "tuning").glob("*.tile"))


@needs_gpu
def test_a_batch_larger_than_what_is_free(rng, monkeypatch):
    layers, shape = LAYERS["wide"]
    model = build(layers, shape)
    x = rng.standard_normal((40, *shape)).astype(np.float32)
    whole = model.compile("cuda:0", batch_size=40).run(x)
    (device,) = open_devices("cuda:0")
    monkeypatch.setattr(type(device), "free_bytes", lambda self: 24 << 20)
    compiled = model.compile("cuda:0", batch_size=40)
    assert compiled.executor.piece < 40
    assert np.array_equal(compiled.run(x), whole)


def test_every_kernel_has_a_layer_here():
    """What ``make sanitize-cuda`` looks at. Needs no GPU."""
    met = set()
    for layers, shape in LAYERS.values():
        graph, _ = build(layers, shape).tapped(None, ())
        for fast in (False, True):
            plan = make_plan(optimize(graph), table, fast=fast)
            codes = [step_code(step, 3, estimated(1)) for step in plan.steps]
            met |= {launch.name for code in codes for launch in code.launches}
    kernels = {kernel.name for kernel in table.KERNELS} - {"winograd"} | {
        "winograd in",
        "winograd out",
        "sum",
        "copy",
    }
    missing = ", ".join(sorted(kernels - met))
    assert not missing, f"no layer of LAYERS (tests/kernels/cuda/test_gpu.py) runs {missing}"
