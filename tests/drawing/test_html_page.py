"""What pages hold, without a browser: data, policy, no reference to anything outside."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from speccompiler.cli.main import run
from speccompiler.comparing.model_diff import LayerPair, Match
from speccompiler.drawing.comparison_page import diff_page
from speccompiler.drawing.diff_graphs import both_graphs
from speccompiler.drawing.html_page import embedded
from speccompiler.drawing.input_axes import channel_axes
from speccompiler.drawing.layer_facts import default_arguments, given_arguments
from speccompiler.drawing.shapes_page import shapes_page
from speccompiler.model import load, loads
from speccompiler.schemas.convolution2d import Convolution2D
from tests.cases import build
from tests.drawing.two_models import NEW, OLD, by_hand
from tests.places import ROOT
from tests.test_imports import loaded

LENET = str(ROOT / "examples/specs/lenet.yaml")


class Elements(HTMLParser):
    """The elements of a page with what is in them, as an HTML parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("", {}, ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = tag, attributes, text + data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


def page_data(text: str) -> dict[str, Any]:
    (found,) = [text for given, text in Elements(text).of("script") if given.get("id") == "data"]
    data: dict[str, Any] = json.loads(found)
    return data


def pages() -> dict[str, str]:
    model = load(LENET)
    return {"shapes": shapes_page(model, model.shapes()), "diff": diff_page(by_hand())}


@pytest.mark.parametrize("page", ["shapes", "diff"])
def test_a_page_is_whole_and_allows_only_itself(page: str) -> None:
    text = pages()[page]
    elements = Elements(text)
    addresses = {
        value for _, given, _ in elements.found for name in ("src", "href")
        if (value := given.get(name)) and not value.startswith("#")
    }  # fmt: skip
    assert addresses == {"data:,"}
    # The name of SVG's namespace is no address.
    assert set(re.findall(r"\w+://[^\s\"'`<>)]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|innerHTML", text)
    ((policy, _),) = [m for m in elements.of("meta") if m[0].get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy["content"]).split(";"))
    assert rules["default-src"] == "'none'"
    scripts = [text for given, text in elements.of("script") if "type" not in given]
    for kind, (content,) in (
        ("script-src", scripts),
        ("style-src", [t for _, t in elements.of("style")]),
    ):
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"


def test_a_page_is_the_same_each_time() -> None:
    assert pages() == pages()


@pytest.mark.parametrize(
    "name", ["</script>", "<!--", "]]>", "&lt;", "\u2028\u2029", "\ud800", "\0", "{{style}}"]
)
def test_data_ends_no_element_whatever_its_texts_are(name: str) -> None:
    text = embedded({name: [name]})
    assert not set("<>&") & set(text)
    assert text.isascii()
    assert json.loads(text) == {name: [name]}


def test_every_layer_is_in_the_data_with_its_own_facts() -> None:
    model = loads(NEW)
    data = page_data(shapes_page(model, model.shapes()))
    layers = {layer["name"]: layer for layer in data["layers"]}
    assert list(layers) == [
        "conv1", "bn1", "relu_one", "pool1", "conv2", "skip", "mean", "classes",
    ]  # fmt: skip
    assert layers["bn1"]["tensors"] == [
        ["gamma", "(48,)"], ["beta", "(48,)"], ["running_mean", "(48,)"], ["running_std", "(48,)"],
    ]  # fmt: skip
    assert layers["bn1"]["parameters"] == [192, "192"]
    assert layers["bn1"]["fixed"] == [96, "96"]
    assert layers["skip"]["arguments"] == {}  # it sums by default
    assert data["defaults"]["Merge"]["mode"] == "sum"
    # The names of nodes: the input, then the layers.
    graph = data["graph"]
    assert graph["layers"] == [-1, *range(8)]
    reads = {(source, target) for source, target, _ in graph["edges"]}
    assert reads == {(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (4, 6), (6, 7), (7, 8)}


def test_a_shared_layer_names_its_first_call() -> None:
    model = load(ROOT / "examples/specs/stereo.yaml")
    data = page_data(shapes_page(model, model.shapes()))
    (shared,) = [layer for layer in data["layers"] if "sharedWith" in layer]
    assert (shared["name"], shared["sharedWith"]) == ("right_edges", "edges")
    assert "tensors" not in shared


def test_arguments_are_those_that_are_no_defaults() -> None:
    layer = Convolution2D(
        type="Convolution2D", nb_filter=8, nb_row=3, nb_col=5, activation="relu", subsample=(2, 1)
    )
    assert given_arguments(layer) == {
        "nb_filter": "8", "nb_row": "3", "nb_col": "5", "activation": "relu", "subsample": "[2, 1]",
    }  # fmt: skip
    defaults = default_arguments(Convolution2D)
    assert defaults["border_mode"] == "valid"
    assert defaults["bias"] == "true"
    assert defaults["W_regularizer"] == "null"
    assert "nb_filter" not in defaults


CONV = {"type": "Convolution2D", "name": "c", "nb_filter": 2, "nb_row": 1, "nb_col": 1}
CHANNELS = {
    "last": ([CONV], [8, 9, 3], "tf", 2),
    "first": ([CONV], [3, 8, 9], "th", 0),
    "first, in each step": ([{"type": "TimeDistributed", "layer": CONV}], [5, 3, 8, 9], "th", 1),
    "last, in each step": ([{"type": "TimeDistributed", "layer": CONV}], [5, 8, 9, 3], "tf", 3),
    "after another": ([{"type": "Activation", "activation": "relu"}, CONV], [3, 8, 9], "th", 0),
    "a layer says otherwise": ([{**CONV, "dim_ordering": "th"}], [3, 8, 9], "tf", 0),
    "1-D": ([{"type": "Convolution1D", "nb_filter": 2, "filter_length": 1}], [8, 3], "th", 1),
    "none": ([{"type": "Dense", "output_dim": 2}], [8], "tf", None),
}


@pytest.mark.parametrize("case", CHANNELS)
def test_which_axis_of_the_input_are_the_channels(case: str) -> None:
    layers, shape, ordering, axis = CHANNELS[case]
    model = build(layers, shape, dim_ordering=ordering)
    (found,) = channel_axes(model.spec, dict(model.shapes().inputs)).values()
    assert found == axis


def test_a_moved_layer_has_a_line_against_the_direction() -> None:
    # Old: conv1 -> relu -> pool; new: conv1 -> pool -> relu.
    swapped = OLD.splitlines()
    swapped[6], swapped[7] = swapped[7], swapped[6]
    diff = by_hand(OLD, "\n".join(swapped))
    old = {layer.name: layer for layer in diff.old.layers}
    pairs = tuple(LayerPair(Match.SAME, old[layer.name], layer) for layer in diff.new.layers)
    moved = type(diff)(diff.old, diff.new, "a", "b", pairs, (), None, ())
    graphs = both_graphs(moved.old, moved.new, moved.layers)
    # Nodes: the input, conv1, pool1, relu1, ...; in the old model pool1 reads relu1.
    (back,) = [edge for edge in graphs["old"]["edges"] if edge[0] > edge[1]]
    assert back[:2] == [3, 2]
    assert back[3] == "removed"
    assert {(s, d) for s, d, _, *kind in graphs["new"]["edges"] if kind} == {(1, 2), (2, 3), (3, 4)}
    assert graphs["old"]["nodes"] == graphs["new"]["nodes"]
    assert len(diff_page(moved)) > 10_000


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["shapes", LENET, "--format", "html"]) == 0
    text = capsys.readouterr().out
    assert text == pages()["shapes"]
    file = tmp_path / "report.html"
    assert run(["shapes", LENET, "--format", "html", "-o", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == text
    assert capsys.readouterr().out == f"wrote {file}\n"
    assert run(["shapes", LENET, "--format", "html", "--by", "type"]) == 2
    assert "--by is not for --format html, which has all totals\n" in capsys.readouterr().err


def test_open_lengths_are_bound_by_the_option(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    spec = str(ROOT / "examples/specs/fcn_upsampling.yaml")
    assert run(["shapes", spec, "--format", "html", "-o", str(file)]) == 0
    data = page_data(file.read_text(encoding="utf-8"))
    assert data["inputs"][0]["shape"] == ["H", "W", 3]
    assert data["layers"][0]["bytes"][0] is None
    shape = ["--input-shape", "64,48,3"]
    assert run(["shapes", spec, "--format", "html", "-o", str(file), *shape]) == 0
    data = page_data(file.read_text(encoding="utf-8"))
    assert data["inputs"][0]["shape"] == [64, 48, 3]
    assert data["layers"][0]["bytes"][0] > 0


def test_a_page_loads_neither_numba_nor_numpy() -> None:
    ended, names = loaded("shapes", "lenet.yaml", "--format", "html", cwd=ROOT / "examples/specs")
    assert ended == 0
    assert names & {"numpy", "numba", "llvmlite", "h5py", "safetensors", "tabulate"} == set()
