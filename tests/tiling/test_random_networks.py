"""Tiles have the bits of the whole, over random networks.

A few dozen networks here, thousands with ``pytest -m slow``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from speccompiler.diagnostics.core import SpecError
from tests.tiling.random_networks import Network, networks

T = TypeVar("T")


def few(count: int) -> Any:
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much,
                               HealthCheck.data_too_large, HealthCheck.large_base_example],
    )  # fmt: skip


def where_it_can_be_cut(action: Callable[[], T]) -> T | None:
    """None where a layer needs an axis as a whole, which may not be cut then."""
    try:
        return action()
    except SpecError as refused:
        codes = [finding.code for finding in refused.diagnostics]
    assert codes == ["CS180"]
    return None


def in_tiles(network: Network, target: str, math: Any) -> None:
    """Every output and tap, tile by tile, where the tiles' boxes cover each just once."""
    compiled = network.model().compile(target, math=math, layers=network.layers, threads=2)
    arrays = network.arrays()
    whole = compiled.run_all(dict(zip(compiled.input_names, arrays, strict=True)))
    tiled = where_it_can_be_cut(lambda: compiled.tiled(network.tile))
    if tiled is None:
        return
    written = [np.zeros(y.shape, np.int64) for y in whole.values()]
    for number, tile in enumerate(tiled.tiles):
        boxes = [tuple(slice(*span) for span in ((0, 2), *box)) for box in tile.outputs]
        parts = [
            np.ascontiguousarray(x[tuple(slice(*span) for span in ((0, 2), *box))])
            for x, box in zip(arrays, tile.inputs, strict=True)
        ]
        made = [np.full(y[box].shape, np.nan, np.float32)
                for y, box in zip(whole.values(), boxes, strict=True)]  # fmt: skip
        tiled.run_tile(number, parts, made)
        for (name, y), count, box, values, steps in zip(
            whole.items(), written, boxes, made, tiled.steps, strict=True
        ):
            assert np.array_equal(values, y[box]), f"{name}, tile {number} of {tiled.grid}"
            count[box] += 1
            for span, step in zip(box[1:], steps, strict=True):
                assert span.start % step == 0
                assert span.stop - span.start <= step
    assert all((count == 1).all() for count in written)


def agrees(network: Network) -> None:
    """With the whole on both targets, and with the float64 reference within its bounds."""
    for target, math in (("cpu", "precise"), ("cpu", "fast"), ("reference", "precise")):
        in_tiles(network, target, math)


@few(30)
@given(network=networks())
def test_chains_in_tiles_have_the_bits_of_the_whole(network: Network) -> None:
    agrees(network)


@few(30)
@given(network=networks(branches=True))
def test_branches_in_tiles_have_the_bits_of_the_whole(network: Network) -> None:
    agrees(network)


@few(10)
@given(network=networks(branches=True))
def test_tiles_are_close_to_the_float64_reference(network: Network) -> None:
    model = network.model()
    arrays = dict(zip(model.input_names, network.arrays(), strict=True))
    judge = model.compile("reference").run(arrays)
    y = where_it_can_be_cut(lambda: model.compile("cpu").run_tiled(arrays, network.tile))
    if y is None:
        return
    assert np.abs(y - judge).max() <= 5e-5 * max(1.0, float(np.abs(judge).max()))


@pytest.mark.slow
@few(2000)
@given(network=networks())
def test_chains_at_length(network: Network) -> None:
    agrees(network)


@pytest.mark.slow
@few(2000)
@given(network=networks(branches=True))
def test_branches_at_length(network: Network) -> None:
    agrees(network)
