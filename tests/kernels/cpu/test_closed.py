"""No model needs a text outside the library, whatever its layers and their sizes.

Only an activation that a user wrote as an expression is a text of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.dims import is_known
from speccompiler.kernels.cpu import table
from speccompiler.kernels.cpu.kernel import WIDTHS, Wanted
from speccompiler.kernels.cpu.library import library
from speccompiler.kernels.cpu.runtime.step_functions import texts_of
from speccompiler.model import load
from speccompiler.passes import optimize
from speccompiler.planning.plan import make_plan
from tests.cases import ROWS, build, variant_layers
from tests.places import ROOT

EXAMPLES = sorted((ROOT / "examples" / "specs").glob("*.yaml"))
MODELS, MOST_LAYERS = 400, 6
ACTIVATIONS = ("linear", "relu", "elu", "softplus", "softsign", "tanh", "sigmoid", "hard_sigmoid")


@cache
def listed(lanes: int) -> frozenset[tuple[str, str]]:
    return frozenset(library(lanes))


def unlisted(graph: Any) -> Iterator[str]:
    """Kernels whose texts are not in the library, on any vector width and way to round."""
    if any(not is_known(n) for node in graph for n in node.shape):
        return  # a plan needs every length
    optimized = optimize(graph)
    for fast in (False, True):
        plan = make_plan(optimized, table, fast=fast)
        for step in plan.steps:
            kernel = table.kernel_of(step.candidate)
            added = None if step.candidate is None else step.candidate.added
            for lanes in WIDTHS:
                wanted = Wanted(step.node, step.source_shape, lanes, added)
                used = [(kernel.name, kernel.text(wanted))]
                used += texts_of(kernel.functions(wanted), lanes)
                for name, text in used:
                    if (name, text) not in listed(lanes):
                        yield f"{name} of {step.node.layer} with {lanes} lanes"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    found = list(unlisted(load(path).graph))
    assert all(name.startswith("activation") for name in found), found
    assert not found or "expr" in path.read_text(encoding="utf-8"), found


def test_every_row_of_the_case_table() -> None:
    found = {}
    for case, variant in ROWS:
        if "expr" in repr(case.arguments) or (variant and "expr" in repr(variant.value)):
            continue
        layers, shape = variant_layers(case, variant)
        found[case.layer, str(variant)] = sorted(set(unlisted(build(layers, shape).graph)))
    assert not {row: texts for row, texts in found.items() if texts}


def some_layer(rng: random.Random, rank: int) -> Mapping[str, Any]:
    """A layer with sizes, strides and more drawn from wide ranges."""
    sizes = {
        1: ("filter_length",),
        2: ("nb_row", "nb_col"),
        3: ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
    }[rank]
    window = [rng.choice((1, 2, 3, 4, 5, 7)) for _ in range(rank)]
    stride = [rng.choice((1, 1, 2, 3)) for _ in range(rank)]
    border = rng.choice(("valid", "same"))
    activation = rng.choice(ACTIVATIONS)
    one = rank == 1
    other = other_layers(rng, rank, window, activation)
    match rng.choice(("conv", "conv", "pool", "pool", "up", "pad", "crop", "other", "other")):
        case "other":
            return rng.choice(other)
        case "crop":
            cut = [rng.randint(0, 2) for _ in range(2 * rank)]
            pairs = [[a, b] for a, b in zip(cut[::2], cut[1::2], strict=True)]
            return {"type": f"Cropping{rank}D", "cropping": pairs[0] if one else pairs}
        case "conv":
            return {
                "type": f"Convolution{rank}D",
                "nb_filter": rng.choice((1, 3, 8, 17, 32, 40, 64, 100)),
                "border_mode": border,
                "activation": activation,
                "subsample_length" if one else "subsample": stride[0] if one else stride,
                **dict(zip(sizes, window, strict=True)),
            }
        case "pool":
            size, step = ("pool_length", "stride") if one else ("pool_size", "strides")
            return {
                "type": f"{rng.choice(('Max', 'Average'))}Pooling{rank}D",
                size: window[0] if one else window,
                step: stride[0] if one else stride,
                "border_mode": border,
            }
        case "up":
            factors = [rng.randint(1, 3) for _ in range(rank)]
            name = "length" if one else "size"
            return {"type": f"UpSampling{rank}D", name: factors[0] if one else factors}
        case _:
            amounts = [rng.randint(0, 3) for _ in range(rank)]
            given = amounts[0] if one else amounts
            return {"type": f"ZeroPadding{rank}D", "padding": given}


def other_layers(
    rng: random.Random, rank: int, window: list[int], activation: str
) -> list[Mapping[str, Any]]:
    """One of each further type that goes on with an image of this rank."""
    number = rng.choice((0.1, 0.3, -0.5, 2))
    found: list[Mapping[str, Any]] = [
        {"type": "BatchNormalization"},
        {"type": "Activation", "activation": rng.choice((activation, "softmax"))},
        {"type": "LeakyReLU", "alpha": number},
        {"type": "ELU", "alpha": abs(number)},
        {"type": "ThresholdedReLU", "theta": abs(number)},
        *({"type": kind} for kind in ("PReLU", "ParametricSoftplus", "SReLU", "GaussianNoise")),
        {"type": "Dropout", "p": 0.5},
        {"type": "Permute", "dims": rng.sample(range(1, rank + 2), rank + 1)},
    ]
    filters, kernel = rng.choice((3, 16, 40)), {"nb_row": window[0], "nb_col": window[-1]}
    if rank == 1:
        one = {"nb_filter": filters, "filter_length": window[0], "activation": activation}
        found += [
            {"type": "AtrousConvolution1D", "atrous_rate": rng.randint(1, 4), **one},
            {"type": "LocallyConnected1D", **one},
            {"type": "Masking"},
            {"type": "TimeDistributed", "layer": {"type": "Dense", "output_dim": filters}},
        ]
    if rank == 2:
        two = {"nb_filter": filters, "activation": activation, **kernel}
        rate = [rng.randint(1, 3), rng.randint(1, 3)]
        found += [
            {"type": "AtrousConvolution2D", "atrous_rate": rate, **two},
            {"type": "SeparableConvolution2D", "depth_multiplier": rng.randint(1, 2), **two},
            {"type": "LocallyConnected2D", **two},
            {"type": "LRN2D", "n": rng.choice((3, 5)), "beta": rng.choice((0.5, 0.6, 0.75, 2))},
        ]
    return found


def some_ends(rng: random.Random, rank: int) -> list[Mapping[str, Any]]:
    """What ends a model, or nothing."""
    size, activation = rng.randint(1, 300), rng.choice(ACTIVATIONS)
    flat: Mapping[str, Any] = {"type": "Flatten"}
    pooled = {"type": f"Global{rng.choice(('Max', 'Average'))}Pooling{rank}D"}
    after: list[Mapping[str, Any]] = [
        {"type": "Dense", "output_dim": size, "activation": activation},
        {"type": "Highway", "activation": activation},
        {"type": "MaxoutDense", "output_dim": size, "nb_feature": rng.randint(2, 5)},
        {"type": "RepeatVector", "n": rng.randint(1, 5)},
    ]
    ends: list[list[Mapping[str, Any]]] = [[], [], [flat, rng.choice(after)]]
    ends.append([pooled, rng.choice(after)])
    if rank == 1:
        cell = {"type": rng.choice(("SimpleRNN", "GRU", "LSTM")), "activation": activation}
        ends += [[{"type": "Masking"}, {**cell, "output_dim": size}]] * 2
    if rank == 3:
        kernel = {"nb_row": rng.choice((1, 3)), "nb_col": 3, "border_mode": "same"}
        ends += [[{"type": "ConvLSTM2D", "nb_filter": size % 40 + 1, **kernel}]] * 2
    return rng.choice(ends)


def test_random_models() -> None:
    rng = random.Random(12)
    checked, seen = 0, set[str]()
    while checked < MODELS:
        rank = rng.choice((1, 2, 2, 3))
        lengths = [rng.randint(6, {1: 300, 2: 70, 3: 20}[rank]) for _ in range(rank)]
        shape = [*lengths, rng.choice((1, 2, 3, 5, 16, 24, 64, 130))]
        header: dict[str, Any] = {}
        if rank > 1 and rng.random() < 0.4:
            header["dim_ordering"] = "th"
            shape = [shape[-1], *lengths]
        layers = [some_layer(rng, rank) for _ in range(rng.randint(1, MOST_LAYERS))]
        layers += some_ends(rng, rank)
        header["semantics"] = rng.choice(("tensorflow", "theano"))
        try:
            model = build(layers, shape, **header)
        except SpecError:
            continue  # windows that are larger than what is left
        assert sorted(set(unlisted(model.graph))) == [], (shape, header, layers)
        checked += 1
        seen.update(str(layer["type"]) for layer in layers)
    assert len(seen) >= 40
