"""The shape report by hand: work, parameters, reach; and that its cost grows as the model does."""

from __future__ import annotations

import itertools
import json
import random
import sys
from fractions import Fraction
from types import FrameType
from typing import Any

import numpy as np
import pytest

from speccompiler.cli.main import run
from speccompiler.graph.dims import Dim, symbol, total
from speccompiler.model import check
from speccompiler.planning.arena import Arena
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.source.texts import parse_document
from tests.cases import build
from tests.places import ROOT


def report(
    layers: list[dict[str, Any]], shape: list[int | None] | None, **header: Any
) -> ShapeReport:
    return build(layers, shape, **header).shapes()


def last(layers: list[dict[str, Any]], shape: list[int | None], **header: Any) -> LayerReport:
    return report(layers, shape, **header).layers[-1]


def conv(filters: int, rows: int, columns: int, **more: Any) -> dict[str, Any]:
    kind = more.pop("type", "Convolution2D")
    return {"type": kind, "nb_filter": filters, "nb_row": rows, "nb_col": columns, **more}


def deconv(filters: int, kernel: tuple[int, int], stride: tuple[int, int], out: list[int | None],
           **more: Any) -> dict[str, Any]:  # fmt: skip
    return conv(filters, *kernel, type="Deconvolution2D", subsample=list(stride), output_shape=out,
                **more)  # fmt: skip


# --- multiply-adds, worked by hand: (layers, input, of the last layer)

WORK = {
    # 4 x 3 windows of 3 x 3 x 2 values, 5 filters.
    "strided": ([conv(5, 3, 3, subsample=[2, 3])], [9, 11, 2], 4 * 3 * 18 * 5),
    # A window at rate 2 is 5 long: 5 x 7 places.
    "dilated": (
        [conv(5, 3, 3, type="AtrousConvolution2D", atrous_rate=[2, 2])], [9, 11, 2], 5 * 7 * 18 * 5,
    ),
    # 7 x 7 places: each of 2 channels by 3 kernels of 3 x 3, then 6 channels by 5 filters.
    "separable": (
        [conv(5, 3, 3, type="SeparableConvolution2D", depth_multiplier=3)], [9, 9, 2],
        49 * (2 * 3 * 9 + 6 * 5),
    ),
    "locally connected": ([conv(5, 3, 3, type="LocallyConnected2D")], [6, 5, 2], 4 * 3 * 18 * 5),
    "locally connected 1-D": (
        [{"type": "LocallyConnected1D", "nb_filter": 5, "filter_length": 3, "subsample_length": 2}],
        [9, 2], 4 * 6 * 5,
    ),
    # Of the values after the up-sampling.
    "after up-sampling": ([{"type": "UpSampling2D"}, conv(5, 3, 3)], [4, 4, 2], 36 * 18 * 5),
    "up-sampling": ([{"type": "UpSampling2D"}], [4, 4, 2], 0),
    "pooling": ([{"type": "AveragePooling2D", "border_mode": "same"}], [5, 5, 2], 0),
    # 4 steps, each 6 x 6 windows.
    "of each step": (
        [{"type": "TimeDistributed", "layer": conv(5, 3, 3)}], [4, 8, 8, 2], 4 * 36 * 18 * 5,
    ),
    "dense of each step": ([{"type": "Dense", "output_dim": 7}], [6, 3], 6 * 3 * 7),
    "maxout": ([{"type": "MaxoutDense", "output_dim": 7, "nb_feature": 2}], [3], 3 * 7 * 2),
    "highway": ([{"type": "Highway"}], [3], 2 * 9),
    # Each of 10 x 10 x 4 inputs adds 3 x 3 x 8 products.
    "transposed": ([deconv(8, (3, 3), (2, 2), [None, 21, 21, 8])], [10, 10, 4], 400 * 72),
    # A kernel that the strides do not divide, another stride for each axis.
    "transposed, uneven": (
        [deconv(5, (3, 2), (2, 3), [None, 7, 9, 5], border_mode="valid")], [3, 3, 2], 18 * 6 * 5,
    ),
    "transposed, stride of 1": ([deconv(8, (3, 3), (1, 1), [None, 12, 12, 8])], [10, 10, 4], 28800),
    "transposed, same": (
        [deconv(8, (3, 3), (2, 2), [None, 20, 20, 8], border_mode="same")], [10, 10, 4], 28800,
    ),
    # A kernel smaller than the stride: most outputs see no input.
    "transposed, gaps": ([deconv(2, (1, 1), (3, 3), [None, 10, 10, 2])], [4, 4, 3], 16 * 3 * 2),
    "transposed of each step": (
        [{"type": "TimeDistributed", "layer": deconv(8, (3, 3), (2, 2), [None, 21, 21, 8])}],
        [5, 10, 10, 4], 5 * 28800,
    ),
}  # fmt: skip


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("name", WORK)
def test_multiply_adds_by_hand(name: str, ordering: str) -> None:
    layers, shape, wanted = WORK[name]
    if ordering == "th":
        layers, shape = _channels_first(layers, shape)
    found = report(layers, shape, dim_ordering=ordering)
    assert found.layers[-1].multiply_adds == found.multiply_adds == wanted


def _channels_first(layers: list[dict[str, Any]], shape: list[Any]) -> tuple[list[Any], list[Any]]:
    """The same in the other ordering: images and output shapes alone have one."""
    if not any("nb_row" in json.dumps(layer) or "2D" in layer["type"] for layer in layers):
        return layers, shape
    moved = json.loads(json.dumps(layers))
    for layer in moved:
        inner = layer.get("layer", layer)
        if "output_shape" in inner:
            batch, *sizes, filters = inner["output_shape"]
            inner["output_shape"] = [batch, filters, *sizes]
    front = shape[:-3]
    return moved, [*front, shape[-1], *shape[-3:-1]]


def test_branches_count_each_and_a_shared_layer_each_time() -> None:
    shared = {
        "type": "Convolution1D",
        "name": "c",
        "nb_filter": 4,
        "filter_length": 3,
        "inputs": "x",
    }
    layers = [shared, {"type": "Shared", "layer": "c", "inputs": "y"},
              {"type": "Merge", "mode": "sum", "inputs": ["c", "c@2"]}]  # fmt: skip
    model = report(layers, None, inputs={"x": [10, 2], "y": [10, 2]})
    assert [layer.multiply_adds for layer in model.layers[2:]] == [8 * 6 * 4, 8 * 6 * 4, 0]
    assert [layer.parameters for layer in model.layers[2:]] == [3 * 2 * 4 + 4, 0, 0]
    dot = [{"type": "Merge", "mode": "dot", "dot_axes": [2, 2], "inputs": ["x", "y"]}]
    # (10, 3) by (6, 3): 60 sums of 3 products.
    model = report(dot, None, inputs={"x": [10, 3], "y": [6, 3]})
    assert model.multiply_adds == 10 * 6 * 3


def test_open_lengths_are_counted_in_words() -> None:
    layers = [conv(5, 3, 3, subsample=[2, 2], border_mode="same"), {"type": "UpSampling2D"}]
    found = report(layers, [None, None, 2], dim_ordering="tf")
    assert str(found.multiply_adds) == "90*ceil(H/2)*ceil(W/2)"


def test_a_sum_of_many_is_the_sum() -> None:
    t, u = symbol("T"), symbol("U")
    dims: list[Dim] = [t, 3, 2 * t * u, u, -5, -1 * t, t * t]
    one: Dim = 0
    for dim in dims:
        one = one + dim
    assert total(dims) == one
    assert total([]) == 0
    assert total([t, 4, -1 * t]) == 4


# --- trainable parameters

BN = {"type": "BatchNormalization", "name": "bn"}
TRAINED = {
    # gamma and beta; mean and deviation.
    "statistics": ([BN], [4, 4, 4], 8, 8),
    "another axis": ([{**BN, "axis": 1}], [3, 4, 4], 6, 6),
    "mode 1": ([{**BN, "mode": 1}], [5], 10, 10),
    "mode 2": ([{**BN, "mode": 2}], [5], 10, 10),
    "frozen": ([{**BN, "trainable": False}], [4, 4, 4], 0, 16),
    "a frozen layer": (
        [{"type": "Dense", "output_dim": 4, "trainable": False},
         {"type": "Dense", "output_dim": 2}],
        [3], 10, 16,
    ),
    "of each step": ([{"type": "TimeDistributed", "layer": {"type": "BatchNormalization"}}],
                     [5, 3], 6, 6),
    "a frozen layer of each step": (
        [{"type": "TimeDistributed",
          "layer": {"type": "Dense", "output_dim": 2, "trainable": False}}], [5, 3], 0, 8,
    ),
    "a frozen wrapper": (
        [{"type": "TimeDistributed", "trainable": False,
          "layer": {"type": "Dense", "output_dim": 2}}], [5, 3], 0, 8,
    ),
    "none at all": ([{"type": "Flatten"}], [3, 2], 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAINED)
def test_what_training_changes(name: str) -> None:
    layers, shape, trainable, fixed = TRAINED[name]
    found = report(layers, shape)
    assert found.trainable_parameters == trainable
    assert found.non_trainable_parameters == fixed
    assert found.parameters == trainable + fixed


def test_a_shared_layer_has_its_parameters_once() -> None:
    layers = [{**BN, "inputs": "x"}, {"type": "Shared", "layer": "bn", "inputs": "y"}]
    found = report(layers, None, inputs={"x": [4], "y": [4]}, outputs=["bn", "bn@2"])
    assert (found.trainable_parameters, found.non_trainable_parameters) == (8, 8)


def test_resnet50_as_keras_counts_it(capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(ROOT / "examples/specs/resnet50.yaml")
    assert run(["shapes", spec]) == 0
    text = capsys.readouterr().out
    wanted = ["parameters: 25,636,712 (97.8 MiB)", "trainable parameters: 25,583,592",
              "non-trainable parameters: 53,120"]  # fmt: skip
    assert [line for line in text.splitlines() if "parameters:" in line] == wanted
    assert run(["shapes", spec, "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    assert [line[2:] for line in text.splitlines() if "parameters:" in line] == wanted
    assert run(["shapes", spec, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    totals = data["totals"]
    assert totals["parameters"] == 25_636_712
    assert totals["trainable_parameters"] == 25_583_592
    assert totals["non_trainable_parameters"] == 53_120
    by_layer = [layer["non_trainable_parameters"] for layer in data["layers"]]
    assert sum(by_layer) == 53_120


# --- what an output sees


def spread(layers: list[dict[str, Any]], n: int) -> tuple[LayerReport, list[set[int]]]:
    """For each output row, the input rows that it hangs on: found by nudging each."""
    model = build(layers, [n, 1, 1], dim_ordering="tf")
    compute = model.compile("reference").run
    base = compute(np.zeros((1, n, 1, 1), np.float32))[0]
    seen: list[set[int]] = [set() for _ in base]
    for i in range(n):
        x = np.zeros((1, n, 1, 1), np.float32)
        x[0, i] = 1
        for o, row in enumerate((compute(x)[0] != base).any(axis=(1, 2))):
            if row:
                seen[o].add(i)
    return model.shapes().layers[-1], seen


def up(kernel: int, stride: int, n: int, mode: str = "valid", more: int = 0) -> dict[str, Any]:
    out = (n - 1) * stride + (kernel if mode == "valid" else 1) + more
    return deconv(1, (kernel, 1), (stride, 1), [None, out, 1, 1], border_mode=mode, init="one")


def down(kernel: int, stride: int = 1, mode: str = "valid") -> dict[str, Any]:
    return conv(1, kernel, 1, subsample=[stride, 1], border_mode=mode, init="one")


@pytest.mark.parametrize(
    ("layers", "field", "stride"),
    [
        # ceil(3 / 2) inputs under each output.
        ([up(3, 2, 20)], 2, Fraction(1, 2)),
        ([up(4, 2, 20)], 2, Fraction(1, 2)),
        ([up(5, 2, 20)], 3, Fraction(1, 2)),
        ([up(3, 1, 20)], 3, Fraction(1)),
        ([up(2, 3, 20)], 1, Fraction(1, 3)),
        ([up(3, 2, 20, "same")], 2, Fraction(1, 2)),
        ([up(3, 2, 20, "same", 1)], 2, Fraction(1, 2)),
        # 3 neighbours of it lie in 5 places, with up to 3 multiples of 2 among them.
        ([up(3, 2, 20), down(3)], 3, Fraction(1, 2)),
        ([up(2, 2, 20), up(2, 2, 40)], 1, Fraction(1, 4)),
        ([up(3, 2, 20), up(3, 2, 41)], 2, Fraction(1, 4)),
        ([up(4, 3, 20), down(2, 3)], 2, Fraction(1)),
        # Half the rows, seen 3 at a time; two of those are 5 rows of the input.
        ([down(3, 2, "same"), up(3, 2, 10, "same", 1)], 5, Fraction(1)),
        ([up(3, 2, 20), {"type": "MaxPooling2D", "pool_size": [2, 1]}], 2, Fraction(1)),
        ([up(3, 2, 20), {"type": "ZeroPadding2D", "padding": [2, 0]}, down(5)], 4, Fraction(1, 2)),
        ([{"type": "UpSampling2D", "size": [2, 1]}, up(3, 2, 40)], 2, Fraction(1, 4)),
    ],
)  # fmt: skip
def test_what_an_output_of_a_transposed_convolution_sees(
    layers: list[dict[str, Any]], field: int, stride: Fraction
) -> None:
    layer, seen = spread(layers, 20)
    assert layer.receptive_field is not None
    assert layer.stride is not None
    assert layer.receptive_field[0] == field
    assert layer.stride[0] == stride
    assert max(max(s) - min(s) + 1 for s in seen if s) == field
    starts = [(o, min(s)) for o, s in enumerate(seen) if s][4:-4]
    (first, low), (end, high) = starts[0], starts[-1]
    assert (high - low) / (end - first) == pytest.approx(float(stride), abs=0.12)


FIELDS = {
    "strided": ([conv(1, 3, 5, subsample=[2, 3])], [20, 20, 1], (3, 5), (2, 3)),
    "dilated": (
        [conv(1, 3, 2, type="AtrousConvolution2D", atrous_rate=[2, 3])], [20, 20, 1], (5, 4), (1, 1)
    ),
    "separable": ([conv(1, 3, 5, type="SeparableConvolution2D", subsample=[2, 2])], [20, 20, 2],
                  (3, 5), (2, 2)),
    "locally connected": ([conv(1, 3, 5, type="LocallyConnected2D", subsample=[2, 3])], [20, 20, 1],
                          (3, 5), (2, 3)),
    "up-sampling": ([{"type": "UpSampling2D", "size": [2, 3]}], [5, 5, 1], (1, 1),
                    (Fraction(1, 2), Fraction(1, 3))),
    # 3 neighbours of which 2 are the same.
    "after up-sampling": ([{"type": "UpSampling2D"}, conv(1, 3, 3)], [9, 9, 1], (2, 2),
                          (Fraction(1, 2), Fraction(1, 2))),
    "padded pool": ([{"type": "MaxPooling2D", "pool_size": [3, 2], "strides": [2, 1],
                      "border_mode": "same"}], [9, 9, 1], (3, 2), (2, 1)),
    # Of steps and rows and columns: each step by itself.
    "of each step": ([{"type": "TimeDistributed", "layer": conv(1, 3, 3, subsample=[2, 2])}],
                     [5, 9, 9, 1], (1, 3, 3), (1, 2, 2)),
    "transposed of each step": (
        [{"type": "TimeDistributed", "layer": deconv(2, (3, 4), (2, 3), [None, 9, 16, 2])}],
        [5, 4, 5, 1], (1, 2, 2), (1, Fraction(1, 2), Fraction(1, 3)),
    ),
    "transposed, then normalised": (
        [deconv(2, (3, 3), (2, 2), [None, 9, 9, 2], activation="relu"), BN,
         {"type": "Activation", "activation": "tanh"}],
        [4, 4, 1], (2, 2), (Fraction(1, 2), Fraction(1, 2)),
    ),
    "flattened after it": (
        [deconv(2, (3, 3), (2, 2), [None, 9, 9, 2]), {"type": "Flatten"}], [4, 4, 1], (2, 2), None,
    ),
    "dense after it": (
        [deconv(2, (3, 3), (2, 2), [None, 9, 9, 2]), {"type": "Flatten"},
         {"type": "Dense", "output_dim": 3}], [4, 4, 1], None, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("name", FIELDS)
def test_fields_and_strides_by_hand(name: str, ordering: str) -> None:
    layers, shape, field, stride = FIELDS[name]
    if ordering == "th":
        layers, shape = _channels_first(layers, shape)
        layers = [{**layer, "axis": 1} if layer["type"] == BN["type"] else layer
                  for layer in layers]  # fmt: skip
    found = last(layers, shape, dim_ordering=ordering)
    assert found.receptive_field == field
    assert found.stride == stride


def test_branches_of_different_fields_give_the_widest() -> None:
    layers = [
        {**conv(2, 3, 3, border_mode="same"), "name": "a", "inputs": "x"},
        {**conv(2, 5, 1, border_mode="same"), "name": "b", "inputs": "x"},
        {"type": "Merge", "mode": "concat", "inputs": ["a", "b"], "name": "both"},
        {**deconv(2, (3, 3), (2, 2), [None, 17, 17, 2]), "name": "up"},
    ]
    found = report(layers, None, inputs={"x": [8, 8, 1]}, dim_ordering="tf").layers
    assert [layer.receptive_field for layer in found[1:]] == [(3, 3), (5, 1), (5, 3), (6, 4)]
    assert found[-1].stride == (Fraction(1, 2), Fraction(1, 2))


def test_a_fraction_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    found = report([deconv(8, (3, 3), (2, 2), [None, 21, 21, 8])], [10, 10, 4], dim_ordering="tf")
    (row,) = [line for line in found.text().splitlines() if "Deconvolution2D" in line]
    assert row.split()[-2:] == ["2x2", "1/2x1/2"]
    (layer,) = found.to_data()["layers"]
    assert layer["stride"] == ["1/2", "1/2"]
    assert layer["multiply_adds"] == 28_800


# --- the arena


def test_the_lowest_free_place() -> None:
    """Judged by looking at every place of every value that is alive at the same time."""
    pick = random.Random(7)
    for _ in range(200):
        steps = pick.randint(1, 30)
        arena = Arena(steps)
        placed: list[tuple[int, int, int, int]] = []
        for _ in range(pick.randint(1, 40)):
            length, first = pick.randint(1, 6), pick.randrange(steps)
            end = pick.randint(first, steps - 1)
            taken = {p for start, n, a, b in placed if a <= end and first <= b
                     for p in range(start, start + n)}  # fmt: skip
            wanted = next(s for s in itertools.count()
                          if taken.isdisjoint(range(s, s + length)))  # fmt: skip
            assert arena.place(length, first, end) == wanted
            placed.append((wanted, length, first, end))


# --- growth, by counting what Python does


def _chain(n: int) -> str:
    head = "convspec: 1\ninput_shape: [null, 2]\nlayers:\n"
    item = "  - {type: Convolution1D, nb_filter: 2, filter_length: 3, border_mode: same}\n"
    return head + (item + "  - {type: Activation, activation: relu}\n") * (n // 2)


def _c(name: str, reads: str) -> str:
    return (f"  - {{type: Convolution1D, nb_filter: 2, filter_length: 3, border_mode: same, "
            f"name: {name}, inputs: {reads}}}\n")  # fmt: skip


_X = "convspec: 1\ninputs: {x: [8, 2]}\nlayers:\n"


def _sums(n: int) -> str:
    text = _X + _c("s0", "x")
    for i in range(n // 2):
        text += _c(f"a{i}", f"s{i}")
        text += f"  - {{type: Merge, mode: sum, inputs: [s{i}, a{i}], name: s{i + 1}}}\n"
    return text


def _joined(n: int) -> str:
    text = _X + _c("s0", "x")
    for i in range(n // 2):
        text += _c(f"a{i}", "x")
        text += f"  - {{type: Merge, mode: concat, inputs: [s{i}, a{i}], name: s{i + 1}}}\n"
    return text


def _wide(n: int) -> str:
    pool = "  - {{type: MaxPooling1D, name: p{}}}\n"
    text = _X + "".join(_c(f"a{i}", "x") + pool.format(i) for i in range(n // 2))
    names = ", ".join(f"p{i}" for i in range(n // 2))
    return text + f"  - {{type: Merge, mode: sum, inputs: [{names}]}}\n"


def _inputs(n: int) -> str:
    names = ", ".join(f"x{i}: [null, 2]" for i in range(n))
    return (f"convspec: 1\ninputs: {{{names}}}\nlayers:\n"
            + "".join(_c(f"a{i}", f"x{i}") for i in range(n)))  # fmt: skip


def _shared(n: int) -> str:
    return _X + _c("c", "x") + "  - {type: Shared, layer: c}\n" * n


def _pools(n: int) -> str:
    """Fields that no two numbers describe: a stride that does not divide what was repeated."""
    both = [("UpSampling1D, length: 3", "AveragePooling1D, pool_length: 2"),
            ("UpSampling1D, length: 2", "AveragePooling1D, pool_length: 3")]  # fmt: skip
    items = "".join(f"  - {{type: {kind}}}\n" for pair in both for kind in pair)
    return "convspec: 1\ninput_shape: [720, 2]\nlayers:\n" + items * (n // 4)


def _transposed(n: int) -> str:
    head = "convspec: 1\ndim_ordering: th\ninput_shape: [2, 4, 4]\nlayers:\n"
    item = ("  - {type: Deconvolution2D, nb_filter: 2, nb_row: 2, nb_col: 2, subsample: [2, 2], "
            "output_shape: [null, 2, 8, 8]}\n  - {type: MaxPooling2D}\n")  # fmt: skip
    return head + item * (n // 2)


def _keras(n: int) -> str:
    """One layer, called on its own result."""
    own = {"name": "i", "batch_input_shape": [None, 4, 2]}
    first: dict[str, Any] = {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
                             "config": own}  # fmt: skip
    calls = [[["i", 0, 0]], *([["a", k, 0]] for k in range(n))]
    again = {"class_name": "Activation", "name": "a", "inbound_nodes": calls,
             "config": {"name": "a", "activation": "relu"}}  # fmt: skip
    config = {"name": "m", "layers": [first, again], "input_layers": [["i", 0, 0]],
              "output_layers": [["a", n, 0]]}  # fmt: skip
    return json.dumps({"class_name": "Model", "keras_version": "1.2.2", "config": config})


def _work(text: str) -> int:
    """Lines and calls of Python from the text to the table."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        model, _ = check(parse_document(text, "m.json" if text[0] == "{" else "m.yaml"))
        assert model is not None
        found = model.shapes()
        found.to_data()
        found.text()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "make", [_chain, _sums, _joined, _wide, _inputs, _shared, _pools, _transposed, _keras]
)
def test_a_report_of_twice_the_layers_takes_twice_the_work(make: Any) -> None:
    _work(make(40))  # what is imported and built once
    # Twice as much and a constant; the square of the number would be twice that again.
    assert _work(make(400)) < 2.1 * _work(make(200))


def test_many_wrong_names_end_the_reading() -> None:
    """Each is compared with all names, to find what was meant."""
    text = _X + "".join(_c(f"a{i}", f"unknown_{i}") for i in range(300))
    model, found = check(parse_document(text, "m.yaml"))
    assert model is None
    assert [d.code for d in found] == ["CS061"] * 100 + ["CS014"]
