"""The table of targets: a row is all that a target needs."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler import targets
from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.reference.executor import ReferenceExecutor
from tests.cases import build
from tests.models import refusal

LAYERS = [{"type": "UpSampling1D", "length": 2}]


def test_names():
    assert targets.target_names() == ("cpu", "cuda", "cuda:N", "reference")
    assert targets.target_names(with_steps=True) == ("cpu", "cuda", "cuda:N")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("cpu", "cpu"), ("reference", "reference"), ("cuda", "cuda"), ("cuda:0", "cuda"),
        ("cuda:127", "cuda"), ("cuda:", None), ("cuda:x", None), ("cuda:-1", None),
        ("cuda:1000", None), ("cuda:N", None), ("cuda:\u0663", None), ("cpu:0", None),
        ("CPU", None), ("", None), ("gpu", None),
    ],
)  # fmt: skip
def test_a_name_finds_its_row(name, row):
    assert targets.find_target(name) is (None if row is None else targets.TARGETS[row])


def test_a_new_target_is_one_row(monkeypatch):
    class Negated(ReferenceExecutor):
        def run_batch(self, inputs, outputs, profile=None):
            super().run_batch(inputs, outputs, profile)
            for y in outputs:
                y *= -1

    def check(name, graph):
        if graph.nodes[-1].shape[0] > 100:
            raise Problem("CS133", f"no {name} can hold it")

    reference = targets.TARGETS["reference"]
    row = targets.Target(
        reference.kernels, lambda plan: 3, reference.memory, Negated, check, numbered=True
    )
    monkeypatch.setitem(targets.TARGETS, "negated", row)
    compiled = build(LAYERS, [4, 1]).compile("negated:1")
    assert (compiled.target, compiled.batch_size) == ("negated:1", 3)
    x = np.arange(1, 21, dtype=np.float32).reshape(5, 4, 1)
    np.testing.assert_array_equal(compiled.run(x), -np.repeat(x, 2, axis=1))
    found = refusal(lambda: build(LAYERS, [400, 1]).compile("negated:1"))
    assert (found.code, found.message) == ("CS133", "no negated:1 can hold it")
    assert (
        "targets: cpu, cuda, cuda:N, reference, negated, negated:N"
        in refusal(lambda: build(LAYERS, [4, 1]).compile("negate")).message
    )


def test_a_plan_is_made_once_where_the_batch_is_said(monkeypatch):
    from speccompiler.planning import plan as planning

    made = []
    make_plan = planning.make_plan
    monkeypatch.setattr(
        planning, "make_plan", lambda *given, **more: made.append(more) or make_plan(*given, **more)
    )
    model = build(LAYERS, [4, 1])
    model.compile("reference", batch_size=2, threads=3)
    assert [(given["batch"], given["threads"]) for given in made] == [(2, 3)]
    # The batch depends on the plan, and only the cuts in the plan on the batch.
    model.compile("reference")
    assert len(made) == 2


@pytest.mark.parametrize(("batch", "threads"), [(1, 4), (1, 1), (7, 2), (64, 16)])
@pytest.mark.parametrize("math", ["fast", "precise"])
def test_cutting_again_is_planning_again(math, batch, threads):
    from speccompiler.kernels.cpu import table
    from speccompiler.passes import optimize
    from speccompiler.planning.plan import cut_again, make_plan

    conv = {"type": "Convolution2D", "nb_filter": 64, "nb_row": 3, "nb_col": 3,
            "border_mode": "same", "activation": "relu"}  # fmt: skip
    layers = [
        {**conv, "name": "a"}, {"type": "MaxPooling2D", "name": "p"}, {**conv, "name": "b"},
        {"type": "Merge", "mode": "sum", "inputs": ["p", "b"], "name": "s"},
        {**conv, "inputs": "s"},
    ]  # fmt: skip
    graph = optimize(build(layers, [48, 56, 32], dim_ordering="tf", seed=1).tapped()[0])
    fast = math == "fast"
    wanted = make_plan(graph, table, fast=fast, batch=batch, threads=threads)
    found = cut_again(
        make_plan(graph, table, fast=fast), table, fast=fast, batch=batch, threads=threads
    )
    assert found == wanted
    assert any(step.candidate.schedule for step in wanted.steps) == fast
