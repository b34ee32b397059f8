"""What docs/spec.md shows of the layers is what they do."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pytest

from speccompiler.model import Model, check
from speccompiler.schemas.arguments import COMMON, own_arguments
from speccompiler.schemas.examples import EXAMPLES, Shapes
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.reference import as_markdown
from speccompiler.schemas.reference_layers import DOCUMENTED, SHARED
from speccompiler.schemas.registry import LAYERS
from speccompiler.source.texts import parse_document
from tests.completeness import assert_rows
from tests.places import ROOT

PAGE = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
SPECS = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "convspec:" in text]
layers = pytest.mark.parametrize("layer", LAYERS)


def made(text: str) -> Model:
    model, found = check(parse_document(text, "t.yaml"), seed=1)
    assert model is not None, found
    assert found == ()
    return model


def section(layer: str) -> str:
    (text,) = re.findall(rf"^### {layer}\n(.*?)(?=^### |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert isinstance(text, str)
    return text


def test_every_layer_has_an_example() -> None:
    assert_rows("EXAMPLES (schemas/examples.py)", EXAMPLES, LAYERS)


@layers
def test_an_example_is_four_lines(layer: str) -> None:
    """And one more for a layer in front of what no model begins with."""
    assert EXAMPLES[layer].spec(layer).count("\n") == 4 + (EXAMPLES[layer].before is not None)
    assert max(map(len, EXAMPLES[layer].spec(layer).splitlines())) <= 100


def _orderings(layer: str) -> list[str]:
    ordered = LAYERS[layer].uses_ordering and "dim_ordering" in LAYERS[layer].model_fields
    return ["th", "tf"] if ordered else ["th"]


@pytest.mark.parametrize(
    ("layer", "ordering"), [(name, o) for name in LAYERS for o in _orderings(name)]
)
def test_the_shapes_of_an_example(layer: str, ordering: str) -> None:
    example = EXAMPLES[layer]
    assert (example.tf is not None) == (len(_orderings(layer)) == 2)
    shapes = example.th if ordering == "th" else example.tf
    assert isinstance(shapes, Shapes)
    model = made(example.spec(layer, ordering))
    given = shapes.given.values() if isinstance(shapes.given, Mapping) else [shapes.given]
    assert [entry.shape for entry in model.spec.inputs] == list(given)
    assert model.graph.nodes[-1].shape == shapes.output
    assert {w.tensor: w.stored_shape for w in model.graph.weights()} == dict(shapes.weights)


@layers
def test_an_example_runs(layer: str) -> None:
    """At any size that memory allows: on one sample of zeros."""
    model = made(EXAMPLES[layer].spec(layer))
    sizes = [np.prod(entry.shape) for entry in model.spec.inputs]
    if max(sizes) > 20_000:
        pytest.skip("the reference target would take seconds")
    x = {e.name: np.zeros((1, *map(int, e.shape)), np.float32) for e in model.spec.inputs}
    y = model.compile(target="reference").run(x if len(x) > 1 else next(iter(x.values())))
    assert y.shape == (1, *EXAMPLES[layer].th.output)


@layers
def test_required_arguments_come_first_and_each_once(layer: str) -> None:
    fields = LAYERS[layer].model_fields
    order = own_arguments(LAYERS[layer])
    assert sorted([*order, *COMMON, "type"]) == sorted(fields)
    required = [fields[name].is_required() for name in order]
    assert required == sorted(required, reverse=True)
    text = section(layer)
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    named = re.search(r"as described \[above\].*", text)
    also = re.findall(r"`(\w+)`(?: \(default `\w+`\))?", named[0]) if named else []
    also = [name for name in also if name in fields]
    assert sorted([*rows, *also]) == sorted(order)
    assert set(also) <= set(SHARED)


def test_the_documented_default_shows_where_it_is_another() -> None:
    assert "`init` (default `uniform`)" in section("Convolution1D")
    assert "`init`, `activation`" in section("Convolution2D")
    assert "| `activation` | `linear` |" in PAGE


def test_every_link_of_the_contents_leads_to_a_heading() -> None:
    headings = re.findall(r"^##+ (.*)$", PAGE, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([\w-]+)\)", PAGE))
    assert links <= anchors
    assert {name.lower() for name in LAYERS} <= links
    assert DOCUMENTED[0] == "Convolution1D"
    assert DOCUMENTED[-1] == "ZeroPadding3D"


@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_every_spec_on_the_page_is_valid(text: str) -> None:
    if "\nmodel: " not in text:
        made(text)
        return
    # It names a file that the reader has: what it says of that is all that is found.
    model, found = check(parse_document(text, "t.yaml"), seed=1)
    assert (model, [d.code for d in found]) == (None, ["CS001"])


def test_what_every_layer_takes_is_described_once() -> None:
    for name in COMMON:
        description = Layer.model_fields[name].description
        assert description is not None
        assert as_markdown().count(description.replace("<", "&lt;")) == 1
