"""The plan: steps, views, buffers that never overlap while alive, copies, memory."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import SpecError
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.table import candidates
from speccompiler.passes import optimize
from speccompiler.planning.kernel_table import is_view
from speccompiler.planning.plan import ALIGNMENT, Place, Plan, make_plan
from speccompiler.system import memory
from tests.cases import build, tapped
from tests.counting import growth

LAYERS: list[dict[str, Any]] = [
    {"type": "Convolution1D", "nb_filter": 7, "filter_length": 3, "border_mode": "same"},
    {"type": "Convolution1D", "nb_filter": 40, "filter_length": 1, "activation": "relu"},
    {"type": "MaxPooling1D", "pool_length": 2, "stride": 1},
    {"type": "UpSampling1D", "length": 3},
    {"type": "ZeroPadding1D", "padding": 2},
    {"type": "Activation", "activation": "tanh"},
    {"type": "Activation", "activation": "softmax"},
    {"type": "Dropout", "p": 0.5},
    {"type": "Reshape", "target_shape": [-1, 2]},
    {"type": "Reshape", "target_shape": [-1, 1]},
]


def plan_of(layers: list[Any], shape: Any, taps: Any = (), **header: Any) -> Plan:
    return build(layers, shape, **header).plan(layers=taps)


def writes_and_reads(plan: Plan) -> dict[str, tuple[int, int]]:
    """For each value that is not the caller's: its step, and the last step that reads it.

    Found without the plan's own bookkeeping: through views, from the graph.
    """
    nodes = plan.graph.by_name()

    def stored(name: str) -> str:
        while is_view(nodes[name]):
            (name,) = nodes[name].inputs
        return name

    order = {}
    for index, step in enumerate(plan.steps):
        if step.candidate is not None:
            order[step.node.name] = index
    lives = {name: (index, index) for name, index in order.items()}
    for index, step in enumerate(plan.steps):
        read = (step.node.name,) if step.candidate is None else step.node.inputs
        for origin in map(stored, read):
            if origin in lives:
                lives[origin] = (lives[origin][0], index)
    outputs = {stored(name) for name in plan.graph.outputs}
    return {name: life for name, life in lives.items() if name not in outputs}


def check_plan(plan: Plan) -> None:
    nodes = plan.graph.by_name()
    lives = writes_and_reads(plan)
    buffers = {b.name: b for b in plan.buffers}
    assert set(buffers) == set(lives)
    assert len(buffers) == len(plan.buffers)
    for name, buffer in buffers.items():
        assert (buffer.first, buffer.last) == lives[name]
        assert buffer.elements == prod(nodes[name].shape)  # type: ignore[type-var]
        assert buffer.offset % ALIGNMENT == 0
        assert 0 <= buffer.offset <= buffer.offset + buffer.elements <= plan.arena_elements
    # Brute force: at every step, the values that are alive claim cells of their own.
    for index in range(len(plan.steps)):
        taken: set[int] = set()
        for name, (first, last) in lives.items():
            if first <= index <= last:
                claimed = set(range(buffers[name].offset,
                                    buffers[name].offset + buffers[name].elements))  # fmt: skip
                assert not taken & claimed, f"{name} shares cells at step {index}"
                taken |= claimed
    # Nothing is larger than all values side by side, with a few lines between them.
    each = sum((-(-b.elements // ALIGNMENT) + 5) * ALIGNMENT for b in plan.buffers)
    assert plan.arena_elements <= each
    # Every step reads what is there from where it was put, and every output is written once.
    places = {node.name: Place("input", i) for i, node in enumerate(plan.graph.inputs)}
    for step in plan.steps:
        assert step.reads == tuple(places[name] for name in step.sources)
        assert step.target not in places
        places[step.target] = step.writes
        if step.candidate is not None:
            assert step.source_shapes == tuple(nodes[n].shape for n in step.node.inputs)
        assert step.target_shape == nodes[step.node.name].shape
        if step.writes.kind == "buffer":
            assert plan.buffers[step.writes.index].name == step.target
    written = [step.writes.index for step in plan.steps if step.writes.kind == "output"]
    assert sorted(written) == list(range(len(plan.outputs)))
    assert all(step.writes.kind != "input" for step in plan.steps)


def writers(plan: Plan) -> dict[str, int]:
    """The steps that write outputs, and which."""
    return {s.target: s.writes.index for s in plan.steps if s.writes.kind == "output"}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    chosen=st.lists(st.sampled_from(range(len(LAYERS))), min_size=1, max_size=9),
    length=st.integers(3, 12),
    chosen_taps=st.sets(st.integers(0, 8)),
    optimized=st.booleans(),
)
def test_live_buffers_never_overlap(chosen, length, chosen_taps, optimized):
    layers = []
    for index in chosen:
        try:
            build([*layers, LAYERS[index]], [length, 2])
        except SpecError:
            continue
        layers.append(LAYERS[index])
    if not layers:
        return
    model = build(layers, [length, 2])
    names = [str(layer.name) for layer in model.spec.layers]
    taps = [name for i, name in enumerate(names) if i in chosen_taps]
    graph = tapped(model, taps)
    check_plan(make_plan(optimize(graph) if optimized else graph, cpu_kernels))


def test_a_chain_ping_pongs_between_two_places():
    layers = [{"type": "Activation", "activation": "tanh"}] * 6
    plan = plan_of(layers, [16, 2])
    assert [b.offset for b in plan.buffers] == [0, 32, 0, 32, 0]
    assert plan.arena_elements == 64
    assert [b.last - b.first for b in plan.buffers] == [1] * 5
    check_plan(plan)


def test_offsets_are_aligned():
    layers = [{"type": "Activation", "activation": "tanh"}] * 3
    plan = plan_of(layers, [5, 3])
    assert [b.offset for b in plan.buffers] == [0, 16]
    assert plan.arena_elements == 32


def test_one_layer_needs_no_arena():
    plan = plan_of([LAYERS[0]], [8, 2])
    assert [step.kernel for step in plan.steps] == ["conv_small"]
    assert plan.buffers == ()
    assert plan.arena_elements == 0
    assert writers(plan) == {"convolution1d_1": 0}


def test_views_share_what_they_view():
    layers = [
        {"type": "Convolution1D", "name": "c", "nb_filter": 2, "filter_length": 2,
         "border_mode": "same"},
        {"type": "Reshape", "name": "r", "target_shape": [-1, 4]},
        {"type": "Reshape", "name": "s", "target_shape": [-1, 2]},
        {"type": "MaxPooling1D", "name": "p"},
        {"type": "Flatten", "name": "f"},
    ]  # fmt: skip
    plan = plan_of(layers, [8, 2])
    assert [(s.kernel, *s.sources, s.target) for s in plan.steps] == [
        ("conv_small", "c:input", "c"), ("pool", "c", "p"),
    ]  # fmt: skip
    assert plan.steps[1].source_shape == (8, 2)
    assert [(b.name, b.first, b.last) for b in plan.buffers] == [("c", 0, 1)]
    assert plan.outputs == (("f", (8,)),)
    assert writers(plan) == {"p": 0}


def test_two_outputs_of_one_value_are_written_and_copied():
    layers = [
        {"type": "Convolution1D", "name": "c", "nb_filter": 2, "filter_length": 2,
         "border_mode": "same"},
        {"type": "Flatten", "name": "f"},
    ]  # fmt: skip
    model = build(layers, [4, 2])
    plan = model.plan(layers=["c"])
    assert plan.outputs == (("f", (8,)), ("c", (4, 2)))
    assert [(s.kernel, *s.sources, s.target) for s in plan.steps] == [
        ("conv_small", "c:input", "c"), ("copy", "c", "c (copy)"),
    ]  # fmt: skip
    assert writers(plan) == {"c": 0, "c (copy)": 1}
    found = model.compile(layers=["c"]).run_all(np.ones((3, 4, 2), np.float32))
    assert found["f"].shape == (3, 8)
    assert np.array_equal(found["f"].reshape(3, 4, 2), found["c"])
    assert not np.shares_memory(found["f"], found["c"])


def test_an_output_that_a_later_step_reads_is_kept():
    """A tap in the middle is written to the caller's array and read from there."""
    layers = [
        {"type": "Convolution1D", "name": "a", "nb_filter": 3, "filter_length": 2},
        {"type": "MaxPooling1D", "name": "p", "stride": 1},
    ]  # fmt: skip
    plan = plan_of(layers, [4, 2], ["a"])
    assert plan.buffers == ()
    assert writers(plan) == {"p": 0, "a": 1}
    assert [step.kernel for step in plan.steps] == ["conv_small", "pool"]


def test_an_input_that_is_the_output_is_copied():
    model = build([{"type": "Dropout", "name": "d", "p": 0.5}], [3, 2])
    plan = model.plan()
    found = [(s.kernel, *s.sources, s.target) for s in plan.steps]
    assert found == [("copy", "d:input", "d (copy)")]
    assert writers(plan) == {"d (copy)": 0}
    assert plan.arena_elements == 0
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    y = model.compile().run(x)
    assert np.array_equal(y, x)
    assert not np.shares_memory(y, x)


def test_every_step_has_a_kernel_that_fits():
    model = build(LAYERS[:7], [9, 2])
    for step in model.plan().steps:
        assert step.candidate in candidates(step.node, step.source_shape)
        assert step.kernel == step.candidate.kernel


def test_peak_bytes_by_hand():
    layers = [
        {"type": "Convolution1D", "nb_filter": 8, "filter_length": 3, "border_mode": "same"},
        {"type": "MaxPooling1D"},
        {"type": "Flatten"},
        {"type": "Dense", "output_dim": 10, "bias": False},
    ]  # fmt: skip
    plan = plan_of(layers, [64, 4])
    weights = 3 * 4 * 8 + 8 + 256 * 10
    assert plan.weight_bytes == 4 * weights
    # Two buffers: 64 x 8 after the convolution, 32 x 8 after the pool.
    assert plan.arena_elements == 512 + 256
    scratch = plan.scratch_elements
    assert plan.peak_bytes(1) == 4 * (weights + 768 + 64 * 4 + 10 + scratch)
    assert plan.peak_bytes(5, threads=3) == 4 * (weights + 5 * (768 + 256 + 10) + 3 * scratch)


def test_peak_bytes_bound_what_a_run_takes(monkeypatch):
    """Measured by the allocators: arena, outputs and conversions of a run stay below."""
    import tracemalloc

    from speccompiler.kernels.cpu.runtime import run_blocks

    taken: list[int] = []

    def allocate(elements):
        taken.append(4 * elements)
        return np.empty(0, np.float32) if not elements else memory.allocate(elements)

    monkeypatch.setattr(run_blocks, "allocate", allocate)

    layers = [{"type": "Convolution1D", "nb_filter": 32, "filter_length": 3, "border_mode": "same"},
              {"type": "MaxPooling1D"}] * 3  # fmt: skip
    model = build(layers, [2048, 8])
    x = np.ones((16, 2048, 8), np.float32)
    for batch_size in (1, 4, 16):
        compiled = model.compile(batch_size=batch_size, threads=1)
        compiled.run(x[:1])
        compiled = model.compile(batch_size=batch_size, threads=1)
        out = np.empty(compiled.output_shapes(16)[0], np.float32)
        taken.clear()
        tracemalloc.start()
        try:
            compiled.run(x, out=out)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        arena = 4 * (batch_size * compiled.plan.arena_elements + compiled.plan.scratch_elements)
        assert arena == sum(taken)
        # What is large lies outside of what Python counts.
        peak += sum(size for size in taken if size >= memory.LARGE_PAGE)
        assert arena <= peak <= arena + 64 * 1024
        assert peak <= compiled.plan.peak_bytes(batch_size)


def test_a_plan_needs_known_lengths():
    with pytest.raises(SpecError) as caught:
        build([LAYERS[0]], [None, 2]).plan()
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "CS052"
    assert diagnostic.message == "the input (T, 2) has open lengths"
    assert build([LAYERS[0]], [None, 2]).plan([5, 2]).inputs[0][1] == (5, 2)


def test_a_tap_that_is_no_layer_is_the_users_mistake():
    """A name from a command line or a call: never an assertion."""
    with pytest.raises(SpecError):
        build([LAYERS[0]], [4, 2]).plan(layers=["no_such_layer"])


def test_a_plan_of_many_layers_is_made_quickly():
    """Twice the layers take little more than twice the work."""
    steps = []

    def plan(count):
        layers = [LAYERS[i % 6] for i in range(count) if i % 6 != 3]
        steps.append(len(make_plan(optimize(build(layers, [2000, 2]).graph), cpu_kernels).steps))

    assert growth(plan, 200) < 2.5
    assert max(steps) > 200


def test_weights_of_a_plan_are_as_they_are_packed():
    """Winograd's F(4x4, 3x3) keeps 36 values for 9, and the 9; a shared layer's are there once."""
    conv = {"type": "Convolution2D", "nb_row": 3, "nb_col": 3, "border_mode": "same"}
    layers = [
        {**conv, "nb_filter": 64, "name": "c", "bias": False},
        {"type": "Shared", "layer": "c", "name": "again"},
    ]
    graph = optimize(build(layers, [112, 112, 64]).graph)
    stored = 4 * 9 * 64 * 64
    precise, fast = make_plan(graph, cpu_kernels), make_plan(graph, cpu_kernels, fast=True)
    assert [step.kernel for step in fast.steps] == ["winograd", "winograd"]
    assert (precise.stored_bytes, precise.weight_bytes) == (stored, stored)
    assert (fast.stored_bytes, fast.weight_bytes) == (stored, 5 * stored)


def test_memory_that_there_is_not():
    """However the system says it: the command tells its user what to make smaller."""
    with pytest.raises(MemoryError):
        memory.allocate(1 << 60)
