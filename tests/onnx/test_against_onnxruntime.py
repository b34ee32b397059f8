"""Models that exporters write, and random uses of operations: the numbers are onnxruntime's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import speccompiler
from speccompiler.graph.ir import Recurrent
from tests.onnx.made_models import (
    Array,
    convspec_gives,
    model,
    node,
    onnxruntime_gives,
    random,
)
from tests.places import ROOT

Rng = np.random.Generator


def agree(made: onnx.ModelProto, arrays: Mapping[str, Array], folder: Path, **more: Any) -> None:
    """All outputs, to 1e-5 of the largest value."""
    wanted = onnxruntime_gives(made, arrays)
    got = convspec_gives(made, arrays, folder, **more)
    for one, other in zip(got, wanted, strict=True):
        assert one.shape == other.shape
        finite = np.isfinite(other)
        np.testing.assert_array_equal(one[~finite], other[~finite])
        largest = np.abs(other[finite]).max(initial=0)
        np.testing.assert_allclose(one[finite], other[finite], rtol=0, atol=1e-5 * largest)


def some(rng: Rng, low: int, high: int, count: int) -> list[int]:
    return [int(n) for n in rng.integers(low, high + 1, count)]


def conv(rng: Rng) -> onnx.ModelProto:
    rank = int(rng.choice([1, 2, 2, 3]))
    groups = int(rng.choice([1, 2, 4]))
    filters = groups * int(rng.choice([1, 2]))
    kernel = some(rng, 1, 3, rank)
    said: dict[str, Any] = {"strides": some(rng, 1, 3, rank), "group": groups}
    mode = str(rng.choice(["pads", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if mode == "pads":
        said |= {"pads": some(rng, 0, 2, 2 * rank), "dilations": some(rng, 1, 2, rank)}
    else:
        said["auto_pad"] = mode
    constants = {"w": random(filters, 4 // groups, *kernel), "b": random(filters)}
    lengths = some(rng, 5, 9, rank)
    return model([node("Conv", "x w b", **said)], {"x": ["N", 4, *lengths]}, constants=constants)


def conv_transpose(rng: Rng) -> onnx.ModelProto:
    rank = int(rng.choice([1, 2, 2, 3]))
    groups = int(rng.choice([1, 2, 4]))
    stride, kernel = some(rng, 1, 3, rank), some(rng, 1, 3, rank)
    said: dict[str, Any] = {"strides": stride, "group": groups, "dilations": some(rng, 1, 2, rank)}
    lengths = some(rng, 4, 7, rank)
    mode = rng.choice(["pads", "more", "shape"])
    if mode == "pads":
        said["pads"] = some(rng, 0, 1, 2 * rank)
    elif mode == "more":
        said["output_padding"] = [int(rng.integers(0, s)) for s in stride]
    else:
        axes = zip(lengths, stride, kernel, said["dilations"], strict=True)
        said["output_shape"] = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in axes]
    filters = int(rng.choice([1, 2]))
    constants = {"w": random(4, filters, *kernel), "b": random(filters * groups)}
    nodes = [node("ConvTranspose", "x w b", **said)]
    return model(nodes, {"x": ["N", 4, *lengths]}, constants=constants)


def pool(rng: Rng) -> onnx.ModelProto:
    rank = int(rng.choice([1, 2, 2, 3]))
    kind = str(rng.choice(["MaxPool", "AveragePool"]))
    said: dict[str, Any] = {
        "kernel_shape": some(rng, 2, 3, rank),
        "strides": some(rng, 1, 3, rank),
        "ceil_mode": int(rng.integers(0, 2)),
        "pads": some(rng, 0, 1, 2 * rank),
    }
    if kind == "MaxPool":
        said["dilations"] = some(rng, 1, 2, rank)
    else:
        said["count_include_pad"] = int(rng.integers(0, 2))
    return model([node(kind, "x", **said)], {"x": ["N", 4, *some(rng, 5, 9, rank)]}, opset=22)


def resize(rng: Rng) -> onnx.ModelProto:
    mode = str(rng.choice(["nearest", "linear", "cubic"]))
    places = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
    said: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": str(rng.choice(places))}
    if mode == "nearest":
        rounding = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
        said["nearest_mode"] = str(rng.choice(rounding))
    if rng.random() < 0.5:
        scales = [1, 1, *rng.choice([2.0, 3.0, 0.5], 2)]
        read, constants = "x - s", {"s": np.array(scales, np.float32)}
    else:
        read, constants = "x - - z", {"z": np.array([2, 4, *some(rng, 3, 16, 2)])}
    # Scales that give no whole length are told apart from their sizes with align_corners.
    lengths = [2 * n for n in some(rng, 2, 4, 2)]
    return model([node("Resize", read, **said)], {"x": [2, 4, *lengths]}, constants=constants)


def pad(rng: Rng) -> onnx.ModelProto:
    mode = str(rng.choice(["constant", "reflect", "edge"]))
    least = -1 if mode == "constant" else 0
    amounts = [0, 0, *some(rng, least, 3, 2), 0, int(mode == "constant"), *some(rng, 0, 3, 2)]
    constants = {"p": np.array(amounts), "v": np.array(rng.choice([0, 1.5, -np.inf]), np.float32)}
    read = "x p v" if mode == "constant" else "x p"
    nodes = [node("Pad", read, mode=mode)]
    return model(nodes, {"x": ["N", 4, 5, 6]}, constants=constants)


def part(rng: Rng) -> onnx.ModelProto:
    lengths = [4, 7, 6]
    steps = [int(n) for n in rng.choice([1, 2, -1, -2], 3)]
    starts, ends = [], []
    for n, step in zip(lengths, steps, strict=True):
        low, high = sorted(int(p) for p in rng.choice(n, 2, replace=False))
        starts.append(low if step > 0 else int(rng.choice([high, -1])))
        ends.append(int(rng.choice([high, 2**62])) if step > 0 else (low - 1 if low else -(2**62)))
    constants = {"a": np.array(starts), "b": np.array(ends), "c": np.arange(1, 4)}
    nodes = [node("Slice", "x a b c d")]
    return model(nodes, {"x": ["N", *lengths]}, constants=constants | {"d": np.array(steps)})


MAKERS: Mapping[str, Callable[[Rng], onnx.ModelProto]] = {
    maker.__name__: maker for maker in (conv, conv_transpose, pool, resize, pad, part)
}


@pytest.mark.parametrize("name", MAKERS)
def test_random_uses(name: str, tmp_path: Path) -> None:
    """Forty of each, on the reference; the backend tests are what the CPU is held to."""
    for seed in range(40):
        made = MAKERS[name](np.random.default_rng([seed, len(name)]))
        dims = made.graph.input[0].type.tensor_type.shape.dim
        x = random(*(d.dim_value or 2 for d in dims), seed=seed)
        agree(made, {"x": x}, tmp_path)


def recurrent(kind: str, direction: str, states: bool, after: bool) -> onnx.ModelProto:
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    ways, units = 2 if direction == "bidirectional" else 1, 5
    constants = {
        "W": random(ways, gates * units, 4),
        "R": random(ways, gates * units, units, seed=1),
        "B": random(ways, 2 * gates * units, seed=2),
    }
    inputs: dict[str, list[int | str | None]] = {"x": [None, "N", 4]}
    read, given = "x W R B", ["y", "h"]
    if states:
        inputs["h0"] = [ways, "N", units]
        read += " - h0"
        if kind == "LSTM":
            inputs["c0"] = [ways, "N", units]
            read += " c0"
    given += ["c"] if kind == "LSTM" else []
    said: dict[str, Any] = {"hidden_size": units, "direction": direction}
    if after:
        said["linear_before_reset"] = 1
    return model([node(kind, read, " ".join(given), **said)], inputs, given, constants)


USES = [
    (kind, direction, states, after)
    for kind, direction, states, after in itertools.product(
        ["RNN", "GRU", "LSTM"],
        ["forward", "reverse", "bidirectional"],
        [False, True],
        [False, True],
    )
    if kind == "GRU" or not after
]


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_recurrent(target: str, tmp_path: Path) -> None:
    """Steps are open; outputs have samples first here, and elsewhere in the model."""
    for kind, direction, states, after in USES:
        made = recurrent(kind, direction, states, after)
        ways = 2 if direction == "bidirectional" else 1
        arrays = {"x": random(7, 3, 4)}
        arrays |= {v.name: random(ways, 3, 5, seed=4) for v in made.graph.input[1:]}
        wanted = onnxruntime_gives(made, arrays)
        first = {name: np.moveaxis(array, 1, 0) for name, array in arrays.items()}
        got = convspec_gives(made, first, tmp_path, target)
        for one, other in zip(got, wanted, strict=True):
            other = np.moveaxis(other, 2 if other.ndim == 4 else 1, 0)
            np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)


def music_tagger() -> onnx.ModelProto:
    """A CRNN as PyTorch exports it: states of zeros made of the number of samples, open width."""
    units = 6
    whole = {"two": [2], "units": [units], "one": 1, "first": [0], "join": [0, 0, -1]}
    constants = {name: np.array(numbers) for name, numbers in whole.items()}
    constants |= {"rows": np.array([0, 0, 32]), "w": random(8, 1, 3, 3), "b": random(8)}
    constants |= {n: random(8, seed=i) ** 2 + 0.5 for i, n in enumerate("stmv")}
    constants |= {"W": random(2, 24, 32), "R": random(2, 24, 6), "B": random(2, 48)}
    constants |= {"F": random(12, 11), "f": random(11)}
    nodes = [
        node("Conv", "x w b", "c", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c s t m v", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", "p", "q", perm=[3, 0, 1, 2]),
        node("Reshape", "q rows", "seq"),
        node("Shape", "seq", "shape"),
        node("Gather", "shape one", "count"),
        node("Unsqueeze", "count first", "counts"),
        node("Concat", "two counts units", "state", axis=0),
        node("ConstantOfShape", "state", "h"),
        node("LSTM", "seq W R B - h h", "l lh lc", hidden_size=units, direction="bidirectional"),
        node("Transpose", "l", "l2", perm=[0, 2, 1, 3]),
        node("Reshape", "l2 join", "l3"),
        node("MatMul", "l3 F", "k"),
        node("Add", "f k", "k2"),
        node("LogSoftmax", "k2", axis=2),
    ]
    return model(nodes, {"x": ["N", 1, 8, "W"]}, constants=constants)


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_network_that_ends_in_an_lstm(target: str, tmp_path: Path) -> None:
    made, x = music_tagger(), random(3, 1, 8, 20)
    (wanted,) = onnxruntime_gives(made, {"x": x})
    (got,) = convspec_gives(made, {"x": x}, tmp_path, target)
    np.testing.assert_allclose(got, np.moveaxis(wanted, 1, 0), rtol=0, atol=1e-5)


def test_open_lengths_stay_open(tmp_path: Path) -> None:
    path = tmp_path / "tagger.onnx"
    path.write_bytes(music_tagger().SerializeToString())
    report = speccompiler.load(path).shapes()
    shapes = {layer.name: str(layer.output_shape) for layer in report.layers}
    assert shapes["x"] == "(1, 8, W)"
    assert shapes["lstm_11"] == "(ceil((W - 1)/2), 2, 6)"
    assert shapes["y"] == "(ceil((W - 1)/2), 11)"
    assert report.parameters == 8 * 9 + 8 + 4 * 8 + 2 * 24 * 38 + 2 * 24 + 12 * 11 + 11


SHAPES: Mapping[str, list[int]] = {
    "samples said": [2, -1],
    "samples left": [-1, 24],
    "samples copied": [0, -1],
    "samples in the middle of nothing": [0, 4, -1],
}


@pytest.mark.parametrize("name", SHAPES)
def test_reshapes_keep_samples_apart(name: str, tmp_path: Path) -> None:
    """Exported for two samples, run with five."""
    nodes = [node("Reshape", "x t")]
    constants = {"t": np.array(SHAPES[name])}
    made = model(nodes, {"x": [2, 4, 2, 3]}, constants=constants)
    x = random(5, 4, 2, 3)
    (got,) = convspec_gives(made, {"x": x}, tmp_path)
    np.testing.assert_array_equal(got, x.reshape(5, *got.shape[1:]))


def test_attention(tmp_path: Path) -> None:
    """Heads of matrices, a mask by a constant, a softmax, a layer normalisation."""
    constants = {name: random(8, 8, seed=i) for i, name in enumerate("qkvo")}
    constants |= {"heads": np.array([0, 5, 2, 4]), "join": np.array([0, 5, 8])}
    constants |= {"root": np.array(2, np.float32), "g": random(8), "z": random(8, seed=3)}
    constants |= {"mask": np.tril(np.ones((5, 5), bool)), "low": np.array(-1e9, np.float32)}
    nodes = []
    for name, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [
            node("MatMul", f"x {name}", f"{name}1"),
            node("Reshape", f"{name}1 heads", f"{name}2"),
            node("Transpose", f"{name}2", f"{name}3", perm=perm),
        ]
    nodes += [
        node("MatMul", "q3 k3", "s1"),
        node("Div", "s1 root", "s2"),
        node("Where", "mask s2 low", "s3"),
        node("Softmax", "s3", "s4", axis=-1),
        node("MatMul", "s4 v3", "a1"),
        node("Transpose", "a1", "a2", perm=[0, 2, 1, 3]),
        node("Reshape", "a2 join", "a3"),
        node("MatMul", "a3 o", "a4"),
        node("Add", "a4 x", "a5"),
        node("LayerNormalization", "a5 g z"),
    ]
    agree(model(nodes, {"x": ["N", 5, 8]}, constants=constants), {"x": random(3, 5, 8)}, tmp_path)


def test_words(tmp_path: Path) -> None:
    """Numbers of rows go through a table."""
    nodes = [
        node("Gather", "table x", "e"),
        node("ReduceMean", "e", "m", axes=[1], keepdims=0),
        node("Gemm", "m w b", alpha=0.5, beta=2.0, transB=1),
    ]
    constants = {"table": random(9, 4), "w": random(3, 4), "b": random(3)}
    made = model(nodes, {"x": ["N", 6]}, constants=constants, whole=["x"])
    agree(made, {"x": np.random.default_rng(0).integers(0, 9, (4, 6))}, tmp_path)


def test_choices_of_formulas_of_one_value(tmp_path: Path) -> None:
    """An ELU of a sum, as exporters write what ONNX has no operation for; truths, too."""
    constants = {"zero": np.array(0, np.float32), "one": np.array(1, np.float32)}
    constants |= {"w": random(4, 4), "half": np.array(0.5, np.float32)}
    nodes = [
        node("MatMul", "x w", "m"),
        node("Add", "x m", "s"),
        node("Greater", "s zero", "above"),
        node("Exp", "s", "e"),
        node("Sub", "e one", "below"),
        node("Where", "above s below", "elu"),
        node("Less", "elu half", "small"),
        node("And", "above small", "both"),
        node("Not", "both", "other"),
        node("Where", "other elu half"),
    ]
    made = model(nodes, {"x": ["N", 4]}, constants=constants)
    agree(made, {"x": random(5, 4)}, tmp_path)


SHRUNK: Mapping[str, list[float]] = {
    "both axes": [0.6, 0.6],
    "one axis, the other grows": [0.8, 2.0],
    "a half": [0.5, 1.0],
}


@pytest.mark.parametrize("scales", SHRUNK.values(), ids=SHRUNK)
def test_the_first_resize_reads_behind_where_an_axis_shrinks(
    scales: list[float], tmp_path: Path
) -> None:
    constants = {"s": np.array([1, 1, *scales], np.float32)}
    nodes = [node("Resize", "x s", mode="nearest")]
    made = model(nodes, {"x": ["N", 2, 5, 4]}, constants=constants, opset=10)
    agree(made, {"x": random(2, 2, 5, 4)}, tmp_path)


def test_parameters_of_activations_are_taken_in_order_by_those_that_have_them(
    tmp_path: Path,
) -> None:
    said = {
        "activations": ["Tanh", "LeakyRelu", "HardSigmoid", "ScaledTanh"],
        "activation_alpha": [0.3, 0.6, 0.9],
        "activation_beta": [0.4, 0.7],
    }
    constants = {"w": random(2, 9, 4), "r": random(2, 9, 3)}
    nodes = [node("GRU", "x w r", "y", direction="bidirectional", hidden_size=3, **said)]
    made = model(nodes, {"x": [5, "N", 4]}, constants=constants)
    x = random(5, 2, 4)
    (wanted,) = onnxruntime_gives(made, {"x": x})
    (got,) = convspec_gives(made, {"x": np.moveaxis(x, 1, 0)}, tmp_path)
    np.testing.assert_allclose(got, np.moveaxis(wanted, 2, 0), rtol=0, atol=1e-5)


FOLDED: Mapping[str, tuple[int, list[onnx.NodeProto]]] = {
    "bounds as attributes": (10, [node("Clip", "k", min=-0.5, max=0.25)]),
    "bounds as inputs": (13, [node("Clip", "k low")]),
    "a remainder as in C": (13, [node("Mod", "k three", fmod=1)]),
    "uneven parts": (18, [node("Split", "k", "y rest last", axis=-1, num_outputs=3)]),
    "lengths of rows": (18, [node("ReduceL2", "k rows")]),
    "nothing is summed": (13, [node("ReduceSum", "k", noop_with_empty_axes=1)]),
}
"""The operator set, and what is done to a constant."""


@pytest.mark.parametrize("name", FOLDED)
def test_what_is_computed_of_constants(name: str, tmp_path: Path) -> None:
    opset, nodes = FOLDED[name]
    nodes = [*nodes, node("Mul", "y x", "z")]
    constants = {"k": random(3, 7) * 4, "low": np.array(-1, np.float32)}
    constants["three"], constants["rows"] = np.array(3, np.float32), np.array([1])
    last = 3 if name == "uneven parts" else 7
    made = model(nodes, {"x": ["N", 3, last]}, ["z"], constants=constants, opset=opset)
    agree(made, {"x": random(2, 3, last)}, tmp_path)


RESIZED: Mapping[str, dict[str, Any]] = {
    "nearest": {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    },
    "linear": {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
    "corners": {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
}


@pytest.mark.parametrize("name", RESIZED)
def test_an_image_of_open_lengths_is_brought_to_the_size_of_another(
    name: str, tmp_path: Path
) -> None:
    """As in a network with a pyramid, or one that segments images of any size."""
    constants = {"w": random(4, 3, 3, 3), "two": np.array([2]), "four": np.array([4])}
    constants["nothing"] = np.array([0])
    nodes = [
        node("Conv", "x w", "a", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Shape", "x", "whole"),
        node("Slice", "whole two four", "size"),
        node("Shape", "a", "half"),
        node("Slice", "half nothing two", "front"),
        node("Concat", "front size", "sizes", axis=0),
        node("Resize", "a - - sizes", **RESIZED[name]),
    ]
    made = model(nodes, {"x": ["N", 3, "H", "W"]}, constants=constants)
    agree(made, {"x": random(2, 3, 9, 12)}, tmp_path)
    report = speccompiler.load(tmp_path / "made.onnx").shapes()
    assert str(report.layers[-1].output_shape) == "(4, H, W)"


def test_an_image_of_open_lengths_is_doubled(tmp_path: Path) -> None:
    constants = {"s": np.array([1, 1, 2, 2], np.float32)}
    nodes = [node("Resize", "x - s", mode="linear")]
    made = model(nodes, {"x": ["N", 3, "H", "W"]}, constants=constants)
    agree(made, {"x": random(2, 3, 5, 4)}, tmp_path)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
def test_an_image_of_open_lengths_is_padded(mode: str, tmp_path: Path) -> None:
    """With a number that is not 0 as well; one axis is cut."""
    last = -1 if mode == "constant" else 1
    constants = {"p": np.array([0, 0, 2, 1, 0, 0, 3, last]), "v": np.array(-np.inf, np.float32)}
    nodes = [node("Pad", "x p v" if mode == "constant" else "x p", mode=mode)]
    made = model(nodes, {"x": ["N", 2, "H", "W"]}, constants=constants, opset=19)
    agree(made, {"x": random(2, 2, 5, 4)}, tmp_path)


def test_an_image_is_padded_to_the_size_of_another(tmp_path: Path) -> None:
    """The amounts are lengths that only a run knows."""
    constants = {"p": np.array([0, 0, 0, 0, 0, 0]), "w": random(2, 2, 3, 3), "two": np.array([2])}
    constants |= {"four": np.array([4]), "none": np.array([0, 0, 0, 0, 0, 0])}
    nodes = [
        node("Conv", "x w", "c"),
        node("Shape", "x", "s"),
        node("Slice", "s two four", "whole"),
        node("Shape", "c", "t"),
        node("Slice", "t two four", "part"),
        node("Sub", "whole part", "missing"),
        node("Concat", "p missing", "amounts", axis=0),
        node("Pad", "c amounts", "q"),
        node("Add", "q x", "y"),
    ]
    made = model(nodes, {"x": ["N", 2, "H", "W"]}, constants=constants)
    agree(made, {"x": random(2, 2, 6, 5)}, tmp_path)


@pytest.mark.parametrize("step", [1, -1])
def test_a_part_of_an_open_length_begins_where_a_sum_says(step: int, tmp_path: Path) -> None:
    """The last three values, or all from the third last on to the first."""
    constants = {"one": np.array([2]), "three": np.array([3]), "axis": np.array([2])}
    constants |= {"last": np.array([step * (2**62)]), "step": np.array([step])}
    nodes = [
        node("Shape", "x", "s"),
        node("Slice", "s one three", "n"),
        node("Sub", "n three", "start"),
        node("Slice", "x start last axis step"),
    ]
    made = model(nodes, {"x": ["N", 3, "L"]}, constants=constants)
    agree(made, {"x": random(2, 3, 7)}, tmp_path)


def test_half_of_an_open_length_is_that_of_a_pool(tmp_path: Path) -> None:
    """Exporters compute the length again that a pool has given."""
    constants = {"two": np.array([2]), "four": np.array([3]), "front": np.array([0, -1])}
    nodes = [
        node("MaxPool", "x", "p", kernel_shape=[2], strides=[2]),
        node("Shape", "x", "s"),
        node("Slice", "s two four", "n"),
        node("Div", "n two", "half"),
        node("Concat", "front half", "sizes", axis=0),
        node("Reshape", "p sizes"),
    ]
    made = model(nodes, {"x": ["N", 3, "L"]}, constants=constants)
    agree(made, {"x": random(2, 3, 7)}, tmp_path)


def branches(then: list[onnx.NodeProto], otherwise: list[onnx.NodeProto]) -> onnx.NodeProto:
    """A choice between two bodies, which both read ``x`` and give a value of their own."""
    bodies = [
        onnx.helper.make_graph(
            body, "branch", [], [onnx.helper.make_empty_tensor_value_info(body[-1].output[0])]
        )
        for body in (then, otherwise)
    ]
    return onnx.helper.make_node(
        "If", ["truth"], ["y"], then_branch=bodies[0], else_branch=bodies[1]
    )


@pytest.mark.parametrize("length", [1, 3])
def test_shapes_decide_which_branch_is_taken(length: int, tmp_path: Path) -> None:
    """As torch writes ``squeeze`` of an axis whose length it does not know."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s one", "n"),
        node("Equal", "n one", "truth"),
        branches(
            [node("Squeeze", "x one", "a")],
            [node("Neg", "x", "b"), node("ReduceSum", "b one", "c", keepdims=0)],
        ),
    ]
    constants = {"one": np.array([1])}
    # onnxruntime looks into the branch that is not taken, too, where it knows the length.
    for said in (1, "C") if length == 1 else ("C",):
        made = model(nodes, {"x": ["N", said, 4]}, constants=constants)
        agree(made, {"x": random(2, length, 4)}, tmp_path)


def test_the_input_does_not_decide_which_branch_is_taken(tmp_path: Path) -> None:
    nodes = [
        node("ReduceMax", "x", "m", axes=[1], keepdims=0),
        node("Cast", "m", "truth", to=9),
        branches([node("Neg", "x", "a")], [node("Abs", "x", "b")]),
    ]
    path = tmp_path / "m.onnx"
    path.write_bytes(model(nodes, {"x": ["N", 4]}).SerializeToString())
    with pytest.raises(speccompiler.SpecError, match="decides which branch") as error:
        speccompiler.load(path)
    assert error.value.diagnostics[-1].code == "CS261"


def test_truths_by_a_cast(tmp_path: Path) -> None:
    """As torch writes a shrinkage: what is far from 0 stays."""
    constants = {"half": np.array(0.5, np.float32), "zero": np.array(0, np.float32)}
    nodes = [
        node("Abs", "x", "a"),
        node("Greater", "a half", "g"),
        node("Cast", "g", "c", to=9),
        node("Where", "c x zero"),
    ]
    agree(model(nodes, {"x": ["N", 4]}, constants=constants), {"x": random(5, 4)}, tmp_path)


def test_a_constant_that_is_alike_for_all_samples_is_that_of_one(tmp_path: Path) -> None:
    """A state of zeros or ones, made for the three samples that a model was exported for."""
    row, x = random(4), random(5, 4)
    for k, alike in ((np.stack([row] * 3), True), (random(3, 4), False)):
        made = model([node("Add", "x k")], {"x": [3, 4]}, constants={"k": k})
        if alike:
            (got,) = convspec_gives(made, {"x": x}, tmp_path)
            np.testing.assert_allclose(got, x + row, rtol=0, atol=1e-6)
        else:
            with pytest.raises(speccompiler.SpecError, match="along which samples lie"):
                convspec_gives(made, {"x": x}, tmp_path)


@pytest.mark.parametrize("read", ["y", "h", "c", "y h c"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_a_loop_gives_what_is_read(read: str, direction: str, tmp_path: Path) -> None:
    """Exporters name every output of an LSTM."""
    count = 2 if direction == "bidirectional" else 1
    constants = {"w": random(count, 12, 4), "r": random(count, 12, 3)}
    nodes = [node("LSTM", "x w r", "y h c", direction=direction, hidden_size=3)]
    outputs = read.split()
    made = model(nodes, {"x": [5, "N", 4]}, outputs, constants=constants)
    x = random(5, 2, 4)
    found = convspec_gives(made, {"x": np.moveaxis(x, 1, 0)}, tmp_path)
    for name, got, wanted in zip(outputs, found, onnxruntime_gives(made, {"x": x}), strict=True):
        samples = 2 if name == "y" else 1
        np.testing.assert_allclose(got, np.moveaxis(wanted, samples, 0), rtol=0, atol=1e-5)
    (loop,) = {
        (n.op.sequences, n.op.gives_states)
        for n in speccompiler.load(tmp_path / "made.onnx").graph.nodes
        if isinstance(n.op, Recurrent)
    }
    assert loop == ("y" in outputs, "c" in outputs)


SPECS = [
    "autoencoder",
    "clips",
    "dashcam",
    "lenet",
    "scan_autoencoder",
    "signal_denoiser",
    "stereo",
]


@pytest.mark.parametrize("name", SPECS)
def test_what_convert_writes_is_read_again(name: str, tmp_path: Path) -> None:
    """The same numbers from a spec and from the ONNX model that is made of it."""
    from speccompiler.cli.main import run

    spec, path = ROOT / "examples" / "specs" / f"{name}.yaml", tmp_path / "m.onnx"
    assert run(["convert", str(spec), "--seed", "1", "-o", str(path)]) == 0
    first, again = speccompiler.load(spec, seed=1), speccompiler.load(path)
    arrays = [random(2, *(int(n) for n in v.shape)) for v in first.graph.inputs]  # type: ignore[arg-type]
    given: Any = arrays if len(arrays) > 1 else arrays[0]
    one, other = (m.compile("reference").run(given) for m in (first, again))
    pairs = zip(one, other, strict=True) if isinstance(one, list) else [(one, other)]
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(a).max())
