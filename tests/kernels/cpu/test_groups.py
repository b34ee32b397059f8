"""Convolutions by groups of channels, and those of single channels, against the reference."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph import ir
from speccompiler.kernels.cpu import convolution
from tests.kernels.graphs import (
    assert_near,
    graph,
    inputs_of,
    judge,
    on_cpu,
    plan_of,
    tensor,
    weights_of,
)

ENDINGS = [None, ACTIVATIONS["relu"], parse("clip(x, 0, 1.5)"), ACTIVATIONS["tanh"]]


def windows(pick: random.Random, rank: int) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Kernel, stride, padding and dilation, and lengths that they fit into."""
    kernel = tuple(pick.choice([1, 1, 2, 3, 3, 5, 7]) for _ in range(rank))
    dilation = tuple(pick.choice([1, 1, 2, 3]) for _ in range(rank)) if pick.random() < 0.5 else ()
    reach = ir.extent_of(kernel, dilation)
    padding = tuple((pick.randint(-1, n), pick.randint(-1, n)) for n in reach)
    lengths = tuple(
        max(pick.choice([1, 4, 7, 9, 14]), n - b - a, 3)
        for n, (b, a) in zip(reach, padding, strict=True)
    )
    stride = tuple(pick.choice([1, 1, 2, 3]) for _ in range(rank))
    given = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return given, lengths


def random_conv(pick: random.Random) -> ir.Graph:
    rank = pick.choice([0, 1, 2, 2, 3])
    given, lengths = windows(pick, rank)
    groups = pick.choice([2, 3, 4, 8])
    channels, filters = (pick.choice([1, 2, 3, 8, 16, 17, 33]) for _ in range(2))
    repeats = tuple(pick.choice([1, 2]) for _ in range(rank)) if pick.random() < 0.2 else ()
    many = groups * filters
    op = ir.Conv(
        **given,
        weight=tensor("c", "W", *given["kernel"], channels, many),
        bias=tensor("c", "b", many) if pick.random() < 0.6 else None,
        activation=pick.choice(ENDINGS),
        repeats=repeats,
        groups=groups,
    )
    if rank and pick.random() < 0.3:  # channels first, which the kernel turns by itself
        return graph(
            [(groups * channels, *lengths)],
            ("t", ir.Transpose((*range(1, rank + 1), 0))),
            ("c", op),
            ("f", ir.Transpose((rank, *range(rank)))),
        )
    return graph([(*lengths, groups * channels)], ("c", op))


def random_depthwise(pick: random.Random) -> ir.Graph:
    given, lengths = windows(pick, pick.choice([1, 2, 2, 3]))
    channels, times = pick.choice([1, 2, 3, 4, 5, 8, 16, 17, 33, 70]), pick.choice([1, 1, 2])
    op = ir.Depthwise(
        **given,
        weight=tensor("c", "W", *given["kernel"], times, channels),
        bias=tensor("c", "b", times * channels) if pick.random() < 0.6 else None,
        activation=pick.choice(ENDINGS),
    )
    return graph([(*lengths, channels)], ("c", op))


def agrees(made: ir.Graph, seed: int) -> None:
    """With the reference; a sample by itself, on one thread, has the same bits."""
    xs, weights = inputs_of(made, batch=3), weights_of(made, seed)
    y, right = on_cpu(made, xs, weights), judge(made, xs, weights)
    assert np.abs(y - right).max() <= 2e-5 * max(0.1, np.abs(right).max()), made
    assert np.isfinite(y).all(), made
    alone = [on_cpu(made, [x[i : i + 1] for x in xs], weights, threads=1) for i in range(3)]
    assert np.array_equal(np.concatenate(alone), y), made


@pytest.mark.parametrize("size", [0, convolution.SMALL], ids=["tiles", "small"])
def test_random_groups(size: int, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "SMALL", size)
    for seed in range(15):
        agrees(random_conv(random.Random(100 * lanes + seed)), seed)


def test_random_windows_of_single_channels(lanes: int) -> None:
    for seed in range(30):
        agrees(random_depthwise(random.Random(100 * lanes + seed)), seed)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5, 7])
def test_edges_are_done_with_the_rest(size: int, stride: int, lanes: int) -> None:
    """Rows of every length, with every padding that leaves half a window or less outside."""
    channels = 2 * lanes + 3
    weight = tensor("c", "W", 1, size, 1, channels)
    for width in (*range(1, 20), 33):
        for before in range(size // 2 + 1):
            sides = ((0, 0), (before, size // 2))
            if width + before + size // 2 < size:
                continue
            op = ir.Depthwise((1, size), (1, stride), sides, weight)
            made = graph([(2, width, channels)], ("c", op))
            xs, weights = inputs_of(made, batch=1), weights_of(made)
            assert_near(on_cpu(made, xs, weights), judge(made, xs, weights))


@pytest.mark.parametrize("stride", [1, 2])
def test_windows_slide_down_strips(stride: int, lanes: int) -> None:
    """Images of many heights and widths, with every side in the data, at its edge or cropped."""
    pick = random.Random(10 * lanes + stride)
    shapes = [(pick.randint(3, 33), pick.randint(4, 24)) for _ in range(12)]
    for height, width in [(3, 4), (7, 7), (14, 14), *shapes]:
        lengths = [(count - 1) * stride + 3 for count in (height, width)]
        padding = tuple((pick.randint(-1, 1), pick.randint(-1, 1)) for _ in lengths)
        channels = pick.choice([16, 2 * lanes + 3, 160, 512])
        op = ir.Depthwise(
            kernel=(3, 3),
            stride=(stride, stride),
            padding=padding,
            weight=tensor("c", "W", 3, 3, pick.choice([1, 1, 2]), channels),
            activation=pick.choice(ENDINGS),
        )
        inside = [n - b - a for n, (b, a) in zip(lengths, padding, strict=True)]
        made = graph([(*inside, channels)], ("c", op))
        (candidate,) = [step.candidate for step in plan_of(made).steps]
        assert candidate is not None
        node = made.by_name()["c"]
        geometry = candidate.geometry(node, (*inside, channels))
        assert geometry.slides == (stride > 1 or channels < 512)  # type: ignore[attr-defined]
        agrees(made, height)


def test_a_long_window_of_single_channels_is_exact(lanes: int) -> None:
    """A bias, then chains that are carried on, with a dilation."""
    weight, bias = tensor("c", "W", 700, 1, 19), tensor("c", "b", 19)
    op = ir.Depthwise((700,), (1,), ((300, 100),), weight, (2,), bias)
    made = graph([(1500, 19)], ("c", op))
    xs, weights = [np.ones((1, 1500, 19), np.float32)], weights_of(made)
    weights["c", "W"] = np.full((700, 1, 19), 0.1, np.float32)
    assert_near(on_cpu(made, xs, weights), judge(made, xs, weights), 5e-6)


def test_relus_with_a_largest_value_keep_what_is_not_finite(lanes: int) -> None:
    """In registers, of a sum and of a window: NaN stays, infinities go to the ends."""
    x = np.array([np.nan, np.inf, -np.inf, -1, 3, 7, 6, -0.0], np.float32).reshape(1, 8, 1)
    right = np.array([np.nan, 6, 0, 0, 3, 6, 6, 0], np.float32)
    for text in ("clip(x, 0, 6)", "min(max(x, 0), 6)", "min(6, max(0, x))"):
        for channels in (1, 5, 40):
            spread = graph(
                [(8, 1)],
                ("c", ir.Conv((1,), (1,), ((0, 0),), tensor("c", "W", 1, 1, channels), None)),
                ("m", ir.Map(parse(text))),
            )
            ones = weights_of(spread)
            ones["c", "W"] = np.ones((1, 1, channels), np.float32)
            y = on_cpu(spread, [x], ones)
            assert np.array_equal(y[0], np.tile(right[:, None], channels), equal_nan=True)
            alone = graph(
                [(8, channels)],
                ("c", ir.Depthwise((1,), (1,), ((0, 0),), tensor("c", "W", 1, 1, channels))),
                ("m", ir.Map(parse(text))),
            )
            ones["c", "W"] = np.ones((1, 1, channels), np.float32)
            y = on_cpu(alone, [np.tile(x, channels)], ones)
            assert np.array_equal(y[0], np.tile(right[:, None], channels), equal_nan=True)


def test_an_undefined_weight_spoils_its_filter_alone() -> None:
    """Beside padding too: a NaN times a zero is NaN."""
    op = ir.Conv((3,), (1,), ((1, 1),), tensor("c", "W", 3, 16, 32), None, groups=2)
    made = graph([(40, 32)], ("c", op))
    weights = weights_of(made)
    weights["c", "W"][0, 5, 20] = np.nan
    y = on_cpu(made, inputs_of(made), weights)
    assert np.isnan(y[..., 20]).all()
    assert not np.isnan(np.delete(y, 20, -1)).any()


def test_which_kernels_take_groups() -> None:
    """Neither the tiles of Winograd nor the product of whole matrices; a group may be a channel."""

    def kernels(channels: int, filters: int, groups: int, size: int) -> list[str]:
        weight = tensor("c", "W", size, size, channels, groups * filters)
        sides = ((size // 2, size // 2),) * 2
        op = ir.Conv((size, size), (1, 1), sides, weight, None, groups=groups)
        made = graph([(28, 28, groups * channels)], ("c", op))
        return [step.kernel for step in plan_of(made).steps]

    assert kernels(32, 32, 2, 3) == ["conv"]
    assert kernels(64, 64, 1, 3) == ["winograd"]
    assert kernels(32, 32, 2, 1) == ["conv"]
    assert kernels(32, 32, 1, 1) == ["matmul"]
    assert kernels(1, 1, 64, 3) == ["depthwise"]
    assert kernels(1, 2, 64, 3) == ["depthwise", "transpose"]
