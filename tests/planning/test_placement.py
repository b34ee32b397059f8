"""Sums and joined values that lie where they are wanted: the same bits, and nothing overwritten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph import ir
from speccompiler.kernels.cpu import convolution
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.runtime import executor
from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
from speccompiler.model import Model
from speccompiler.passes import optimize
from speccompiler.planning import plan as planning
from speccompiler.planning.plan import Plan, make_plan
from tests.cases import build, tapped
from tests.kernels import graphs

SHAPE = (13, 11, 20)


def conv(name: str, reads: str, filters: int = 20, size: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "Convolution2D", "name": name, "inputs": reads, "nb_filter": filters,
            "nb_row": size, "nb_col": size, "border_mode": "same", **more}  # fmt: skip


def merge(name: str, *reads: str, mode: str = "sum") -> dict[str, Any]:
    return {"type": "Merge", "name": name, "mode": mode, "inputs": list(reads)}


def act(name: str, kind: Any, reads: str) -> dict[str, Any]:
    return {"type": "Activation", "name": name, "activation": kind, "inputs": reads}


def model_of(*layers: dict[str, Any], **header: Any) -> Model:
    return build(layers, inputs={"x": list(SHAPE)}, **header)


def outputs(model: Model, plan: Plan, x: np.ndarray) -> list[np.ndarray]:
    cpu = CpuExecutor(plan, model.weight_sources.read(), len(x), 1)
    made = [np.full((len(x), *shape), np.nan, np.float32) for _, shape in plan.outputs]
    cpu.run_batch([x], made)
    return made


def check(model: Model, *, taps: tuple[str, ...] = (), fast: bool = False) -> Plan:
    """The plan; its outputs have the bits of one that copies, and those of the reference."""
    graph = optimize(tapped(model, taps))
    x = np.random.default_rng(1).standard_normal((3, *SHAPE), np.float32)
    plan = make_plan(graph, cpu_kernels, fast=fast)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "add_in_place", lambda graph, work: list(work))
        patch.setattr(planning, "join_in_place", lambda graph, work: (list(work), {}))
        copied = make_plan(graph, cpu_kernels, fast=fast)
    judges = model.compile("reference", layers=taps).run_all(x)
    names = [name for name, _ in plan.outputs]
    found, wanted = outputs(model, plan, x), outputs(model, copied, x)
    for name, y, z in zip(names, found, wanted, strict=True):
        np.testing.assert_array_equal(y, z)
        judge = judges[name]
        assert np.abs(y - judge).max() <= (5e-5 if fast else 1e-5) * np.abs(judge).max()
    return plan


def kernels(plan: Plan) -> list[str]:
    return [step.kernel for step in plan.steps]


FIRST, SECOND = ("a", "c"), ("c", "a")
TANH, RELU = {"activation": "tanh"}, {"activation": "relu"}
SUMS = [
    pytest.param(1, TANH, FIRST, 16, id="matmul-first-16"),
    pytest.param(1, TANH, SECOND, 16, id="matmul-second-16"),
    pytest.param(3, RELU, FIRST, 16, id="conv-first-16"),
    pytest.param(3, RELU, SECOND, 16, id="conv-second-16"),
    pytest.param(1, TANH, FIRST, 4, id="matmul-first-4"),
    pytest.param(3, RELU, SECOND, 4, id="conv-second-4"),
]


@pytest.mark.parametrize(("size", "more", "inputs", "lanes"), SUMS)
def test_a_convolution_adds_to_what_lies_there(size, more, inputs, lanes, monkeypatch):
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    # More than a group of filters, and a last vector that they do not fill.
    layers = [
        conv("a", "x", 50, activation="relu"),
        conv("b", "a", 20),
        conv("c", "b", 50, size, **more),
        merge("s", *inputs),
    ]
    after = [act("end", {"expr": "x * sigmoid(x)"}, "s")] if inputs[0] == "c" else []
    plan = check(model_of(*layers, *after))
    assert "combine" not in kernels(plan)
    assert [step.added is not None for step in plan.steps] == [False, False, True]
    # The first value is written to where the last one is wanted.
    assert [step.writes.kind for step in plan.steps] == ["output", "buffer", "output"]


def test_blocks_in_a_row_share_one_place():
    layers = [conv("stem", "x", 40)]
    before = "stem"
    for block in "abc":
        layers += [
            conv(f"{block}1", before, 24, activation="relu"),
            conv(f"{block}2", f"{block}1", 40),
            merge(f"{block}s", f"{block}2", before),
            act(block, "relu", f"{block}s"),
        ]
        before = block
    plan = check(
        model_of(*layers, {"type": "Flatten"}, {"type": "Activation", "activation": "softmax"})
    )
    assert kernels(plan) == [*["matmul"] * 7, "softmax"]
    assert len({step.writes for step in plan.steps if step.added is not None}) == 1


WANTED = [
    pytest.param([conv("c", "x"), merge("s", "c", "x")], (), id="the model's input"),
    pytest.param([conv("a", "x"), conv("c", "a"), merge("s", "c", "a")], (), id="what it reads"),
    pytest.param(
        [conv("a", "x"), conv("b", "a"), conv("c", "b"), merge("s", "c", "a")],
        ("a",),
        id="an output",
    ),
    pytest.param(
        [conv("a", "x"), conv("b", "a"), conv("c", "b"), merge("s", "c", "a")],
        ("c",),
        id="itself an output",
    ),
    pytest.param(
        [
            *(conv("a", "x"), conv("b", "a"), conv("c", "b"), merge("s", "c", "a")),
            *(conv("d", "a"), merge("t", "s", "d", mode="mul")),
        ],
        (),
        id="read later",
    ),
    pytest.param(
        [
            *(conv("a", "x"), {"type": "Flatten", "name": "flat", "inputs": "a"}),
            *(conv("b", "a"), conv("c", "b"), merge("s", "c", "a")),
            *({"type": "Flatten", "name": "more", "inputs": "s"}, merge("t", "flat", "more")),
        ],
        (),
        id="viewed and read later",
    ),
    pytest.param(
        [conv("a", "x"), conv("b", "a"), conv("c", "b"), merge("s", "c", "a", "b")],
        (),
        id="one of three",
    ),
    pytest.param(
        [conv("a", "x"), conv("b", "a"), merge("s", "b", "b")], (), id="the same value twice"
    ),
    pytest.param(
        [conv("a", "x"), conv("b", "a"), conv("c", "b"), merge("s", "c", "a", mode="max")],
        (),
        id="a maximum",
    ),
]


@pytest.mark.parametrize(("layers", "taps"), WANTED)
def test_what_is_still_wanted_is_not_added_to(layers, taps):
    plan = check(model_of(*layers), taps=taps)
    assert "combine" in kernels(plan)
    assert not any(step.added for step in plan.steps)


def test_a_winograd_convolution_leaves_the_sum_to_a_step_of_its_own():
    layers = [conv("a", "x", 32), conv("b", "a", 32), conv("c", "b", 32, 3), merge("s", "c", "a")]
    assert kernels(check(model_of(*layers), fast=True)) == [*["matmul"] * 2, "winograd", "combine"]
    assert kernels(check(model_of(*layers))) == [*["matmul"] * 2, "conv"]


BRANCHES = [
    conv("one", "x", 50, activation="tanh"),
    conv("three", "x", 33, 3, activation="relu"),
    conv("winograd", "x", 40, 3),
    conv("five", "x", 17, 5, activation={"expr": "x * sigmoid(x)"}),
    conv("small", "x", 1),
    {"type": "MaxPooling2D", "name": "pool", "pool_size": [3, 3], "strides": [1, 1],
     "border_mode": "same", "inputs": "x"},
    {"type": "AveragePooling2D", "name": "means", "pool_size": [2, 2], "strides": [1, 1],
     "border_mode": "same", "inputs": "x"},
]  # fmt: skip
NAMES = [str(branch["name"]) for branch in BRANCHES]


@pytest.mark.parametrize(
    ("names", "fast", "lanes"),
    [(NAMES, False, 16), (NAMES[::-1], True, 4)],
    ids=["in order", "reversed, fast"],
)
def test_branches_write_side_by_side(names, fast, lanes, monkeypatch):
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    joined = merge("all", *names, mode="concat")
    after = [conv("end", "all", 20)] if fast else []
    plan = check(model_of(*BRANCHES, joined, *after), fast=fast)
    assert "concat" not in kernels(plan)
    parts = {step.target: step.writes for step in plan.steps if step.writes.pitch}
    assert sorted(parts) == sorted(NAMES)
    starts = [parts[name].at for name in names]
    assert starts == sorted(starts)
    assert {place.pitch for place in parts.values()} == {181}


def test_a_pooling_that_a_convolution_takes_in_is_a_part_too():
    layers = [
        conv("a", "x", 32, 3),
        {"type": "MaxPooling2D", "name": "p"},
        conv("b", "x", 28, 1),
        {"type": "MaxPooling2D", "name": "q"},
        merge("all", "q", "p", mode="concat"),
    ]
    plan = check(model_of(*layers), fast=True)
    assert kernels(plan) == ["winograd", "matmul", "pool"]
    assert [(step.writes.at, step.writes.pitch) for step in plan.steps] == [
        (28, 60),
        (0, 0),
        (0, 60),
    ]


def test_joined_values_inside_joined_values():
    layers = [
        conv("a", "x", 18),
        conv("b", "a", 19),
        conv("c", "a", 20),
        merge("inner", "b", "c", mode="concat"),
        conv("d", "x", 21),
        merge("outer", "d", "inner", mode="concat"),
    ]
    plan = check(model_of(*layers))
    assert {s.target: (s.writes.at, s.writes.pitch) for s in plan.steps} == {
        "a": (0, 0), "b": (21, 60), "c": (40, 60), "d": (0, 60),
    }  # fmt: skip


COPIED = [
    pytest.param([merge("all", "a", "x", mode="concat")], (), id="the model's input"),
    pytest.param([merge("all", "a", "b", mode="concat")], ("b",), id="an output"),
    pytest.param([merge("all", "a", "a", mode="concat")], (), id="twice"),
    pytest.param(
        [{**merge("all", "a", "b", mode="concat"), "concat_axis": 1}], (), id="along rows"
    ),
    pytest.param(
        [act("c", "tanh", "x"), merge("all", "a", "c", mode="concat")],
        (),
        id="a kernel that writes without gaps",
    ),
    pytest.param(
        [
            conv("c", "a"),
            conv("d", "c"),
            merge("s", "a", "d"),
            merge("all", "s", "b", mode="concat"),
        ],
        (),
        id="a sum in its place",
    ),
]


@pytest.mark.parametrize(("layers", "taps"), COPIED)
def test_what_cannot_be_written_in_place_is_copied(layers, taps):
    plan = check(model_of(conv("a", "x"), conv("b", "x"), *layers), taps=taps)
    assert "concat" in kernels(plan)
    assert not any(step.writes.pitch for step in plan.steps)


def test_threads_and_batches_give_the_same_bits():
    layers = [
        *BRANCHES,
        merge("all", *NAMES, mode="concat"),
        conv("e", "all", 181, activation="relu"),
        conv("f", "e", 30),
        conv("g", "f", 181),
        merge("s", "g", "e"),
        act("end", "relu", "s"),
    ]
    model = model_of(*layers)
    x = np.random.default_rng(2).standard_normal((5, *SHAPE), np.float32)
    wanted = model.compile("cpu", threads=1, batch_size=1).run(x)
    for threads, batch in ((1, 5), (2, 2)):
        found = model.compile("cpu", threads=threads, batch_size=batch).run(x)
        np.testing.assert_array_equal(found, wanted)


def test_a_view_that_a_convolution_reads_keeps_its_place(monkeypatch):
    """A transpose of axes of length 1: others still read what it shows, so no sum takes it."""
    monkeypatch.setattr(convolution, "SMALL", 0)

    def product(name: str, length: int) -> ir.Conv:
        weight = graphs.tensor(name, name, 1, 1, length, length)
        return ir.Conv((1, 1), (1, 1), ((0, 0), (0, 0)), weight, None)

    tanh, relu = (ir.Map(ACTIVATIONS[name]) for name in ("tanh", "relu"))
    made = graphs.graph(
        [(24, 1, 1)],
        ("a", tanh, "in0"),
        ("turned", ir.Transpose((1, 2, 0)), "a"),
        ("c", product("c", 24), "turned"),
        ("back", ir.Transpose((2, 0, 1)), "c"),
        ("b", relu, "in0"),
        ("d", product("d", 1), "b"),
        ("s", ir.Combine("sum"), "a", "d"),
        ("e", product("e", 1), "b"),
        ("t", ir.Combine("sum"), "back", "e"),
        ("later", ir.Combine("mul"), "a", "back"),
        ("y", ir.Combine("sum"), "s", "t", "later"),
    )
    plan = make_plan(made, cpu_kernels)
    (c,) = (step for step in plan.steps if step.node.name == "c")
    assert (c.reads_planes, c.writes_planes) == (False, False)
    xs, weights = graphs.inputs_of(made), graphs.weights_of(made)
    y = graphs.run(CpuExecutor(plan, weights, 2, 1), xs)
    graphs.assert_near(y, graphs.judge(made, xs, weights))
