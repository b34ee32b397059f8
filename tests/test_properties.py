"""Random geometry: both targets, both graphs, every split, and inference against reality.

Each property runs on a few dozen examples, and on thousands with ``pytest -m slow``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.graph.dims import evaluate, symbols
from speccompiler.graph.ir import Conv
from speccompiler.graph.shapes import format_shape
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.model import Model, check
from speccompiler.passes import optimize
from speccompiler.source.texts import parse_document
from speccompiler.weights.operands import operand
from tests.cases import spec, tapped

TOLERANCE = 1e-5
EXPRESSIONS = ("x * sigmoid(x)", "where(x > 0, x, 0.1 * x)", "clip(x, -1, 2) + 0.5 * abs(x)")
ACTIVATIONS: list[Any] = [
    "linear", "relu", "elu", "softplus", "softsign", "tanh", "sigmoid", "hard_sigmoid",
    *({"expr": text} for text in EXPRESSIONS),
]  # fmt: skip
FEW_ACTIVATIONS: list[Any] = ["linear", {"expr": EXPRESSIONS[0]}]
"""Of convolutions: each is compiled into a kernel of its own, and so are channel counts."""
CHANNELS = st.sampled_from([1, 2, 3, 4, 5, 8, 17, 20])
FEW_CHANNELS = st.sampled_from([3, 17])
SEMANTICS: list[Any] = [
    "tensorflow",
    "theano",
    {"profile": "theano", "kernel": "correlate"},
    {"profile": "tensorflow", "padding": "theano"},
]

Layer = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """A model over random weights, and a batch for it."""

    layers: list[Layer]
    input_shape: tuple[int, ...]
    ordering: str
    """Of the input: where its channels are."""
    semantics: Any
    batch: int
    seed: int

    @property
    def array(self) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        return rng.uniform(-1, 1, (self.batch, *self.input_shape)).astype(np.float32)

    def model(self, input_shape: Any = None, weights: Any = None) -> Model | None:
        """None where the layers do not fit; only that may be wrong with them."""
        text = spec(self.layers, input_shape or self.input_shape, semantics=self.semantics, seed=1)
        model, found = check(parse_document(text, "t.json"), weights=weights)
        assert model is not None or errors(found) == {"CS044"}, found
        return model

    def with_weights(self, folder: Any) -> Model:
        """Every tensor random, biases too, from a file."""
        model = self.model()
        assert model is not None
        rng = np.random.default_rng(self.seed + 1)
        tensors = {
            f"{w.layer}/{w.tensor}": rng.uniform(-1, 1, w.stored_shape).astype(np.float32)
            for w in model.graph.weights()
        }
        if not tensors:
            return model
        path = folder / "weights.npz"
        np.savez(path, **tensors)
        loaded = self.model(weights=path)
        assert loaded is not None
        return loaded


def sizes(rank: int, low: int, high: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high), min_size=rank, max_size=rank)


KERNELS = {1: ["filter_length"], 2: ["nb_row", "nb_col"],
           3: ["kernel_dim1", "kernel_dim2", "kernel_dim3"]}  # fmt: skip


@st.composite
def convolutions(draw: Any, rank: int, wide: bool) -> Layer:
    kernel = draw(sizes(rank, 1, 4 if rank == 3 else 5))
    stride = draw(sizes(rank, 1, 4))
    return {
        "type": f"Convolution{rank}D",
        "nb_filter": draw(CHANNELS if wide else FEW_CHANNELS),
        **dict(zip(KERNELS[rank], kernel, strict=True)),
        **({"subsample_length": stride[0]} if rank == 1 else {"subsample": stride}),
        "border_mode": draw(st.sampled_from(["valid", "same", "full"])),
        "bias": draw(st.booleans()),
        "activation": draw(st.sampled_from(ACTIVATIONS if wide else FEW_ACTIVATIONS)),
    }


@st.composite
def pools(draw: Any, rank: int) -> Layer:
    window = draw(sizes(rank, 1, 5))
    stride = draw(st.one_of(st.none(), sizes(rank, 1, 4)))
    layer = {
        "type": draw(st.sampled_from(["Max", "Average"])) + f"Pooling{rank}D",
        "border_mode": draw(st.sampled_from(["valid", "same"])),
    }
    if rank == 1:
        return layer | {"pool_length": window[0], "stride": stride[0] if stride else None}
    return layer | {"pool_size": window, "strides": stride}


@st.composite
def resizings(draw: Any, rank: int) -> Layer:
    kind = draw(st.sampled_from(["UpSampling", "ZeroPadding", "Cropping"]))
    if kind == "Cropping":
        cut = [draw(sizes(2, 0, 3)) for _ in range(rank)]
        own = {"cropping": cut[0] if rank == 1 else cut}
    elif kind == "UpSampling":
        factors = draw(sizes(rank, 1, 3))
        own = {"length": factors[0]} if rank == 1 else {"size": factors}
    else:
        count = {1: 2, 2: draw(st.sampled_from([2, 4])), 3: 3}[rank]
        own = {"padding": draw(sizes(count, 0, 3))}
    return {"type": f"{kind}{rank}D", **own}


@st.composite
def elementwise(draw: Any, rank: int) -> Layer:
    if draw(st.booleans()):
        return {"type": "Dropout", "p": 0.5}
    # softmax only where Keras allows it: rank 3 with the batch axis.
    known = [*ACTIVATIONS, "softmax"] if rank == 1 else ACTIVATIONS
    return {"type": "Activation", "activation": draw(st.sampled_from(known))}


def layer_strategy(rank: int, wide: bool) -> st.SearchStrategy[Layer]:
    return st.one_of(convolutions(rank, wide), pools(rank), resizings(rank), elementwise(rank))


@st.composite
def examples(draw: Any, min_layers: int = 1, max_layers: int = 1, wide: bool = False) -> Example:
    """A chain over random geometry; layers that do not fit are left out.

    ``wide`` draws from all channel counts and activations, at the cost of compiling them.
    """
    rank = draw(st.integers(1, 3))
    spatial = draw(sizes(rank, 1, {1: 9, 2: 9, 3: 6}[rank]))
    ordering = "tf" if rank == 1 else draw(st.sampled_from(["th", "tf"]))
    channels = draw(CHANNELS if wide else FEW_CHANNELS)
    shape = (channels, *spatial) if ordering == "th" else (*spatial, channels)
    semantics = draw(st.sampled_from(SEMANTICS))
    layer = layer_strategy(rank, wide)
    wanted = draw(st.lists(layer, min_size=min_layers, max_size=max_layers))
    layers: list[Layer] = []
    batch, seed = draw(st.integers(1, 5)), draw(st.integers(0, 2**32 - 1))
    for layer in wanted:
        if rank > 1 and layer["type"] not in {"Dropout", "Activation"}:
            # Now and then the other one: legal, and a real transpose in between.
            other = {"th": "tf", "tf": "th"}[ordering]
            said = other if draw(st.integers(0, 5)) == 5 else ordering
            layer = layer | {"dim_ordering": said}
        trial = Example([*layers, layer], shape, ordering, semantics, batch, seed)
        model = trial.model()
        if model is not None and values(model) < 30_000:
            layers = trial.layers
    assume(layers)
    if max_layers > 1 and draw(st.booleans()):
        layers = [*layers, {"type": "Flatten"}, {"type": "Dense", "output_dim": 3}]
    return Example(layers, shape, ordering, semantics, batch, seed)


def errors(found: Iterable[Diagnostic]) -> set[str]:
    return {d.code for d in found if d.severity is Severity.ERROR}


def values(model: Model) -> int:
    """Of the largest value of one sample."""
    return max(math.prod(map(int, node.shape)) for node in model.graph)


def assert_close(y: np.ndarray, judge: np.ndarray) -> None:
    assert y.shape == judge.shape
    error = float(np.abs(y - judge).max(initial=0))
    # Inputs and weights are of the order of 1: so is the rounding of what cancels out.
    assert error <= TOLERANCE * max(1.0, float(np.abs(judge).max(initial=0))), error


def agrees(example: Example, folder: Any) -> None:
    """Both targets give the same numbers, in the shape that was inferred."""
    model = example.with_weights(folder)
    judge = model.compile("reference").run(example.array)
    assert judge.shape == (example.batch, *model.graph.by_name()[model.graph.outputs[0]].shape)
    assert np.isfinite(judge).all()
    assert_close(model.compile("cpu", threads=2).run(example.array), judge)


def same_bits(example: Example, folder: Any) -> None:
    """Neither the batch split nor the thread count changes a bit."""
    model = example.with_weights(folder)
    x = example.array
    whole = model.compile("cpu", threads=1, batch_size=example.batch).run(x)
    for threads, batch_size in ((3, example.batch), (2, 1), (1, 2), (8, 3)):
        again = model.compile("cpu", threads=threads, batch_size=batch_size).run(x)
        assert np.array_equal(again, whole), f"{threads} threads, batches of {batch_size}"
    judge = model.compile("reference", batch_size=example.batch).run(x)
    assert np.array_equal(model.compile("reference", batch_size=1).run(x), judge)


def passes_keep_the_numbers(example: Example, folder: Any) -> None:
    """The optimised graph, on the reference, equals the graph as lowered; so do all taps."""
    model = example.with_weights(folder)
    layers = [str(layer.name) for layer in model.spec.layers]
    taps = layers[:: 1 + example.seed % 3]
    graph = tapped(model, taps)
    stored = model.weight_sources.read()
    weights = {w: operand(w, a.astype(np.float64)) for w, a in stored.items()}
    before = run_reference(graph, weights, example.array)
    after = run_reference(optimize(graph), weights, example.array)
    assert list(before) == list(after) == list(graph.outputs)
    for name, judge in before.items():
        assert after[name].shape == judge.shape
        np.testing.assert_allclose(after[name], judge, rtol=1e-12, atol=1e-12)
    compiled = model.compile("cpu", layers=taps)
    for name, y in compiled.run_all(example.array).items():
        assert_close(y, before[name].astype(np.float32))


def symbols_evaluate(example: Example, open_axes: list[bool]) -> None:
    """Inference over names, evaluated at the real lengths, equals inference over numbers."""
    concrete = example.model()
    assert concrete is not None
    channel = 0 if example.ordering == "th" else len(example.input_shape) - 1
    declared: list[int | None] = list(example.input_shape)
    for axis, is_open in zip(range(len(declared)), open_axes, strict=False):
        if is_open and axis != channel:
            declared[axis] = None
    # An axis that holds channels to a later layer of the other ordering has to be a number.
    text = spec(example.layers, declared, semantics=example.semantics, seed=1)
    model, found = check(parse_document(text, "t.json"))
    if model is None:
        assert errors(found) <= {"CS045", "CS033"}, found
        return
    names: dict[str, int] = {}
    for dim, length in zip(model.graph.nodes[0].shape, example.input_shape, strict=True):
        for name in symbols(dim):
            names[name] = length
    shapes = {node.name: node.shape for node in concrete.graph}
    assert set(shapes) == {node.name for node in model.graph}
    assert model.spec.semantics is not None
    rules = Semantics.of(model.spec.semantics)
    assert lower(model.spec, rules, [example.input_shape]).graph == concrete.graph
    for node in model.graph:
        assert tuple(evaluate(d, names) for d in node.shape) == shapes[node.name], (
            format_shape(node.shape), names,
        )  # fmt: skip
        if isinstance(node.op, Conv):
            real = concrete.graph.by_name()[node.name].op
            assert isinstance(real, Conv)
            # What lies beyond the last window is cut off by the shape; where the first one
            # starts is what counts.
            starts = [evaluate(before, names) for before, _ in node.op.padding]
            assert starts == [before for before, _ in real.padding]


def few(count: int) -> Callable[[Any], Any]:
    """Hypothesis settings for a property that runs models."""
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much,
                               HealthCheck.function_scoped_fixture],
    )  # fmt: skip


SINGLE = examples()
CHAIN = examples(min_layers=2, max_layers=5)
WIDE_SINGLE = examples(wide=True)
WIDE_CHAIN = examples(min_layers=2, max_layers=5, wide=True)
OPEN = st.lists(st.booleans(), min_size=4, max_size=4)


@few(150)
@given(example=SINGLE)
def test_single_layers_agree(example, tmp_path):
    agrees(example, tmp_path)


@few(60)
@given(example=CHAIN)
def test_chains_agree(example, tmp_path):
    agrees(example, tmp_path)


@few(60)
@given(example=CHAIN)
def test_bits_do_not_depend_on_the_split(example, tmp_path):
    same_bits(example, tmp_path)


@few(100)
@given(example=CHAIN)
def test_passes_keep_the_numbers(example, tmp_path):
    passes_keep_the_numbers(example, tmp_path)


@few(150)
@given(example=CHAIN, open_axes=OPEN)
def test_symbolic_shapes_evaluate_to_the_real_ones(example, open_axes):
    symbols_evaluate(example, open_axes)


@pytest.mark.slow
@few(3000)
@given(example=WIDE_SINGLE)
def test_single_layers_agree_at_length(example, tmp_path):
    agrees(example, tmp_path)


@pytest.mark.slow
@few(3000)
@given(example=WIDE_CHAIN)
def test_chains_agree_at_length(example, tmp_path):
    agrees(example, tmp_path)


@pytest.mark.slow
@few(3000)
@given(example=WIDE_CHAIN)
def test_bits_do_not_depend_on_the_split_at_length(example, tmp_path):
    same_bits(example, tmp_path)


@pytest.mark.slow
@few(3000)
@given(example=WIDE_CHAIN)
def test_passes_keep_the_numbers_at_length(example, tmp_path):
    passes_keep_the_numbers(example, tmp_path)


@pytest.mark.slow
@few(3000)
@given(example=WIDE_CHAIN, open_axes=OPEN)
def test_symbolic_shapes_evaluate_to_the_real_ones_at_length(example, open_axes):
    symbols_evaluate(example, open_axes)
