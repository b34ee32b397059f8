"""Dilated pools, centres of pixels, repeated axes, minima and differences."""

from __future__ import annotations

import random

import numpy as np
import pytest

from speccompiler.graph import ir
from tests.kernels.graphs import assert_near, graph, inputs_of, judge, on_cpu


def random_pool(pick: random.Random) -> ir.Graph:
    """Every window sees something that counts."""
    rank = pick.choice([1, 2, 2, 3])
    lengths = [1, 2, 3, 3, 5, 20] if rank < 3 else [1, 2, 3]
    kernel = tuple(pick.choice(lengths) for _ in range(rank))
    dilation = tuple(pick.choice([1, 1, 2, 3]) for _ in range(rank)) if pick.random() < 0.8 else ()
    reach = ir.extent_of(kernel, dilation)
    zeros = tuple((pick.randint(-1, 2), pick.randint(-1, 2)) for _ in kernel)
    padding = tuple((pick.randint(0, n // 2), pick.randint(0, n // 2)) for n in reach)
    shape = tuple(
        max(pick.choice([1, 4, 7, 14]), n - b - a - c - d, 3 - c - d, 4)
        for n, (b, a), (c, d) in zip(reach, padding, zeros, strict=True)
    )
    stride = tuple(pick.choice([1, 1, 2, 3]) for _ in range(rank))
    op = ir.Pool(pick.choice(["max", "average"]), kernel, stride, padding, zeros, dilation)
    channels = pick.choice([1, 1, 2, 3, 5, 8, 16, 17, 70])
    if rank == 2 and pick.random() < 0.3:  # on planes
        first, last = ir.Transpose((2, 0, 1)), ir.Transpose((1, 2, 0))
        return graph([(channels, *shape)], ("t", last), ("p", op), ("f", first))
    return graph([(*shape, channels)], ("p", op))


def test_dilated_pools(lanes: int) -> None:
    for seed in range(60):
        made = random_pool(random.Random(100 * lanes + seed))
        xs = inputs_of(made, batch=3)
        y, right = on_cpu(made, xs, {}), judge(made, xs, {})
        assert np.abs(y - right).max() <= 2e-6 * max(0.1, np.abs(right).max()), made
        alone = [on_cpu(made, [x[i : i + 1] for x in xs], {}, threads=1) for i in range(3)]
        assert np.array_equal(np.concatenate(alone), y), made


def test_centres_of_pixels_by_hand() -> None:
    """TensorFlow 2 and Keras 3: twice as many pixels lie a quarter before and behind each."""
    x = np.array([0, 4, 12], np.float32).reshape(1, 1, 3, 1)
    twice = graph([(1, 3, 1)], ("r", ir.Resize((1, 6), True, False, True)))
    for values in (on_cpu(twice, [x], {}), judge(twice, [x], {})):
        assert values.ravel().tolist() == [0, 1, 3, 6, 10, 12]
    fewer = graph([(1, 3, 1)], ("r", ir.Resize((1, 2), False, False, True)))
    for values in (on_cpu(fewer, [x], {}), judge(fewer, [x], {})):
        assert values.ravel().tolist() == [0, 12]


def test_centres_of_pixels_as_onnxruntime_has_them(rng: np.random.Generator) -> None:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    for mode, size in (("linear", (13, 4)), ("linear", (3, 20)), ("nearest", (14, 20))):
        node = onnx.helper.make_node(
            "Resize", ["x", "", "", "sizes"], ["y"], mode=mode,
            coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil",
        )  # fmt: skip
        sizes = onnx.helper.make_tensor("sizes", onnx.TensorProto.INT64, [4], [2, 3, *size])
        ends = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in (("x", [2, 3, 7, 5]), ("y", [2, 3, *size]))
        ]
        model = onnx.helper.make_model(
            onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [sizes]),
            opset_imports=[onnx.helper.make_opsetid("", 17)],
        )
        model.ir_version = 8
        session = runtime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        x = rng.uniform(-1, 1, (2, 3, 7, 5)).astype(np.float32)
        (right,) = session.run(None, {"x": x})
        made = graph([(7, 5, 3)], ("r", ir.Resize(size, mode == "linear", False, True)))
        y = on_cpu(made, [np.ascontiguousarray(x.transpose(0, 2, 3, 1))], {})
        assert_near(y.transpose(0, 3, 1, 2), right)


def test_images_of_every_size(lanes: int) -> None:
    for size in ((3, 3), (10, 6), (15, 9), (1, 1), (7, 40)):
        for bilinear in (True, False):
            for channels in (1, 3, 17):
                made = graph([(5, 3, channels)], ("r", ir.Resize(size, bilinear, False, True)))
                xs = inputs_of(made)
                assert_near(on_cpu(made, xs, {}), judge(made, xs, {}), 2e-6)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((1, 1, 5), (3, 4, 5)), ((3, 4, 1), (3, 4, 7)), ((3, 1, 17), (3, 6, 17)), ((1,), (40,)),
     ((1, 3, 1, 2, 1), (2, 3, 5, 2, 9)), ((7, 2), (7, 2)), ((1, 2, 1), (4, 2, 1)), ((), ())],
)  # fmt: skip
def test_axes_are_repeated(shape: tuple[int, ...], wanted: tuple[int, ...], lanes: int) -> None:
    made = graph([shape], ("e", ir.Expand(wanted)))
    xs = inputs_of(made, batch=3)
    y = on_cpu(made, xs, {})
    assert np.array_equal(y, np.broadcast_to(xs[0], (3, *wanted)))


def test_minima_and_differences(lanes: int) -> None:
    """A NaN of any value is one of the result; the first value is what others are taken from."""
    for mode, count in (("min", 2), ("min", 3), ("difference", 2), ("difference", 3)):
        names = [f"in{i}" for i in range(count)]
        made = graph([(67, 3)] * count, ("c", ir.Combine(mode), *names))  # type: ignore[arg-type]
        xs = inputs_of(made)
        for i, x in enumerate(xs):
            x[0, i, 0] = np.nan
            x[1, i, 0] = -np.inf
        y, right = on_cpu(made, xs, {}), judge(made, xs, {})
        np.testing.assert_allclose(y, right, rtol=1e-6, atol=1e-6)
