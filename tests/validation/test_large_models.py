"""Models of ten thousand layers: every way to write them is read, and the work grows as they do.

What it takes on the clock is measured by ``python -m benchmarks --part review``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import speccompiler
from benchmarks.review_specs import WAYS, Layer, branches, chain, flow_yaml
from speccompiler.diagnostics.core import SpecError
from speccompiler.model import Model
from tests.counting import growth

CHAINS = {"chain": chain, "branches": branches}


def channels_first(layers: list[Layer]) -> str:
    """The same layers under Theano's ordering: every one stands between transposes."""
    text = flow_yaml(layers).replace('dim_ordering: "tf"', 'dim_ordering: "th"')
    return text.replace("[32, 32, 3]", "[3, 32, 32]").replace("axis: -1", "axis: 1")


TEXTS: dict[str, Callable[[list[Layer]], str]] = {
    **{way: text for way, (_, text) in WAYS.items()},
    "channels first": channels_first,
}


def load(text: str, **options: Any) -> Model:
    return speccompiler.loads(text, semantics="tensorflow", **options)


@pytest.mark.parametrize("way", TEXTS)
@pytest.mark.parametrize("name", CHAINS)
def test_the_work_grows_as_the_model_does(name: str, way: str) -> None:
    texts = {size: TEXTS[way](CHAINS[name](size)) for size in (60, 120)}
    assert growth(lambda size: load(texts[size]).shapes().text(), 60) < 2.2


def test_what_is_wrong_with_every_layer_is_told_in_as_much_work() -> None:
    def refused(size: int) -> None:
        layers = [{**layer, "nb_fliter": 1, "type": "Convolution3D"} for layer in chain(size)]
        with pytest.raises(SpecError) as error:
            load(flow_yaml(layers))
        assert len(error.value.diagnostics) >= size

    assert growth(refused, 60) < 2.2


def test_ten_thousand_layers() -> None:
    report = load(flow_yaml(chain(10_000))).shapes()
    assert len(report.layers) == 10_000
    # 1,667 convolutions of 8 filters, the first of 3 channels; 1,667 normalisations of 8 channels.
    assert report.parameters == (3 * 9 + 1) * 8 + 1666 * (8 * 9 + 1) * 8 + 1667 * 4 * 8
    assert report.layers[-1].output_shape == (34, 34, 8)  # the pool that follows is cut off
    # 1,667 convolutions and 1,666 pools widen the window by 2 each.
    assert report.layers[-1].receptive_field == (1 + 2 * 3333,) * 2
    assert len(report.text().splitlines()) > 10_000


@pytest.mark.parametrize("name", CHAINS)
def test_every_way_to_write_a_model_gives_one_report(name: str) -> None:
    layers = CHAINS[name](2000)
    reports = {way: load(text(layers)).shapes().to_data() for way, (_, text) in WAYS.items()}
    expected = reports["JSON"]["layers"]
    for way, report in reports.items():
        found = report["layers"]
        if len(found) > len(expected):  # what Keras wrote has its input as a layer of its own
            stem = next(layer for layer in found if layer["reads"] == [found[0]["name"]])
            found, stem["reads"] = found[1:], []
        assert found == expected, way
        for total in ("parameters", "multiply_adds", "peak_bytes"):
            assert report["totals"][total] == reports["JSON"]["totals"][total], way


def test_what_a_merge_of_thousands_reads_takes_one_cell() -> None:
    """A column is as wide as its widest cell, in every row."""
    ways = [{"type": "Activation", "name": f"a{i}", "inputs": "s", "activation": "tanh"}
            for i in range(3000)]  # fmt: skip
    merge = {"type": "Merge", "name": "m", "inputs": [way["name"] for way in ways], "mode": "sum"}
    layers = [{"type": "Activation", "name": "s", "activation": "relu"}, *ways, merge]
    report = load(flow_yaml(layers)).shapes()
    lines = report.text().splitlines()
    row = next(line for line in lines if line.startswith("m "))
    assert "a0, a1, a2, a3, a4, a5, a6, a7 and 2992 more" in row
    assert max(map(len, lines)) < 200
    assert len(report.layers[-1].inputs) == 3000
