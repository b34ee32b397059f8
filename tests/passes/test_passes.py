"""Each pass on small graphs, before and after; and that what they do changes no number."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from speccompiler import passes
from speccompiler.expressions import ACTIVATIONS
from speccompiler.graph.ir import (
    Conv,
    Graph,
    Identity,
    Input,
    Map,
    Node,
    Op,
    Pad,
    Pool,
    Reshape,
    Softmax,
    Transpose,
    Upsample,
    Weight,
)
from speccompiler.graph.shapes import infer, verify
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.passes import PASSES, optimize
from speccompiler.passes.drop_identities import changes_nothing, drop_identities
from speccompiler.passes.fold_padding import fold_padding
from speccompiler.passes.fuse_activations import fuse_activations
from speccompiler.passes.rewrite import without_dead_nodes
from speccompiler.passes.sink_transposes import sink_transposes
from tests.cases import build

RELU, TANH = Map(ACTIVATIONS["relu"]), Map(ACTIVATIONS["tanh"])
LAST, FIRST = Transpose((1, 2, 0)), Transpose((2, 0, 1))
"""Channels first to last, and back."""
ZEROS = ((0, 0),)


def graph(*rows: tuple[Any, ...], outputs: tuple[str, ...] | None = None) -> Graph:
    """Rows of (name, operation, inputs..); shapes are derived. The last is the output."""
    nodes: dict[str, Node] = {}
    for name, op, *inputs in rows:
        shape = infer(op, *(nodes[i].shape for i in inputs))
        nodes[name] = Node(name, op, tuple(inputs), shape, name)
    made = Graph(tuple(nodes.values()), outputs or (rows[-1][0],))
    verify(made)
    return made


def rows(made: Graph) -> list[tuple[Any, ...]]:
    return [(node.name, node.op, *node.inputs) for node in made]


def conv(channels: int = 2, filters: int = 2, kernel: tuple[int, ...] = (3,), padding: Any = None,
         stride: Any = None, bias: bool = True) -> Conv:  # fmt: skip
    shape = (*kernel, channels, filters)
    w = Weight("c", "W", shape, tuple(range(len(shape))), shape)
    b = Weight("c", "b", (filters,), (0,), (filters,)) if bias else None
    rank = len(kernel)
    return Conv(kernel, stride or (1,) * rank, padding or ((0, 0),) * rank, w, b)


def pool(mode: str, k: int = 3, s: int = 1, padding: Any = ZEROS, zeros: Any = ZEROS) -> Pool:
    return Pool(mode, (k,), (s,), padding, zeros)


def values(made: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """The outputs over negative and positive data, on the reference."""
    rng = np.random.default_rng(seed)
    weights = {w: rng.uniform(-1, 1, w.shape) for w in made.weights()}
    given = [
        rng.uniform(-3, 1, (2, *(int(d) for d in source.shape)))  # type: ignore[arg-type]
        for source in made.inputs
    ]
    return run_reference(made, weights, *given)


def assert_same_values(one: Graph, other: Graph) -> None:
    assert one.outputs == other.outputs
    for left, right in zip(values(one).values(), values(other).values(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


SOURCE = ("in", Input((9, 2)))


# drop_identities


@pytest.mark.parametrize(
    ("op", "nothing"),
    [
        (Identity(), True),
        (Upsample((1, 1)), True),
        (Upsample((1, 2)), False),
        (Pad(((0, 0), (0, 0))), True),
        (Pad(((0, 0), (0, 1))), False),
        (Pool("max", (1,), (1,), ZEROS, ZEROS), True),
        (Pool("max", (1,), (2,), ZEROS, ZEROS), False),
        (Pool("average", (2,), (1,), ZEROS, ZEROS), False),
        (Pool("max", (1,), (1,), ZEROS, ((1, 0),)), False),
        (Pool("max", (1,), (1,), ((-1, 0),), ZEROS), False),
        (Transpose((0, 1, 2)), True),
        (Transpose((0, 2, 1)), False),
        (Reshape((18,)), False),
        (RELU, False),
        (Softmax(), False),
    ],
)
def test_what_changes_nothing(op: Op, nothing: bool) -> None:
    assert changes_nothing(Node("n", op, ("in",), (), "n")) is nothing


def test_identities_are_dropped():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("p", Pad(ZEROS), "b"),
                   ("c", RELU, "p"))  # fmt: skip
    after = drop_identities(before)
    assert rows(after) == [SOURCE, ("a", conv(), "in"), ("c", RELU, "a")]
    assert_same_values(before, after)


def test_an_identity_at_the_end_gives_its_name_to_what_it_reads():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("c", Identity(), "b"))
    after = drop_identities(before)
    assert rows(after) == [SOURCE, ("c", conv(), "in")]
    assert after.outputs == ("c",)


def test_an_identity_of_the_input_stays():
    """The caller's array cannot be an output: it has to be copied."""
    before = graph(SOURCE, ("a", Identity(), "in"), ("b", Identity(), "a"))
    after = drop_identities(before)
    assert rows(after) == [SOURCE, ("b", Identity(), "in")]


def test_two_outputs_of_one_value_both_stay():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("c", Identity(), "b"),
                   outputs=("c", "a", "b"))  # fmt: skip
    after = drop_identities(before)
    verify(after)
    assert after.outputs == ("c", "a", "b")
    assert_same_values(before, after)


def test_a_tapped_dropout_between_others():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("c", Identity(), "b"),
                   ("d", TANH, "c"), outputs=("d", "c"))  # fmt: skip
    after = drop_identities(before)
    verify(after)
    assert rows(after) == [SOURCE, ("c", conv(), "in"), ("d", TANH, "c")]
    assert_same_values(before, after)


def test_readers_of_an_identity_that_was_dropped_before_a_rename():
    """A branch: c reads what b, an output, took its name from."""
    before = graph(SOURCE, ("s", conv(), "in"), ("a", Identity(), "s"), ("b", Identity(), "a"),
                   ("c", TANH, "a"), outputs=("c", "b"))  # fmt: skip
    after = drop_identities(before)
    verify(after)
    assert_same_values(before, after)


# sink_transposes

IMAGE = ("in", Input((2, 5, 4)))


def test_transposes_between_th_layers_cancel():
    k = conv(kernel=(3, 3), padding=((1, 1), (1, 1)))
    before = graph(
        IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("l1", FIRST, "c1"),
        ("t2", LAST, "l1"), ("c2", k, "t2"), ("l2", FIRST, "c2"),
    )  # fmt: skip
    after = without_dead_nodes(sink_transposes(before))
    assert rows(after) == [
        IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("c2", k, "c1"), ("l2", FIRST, "c2"),
    ]  # fmt: skip
    assert_same_values(before, after)


def test_a_transpose_moves_below_a_map_and_cancels():
    k = conv(kernel=(1, 1))
    before = graph(
        IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("l1", FIRST, "c1"),
        ("m", RELU, "l1"), ("n", TANH, "m"), ("t2", LAST, "n"), ("c2", k, "t2"),
    )  # fmt: skip
    after = without_dead_nodes(sink_transposes(before))
    assert [type(op).__name__ for _, op, *_ in rows(after)] == [
        "Input", "Transpose", "Conv", "Map", "Map", "Conv",
    ]  # fmt: skip
    assert_same_values(before, after)


def test_a_tap_between_th_layers_keeps_its_layout():
    k = conv(kernel=(1, 1))
    before = graph(IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("l1", FIRST, "c1"),
                   ("m", RELU, "l1"), ("t2", LAST, "m"), ("c2", k, "t2"),
                   outputs=("c2", "l1", "m"))  # fmt: skip
    after = without_dead_nodes(sink_transposes(before))
    verify(after)
    assert_same_values(before, after)
    # The taps are transposed for their reader only: the path to c2 has none but the first.
    path, name = [], "c2"
    while name != "in":
        node = after.by_name()[name]
        path.append(type(node.op).__name__)
        (name,) = node.inputs
    assert path == ["Conv", "Map", "Conv", "Transpose"]


def test_transposes_stay_before_what_reads_the_layout():
    for op in (Reshape((40,)), Softmax()):
        before = graph(IMAGE, ("t", LAST, "in"), ("f", op, "t"))
        assert sink_transposes(before) == before


def test_two_transposes_merge_into_one():
    before = graph(IMAGE, ("a", LAST, "in"), ("b", LAST, "a"))
    after = without_dead_nodes(sink_transposes(before))
    assert rows(after) == [IMAGE, ("b", Transpose((2, 0, 1)), "in")]
    assert_same_values(before, after)


def test_any_two_transposes_merge():
    for one, other in itertools.product(itertools.permutations(range(3)), repeat=2):
        before = graph(IMAGE, ("a", Transpose(one), "in"), ("b", Transpose(other), "a"))
        after = without_dead_nodes(sink_transposes(before))
        assert len(after.nodes) <= 2 or one == (0, 1, 2) or other == (0, 1, 2)
        verify(after)
        assert_same_values(before, after)


# fold_padding


@pytest.mark.parametrize("padding", [((0, 0),), ((1, 2),), ((2, -3),)])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_folds_into_a_convolution(padding: Any, stride: int) -> None:
    zeros = ((3, 1),)
    before = graph(SOURCE, ("p", Pad(zeros), "in"),
                   ("c", conv(padding=padding, stride=(stride,)), "p"))  # fmt: skip
    after = without_dead_nodes(fold_padding(before))
    ((b, a),) = padding
    assert rows(after) == [SOURCE, ("c", conv(padding=((b + 3, a + 1),), stride=(stride,)), "in")]
    assert_same_values(before, after)


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("padding", [((0, 0),), ((1, 1),), ((2, 2),), ((-1, -2),), ((2, -3),)])
@pytest.mark.parametrize("s", [1, 2, 3])
def test_padding_folds_into_a_pool_and_still_counts(mode: str, padding: Any, s: int) -> None:
    before = graph(SOURCE, ("p", Pad(((3, 1),)), "in"), ("m", pool(mode, 3, s, padding), "p"))
    after = without_dead_nodes(fold_padding(before))
    assert rows(after) == [SOURCE, ("m", pool(mode, 3, s, padding, ((3, 1),)), "in")]
    assert_same_values(before, after)


def test_padding_folds_into_padding():
    before = graph(SOURCE, ("p", Pad(((1, 0),)), "in"), ("q", Pad(((2, 3),)), "p"),
                   ("m", pool("average"), "q"))  # fmt: skip
    after = without_dead_nodes(fold_padding(before))
    assert rows(after) == [SOURCE, ("m", pool("average", zeros=((3, 3),)), "in")]
    assert_same_values(before, after)


def test_padding_that_others_read_stays_for_them():
    before = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("c", conv(), "p"), ("m", pool("max"), "p"),
                   ("t", TANH, "p"), outputs=("c", "m", "t"))  # fmt: skip
    after = without_dead_nodes(fold_padding(before))
    assert {n: i for n, _, *i in rows(after)} == {
        "in": [], "p": ["in"], "c": ["in"], "m": ["in"], "t": ["p"],
    }  # fmt: skip
    assert_same_values(before, after)


def test_padding_does_not_fold_into_anything_else():
    for op in (TANH, Upsample((2,)), Softmax(), Transpose((1, 0)), Reshape((22,))):
        before = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("n", op, "p"))
        assert fold_padding(before) == before


@pytest.mark.parametrize("mode", ["Max", "Average"])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("border_mode", ["valid", "same"])
@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_a_padded_pool_over_negative_data_on_the_cpu(mode, semantics, border_mode, ordering):
    """Zeros of a ZeroPadding win over negative data; the pool's own padding never does."""
    layers = [
        {"type": "ZeroPadding2D", "padding": [2, 0, 1, 3]},
        {"type": f"{mode}Pooling2D", "pool_size": [3, 2], "strides": [1, 2],
         "border_mode": border_mode},
    ]  # fmt: skip
    shape = (3, 4, 5) if ordering == "th" else (4, 5, 3)
    model = build(layers, shape, semantics=semantics, dim_ordering=ordering)
    assert not [s for s in model.plan().steps if s.kernel == "resize"]
    x = -np.random.default_rng(0).uniform(1, 2, (2, *shape)).astype(np.float32)
    judge = model.compile("reference").run(x)
    np.testing.assert_allclose(model.compile("cpu").run(x), judge, rtol=1e-6)
    if mode == "Max":
        assert judge.max() == 0


# fuse_activations


def test_a_map_fuses_into_its_convolution():
    before = graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c"), ("n", TANH, "m"))
    after = fuse_activations(before)
    fused = replace(conv(), activation=ACTIVATIONS["relu"])
    # Only one: a second activation stays a step of its own.
    assert rows(after) == [SOURCE, ("m", fused, "in"), ("n", TANH, "m")]
    assert_same_values(before, after)


def test_a_map_stays_where_others_read_the_convolution():
    for outputs in (("m", "c"), ("c", "m")):
        tapped = graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c"), outputs=outputs)
        assert fuse_activations(tapped) == tapped
    shared = graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c"), ("n", TANH, "c"),
                   outputs=("m", "n"))  # fmt: skip
    assert fuse_activations(shared) == shared


def test_a_map_stays_behind_what_is_no_convolution():
    for op in (pool("max"), Upsample((2,)), Softmax(), TANH):
        before = graph(SOURCE, ("p", op, "in"), ("m", RELU, "p"))
        assert fuse_activations(before) == before


# without_dead_nodes


def test_unread_nodes_go_and_the_input_stays():
    made = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("q", TANH, "p"), ("c", conv(), "in"))
    assert rows(without_dead_nodes(made)) == [SOURCE, ("c", conv(), "in")]
    tapped = replace(made, outputs=("c", "p"))
    assert [name for name, *_ in rows(without_dead_nodes(tapped))] == ["in", "p", "c"]


# All together


def kinds(made: Graph) -> list[str]:
    return [type(node.op).__name__ for node in made]


def th_block(**header: Any) -> Any:
    layers = []
    for i in range(3):
        layers += [
            {"type": "ZeroPadding2D", "name": f"pad{i}"},
            {"type": "Convolution2D", "name": f"conv{i}", "nb_filter": 4, "nb_row": 3, "nb_col": 3,
             "activation": "relu"},
            {"type": "Dropout", "name": f"drop{i}", "p": 0.2},
            {"type": "MaxPooling2D", "name": f"pool{i}", "strides": [1, 1]},
        ]  # fmt: skip
    layers += [{"type": "UpSampling2D", "name": "up"}]
    return build(layers, [3, 8, 9], dim_ordering="th", **header)


def test_a_th_model_transposes_once_in_and_once_out():
    model = th_block()
    assert kinds(model.graph).count("Transpose") == 20
    assert kinds(optimize(model.graph)) == [
        "Input", "Transpose", *["Conv", "Pool"] * 3, "Upsample", "Transpose",
    ]  # fmt: skip


def test_a_th_model_with_separate_activations_is_fused_as_well():
    layers = [
        {"type": "Convolution2D", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "th"},
        {"type": "Activation", "activation": "relu"},
        {"type": "Dropout", "p": 0.5},
        {"type": "Convolution2D", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "th"},
        {"type": "Activation", "activation": "tanh"},
        {"type": "Flatten"},
    ]  # fmt: skip
    model = build(layers, [2, 8, 8])
    assert kinds(optimize(model.graph)) == [
        "Input", "Transpose", "Conv", "Conv", "Transpose", "Reshape",
    ]  # fmt: skip
    last = [x | {"dim_ordering": "tf"} if "dim_ordering" in x else x for x in layers]
    assert kinds(optimize(build(last, [8, 8, 2]).graph)) == ["Input", "Conv", "Conv", "Reshape"]


def test_taps_survive_everything():
    model = th_block()
    names = [str(layer.name) for layer in model.spec.layers]
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 8, 9)).astype(np.float32)
    judge = model.compile("reference", layers=names).run_all(x)
    found = model.compile("cpu", layers=names).run_all(x)
    assert list(found) == list(judge) == ["up", *names[:-1]]
    for name, y in found.items():
        np.testing.assert_allclose(y, judge[name], atol=1e-5 * np.abs(judge[name]).max())
    # And a tap is what the model cut off after it gives.
    for name in ("pad1", "conv2", "drop0"):
        alone = model.compile("cpu", layers=[name]).run_all(x)
        assert list(alone) == ["up", name]
        assert np.array_equal(alone[name], found[name])
    assert np.array_equal(found["drop0"], found["conv0"])


@pytest.mark.parametrize("layers", [
    [{"type": "Dropout", "p": 0.5}],
    [{"type": "InputLayer"}, {"type": "Dropout", "p": 0.5}, {"type": "Dropout", "p": 0.1}],
    [{"type": "UpSampling2D", "size": [1, 1], "dim_ordering": "th"}],
    [{"type": "MaxPooling2D", "pool_size": [1, 1]}, {"type": "ZeroPadding2D", "padding": [0, 0]}],
    [{"type": "Reshape", "target_shape": [2, 3, 4]}],
    [{"type": "Reshape", "target_shape": [4, -1]}, {"type": "Reshape", "target_shape": [2, 3, 4]},
     {"type": "Dropout", "p": 0.5}],
])  # fmt: skip
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_model_that_does_nothing_returns_a_copy(layers, target):
    model = build(layers, [2, 3, 4])
    x = np.random.default_rng(0).standard_normal((3, 2, 3, 4)).astype(np.float32)
    names = [str(layer.name) for layer in model.spec.layers]
    for name, y in model.compile(target, layers=names).run_all(x).items():
        assert np.array_equal(y.ravel(), x.ravel()), name
        assert not np.shares_memory(x, y)


def test_optimize_shows_every_pass_and_verifies_it():
    seen = []
    made = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("c", conv(), "p"), ("m", RELU, "c"))
    after = optimize(made, lambda name, result: seen.append((name, len(result.nodes))))
    assert [name for name, _ in seen] == [step.__name__ for step in PASSES]
    assert seen[-1][1] == 2
    assert kinds(after) == ["Input", "Conv"]
    for step in PASSES:
        assert step.__doc__
        assert step(after) == after, f"{step.__name__} is not done after one run"


def wrong_shape(made: Graph) -> Graph:
    """A pass that forgets that a convolution is padded."""
    return Graph(
        tuple(
            replace(n, op=replace(n.op, padding=ZEROS)) if isinstance(n.op, Conv) else n
            for n in made
        ),
        made.outputs,
    )


def lost_output(made: Graph) -> Graph:
    """A pass that drops what a caller asked for."""
    return Graph(made.nodes[:-1], made.outputs)


def out_of_order(made: Graph) -> Graph:
    """A pass that lists a node before what it reads."""
    return Graph(tuple(reversed(made.nodes)), made.outputs)


@pytest.mark.parametrize("broken", [wrong_shape, lost_output, out_of_order])
def test_a_wrong_pass_is_caught(broken, monkeypatch):
    made = graph(SOURCE, ("c", conv(padding=((1, 1),)), "in"))
    monkeypatch.setattr(passes, "PASSES", (drop_identities, broken))
    with pytest.raises(AssertionError):
        optimize(made)
