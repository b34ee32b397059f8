"""Pictures of models: valid SVG with everything inside it, to scale, readable; PNG and PDF.

Texts are measured with the letters of a real font.
"""

from __future__ import annotations

import io
import json
import re
from functools import cache
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.ft2font import FT2Font, LoadFlags
from PIL import Image

from speccompiler.cli import render_picture
from speccompiler.cli.main import run
from speccompiler.drawing.labels import shape_text
from speccompiler.drawing.layer_words import _KINDS, _stem, kind_of, words_of
from speccompiler.drawing.picture import PictureOptions, picture
from speccompiler.drawing.primitives import Group, Item, Line, Picture, Polygon, Rect, Text
from speccompiler.drawing.svg import svg
from speccompiler.drawing.text_widths import fitted, text_width
from speccompiler.drawing.themes import KINDS, THEMES
from speccompiler.drawing.units import units
from speccompiler.graph.dims import symbol
from speccompiler.graph.rounding import ceil_div
from speccompiler.model import Model, load, loads
from speccompiler.schemas.registry import LAYERS, WRAPPERS
from tests.places import ROOT

NS = "{http://www.w3.org/2000/svg}"
SPECS = [
    "lenet", "vgg16", "resnet50", "inception", "squeezenet", "conv1d_stack", "c3d", "clips",
    "stereo", "residual", "sentences", "scan_autoencoder", "theano_kernel",
]  # fmt: skip
LOOKS = [
    PictureOptions(),
    PictureOptions("graph", "right", "dark"),
    PictureOptions("blocks", every_layer=True),
    PictureOptions("graph", every_layer=True),
]


@cache
def model(name: str) -> Model:
    return load(ROOT / f"examples/specs/{name}.yaml")


def drawn(name: str, options: PictureOptions | None = None) -> Picture:
    one = model(name)
    return picture(one.spec, one.shapes(), options or PictureOptions())


def flat(items: tuple[Item, ...]) -> list[Rect | Polygon | Line | Text]:
    found: list[Rect | Polygon | Line | Text] = []
    for item in items:
        found += item.items if isinstance(item, Group) else [item]
    return found


@cache
def font(bold: bool) -> FT2Font:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return FT2Font(str(Path(matplotlib.get_data_path(), "fonts/ttf", name)))


def measured(text: str, size: float, bold: bool) -> float:
    """The width in a real font."""
    one = font(bold)
    return sum(
        one.load_char(ord(c), flags=LoadFlags.NO_SCALE).horiAdvance for c in text
    ) * size / one.units_per_EM  # fmt: skip


def extent(item: Text) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a text."""
    width = measured(item.text, item.size, item.bold)
    left = {"start": item.x, "middle": item.x - width / 2, "end": item.x - width}[item.anchor]
    return left, item.y - 0.76 * item.size, left + width, item.y + 0.24 * item.size


@pytest.mark.parametrize("options", LOOKS, ids=lambda o: f"{o.style}-{o.direction}-{o.every_layer}")
@pytest.mark.parametrize("name", SPECS)
def test_everything_is_inside_and_no_text_touches_another(
    name: str, options: PictureOptions
) -> None:
    made = drawn(name, options)
    items = flat(made.items)
    texts = [item for item in items if isinstance(item, Text)]
    for text in texts:
        left, top, right, bottom = extent(text)
        assert left >= 0, text
        assert top >= 0, text
        assert right <= made.width, text
        assert bottom <= made.height, text
    for item in items:
        points: list[tuple[float, float]] = []
        if isinstance(item, Rect):
            points = [(item.x, item.y), (item.x + item.width, item.y + item.height)]
        elif isinstance(item, Polygon | Line):
            points = list(item.points)
        for x, y in points:
            assert 0 <= x <= made.width, item
            assert 0 <= y <= made.height, item
    boxes = sorted(map(extent, texts))
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            if other[0] >= one[2]:
                break
            assert one[1] + 0.5 >= other[3] or other[1] + 0.5 >= one[3], (one, other)


@pytest.mark.parametrize("name", ["inception", "stereo", "residual"])
def test_texts_stay_in_their_boxes_and_boxes_apart(name: str) -> None:
    made = drawn(name)
    boxes = []
    for group in made.items:
        if not isinstance(group, Group):
            continue
        box = group.items[0]
        assert isinstance(box, Rect)
        boxes.append(box)
        for item in group.items:
            if isinstance(item, Text):
                left, top, right, bottom = extent(item)
                assert box.x < left < right < box.x + box.width
                assert box.y < top < bottom < box.y + box.height
    for one, other in combinations(boxes, 2):
        assert (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
    assert len(boxes) == len(units(model(name).spec, model(name).shapes()))


@pytest.mark.parametrize("name", SPECS)
def test_an_svg_is_small_and_valid_and_says_every_layer(name: str) -> None:
    made = drawn(name)
    text = svg(made)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{NS}svg"
    assert {element.tag.removeprefix(NS) for element in root.iter()} <= {
        "svg", "title", "desc", "rect", "polygon", "path", "text", "g",
    }  # fmt: skip
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert root.get("aria-labelledby") == "title desc"
    assert [element.get("id") for element in root][:2] == ["title", "desc"]
    titles = " ".join(element.text or "" for element in root.iter(f"{NS}title"))
    for layer in model(name).shapes().layers:
        assert layer.name in titles
    assert len(text) < 2000 * len(model(name).shapes().layers) + 6000
    # As the same text anywhere: no number has more than two places.
    assert not re.search(r"\d\.\d{3}", text)


def test_texts_are_texts_and_escaped() -> None:
    names = ["<script>", "a & b", '"x"', "日本語", "$x^2$"]
    layers = [{"type": "Dense", "output_dim": 4, "name": name} for name in names]
    one = loads(json.dumps({"convspec": 1, "name": "</svg>", "input_shape": [4], "layers": layers}))
    root = ElementTree.fromstring(svg(picture(one.spec, one.shapes(), PictureOptions())))
    shown = [element.text for element in root.iter(f"{NS}text")]
    assert set(names) <= set(shown)
    assert shown[0] == "</svg>"


# --- to scale


def block_fronts(made: Picture) -> dict[str, Rect]:
    fronts = {}
    for group in made.items:
        if isinstance(group, Group):
            front = group.items[0]
            assert isinstance(front, Rect)
            fronts[group.title.split(":")[0].split(", ")[-1]] = front
    return fronts


def test_heights_and_thicknesses_are_square_roots() -> None:
    fronts = block_fronts(drawn("lenet"))
    # 28, 14, 10 and 5 rows; 6 and 16 channels.
    rows = {"c1": 28, "s2": 14, "c3": 10, "s4": 5}
    for name, count in rows.items():
        share = fronts[name].height / fronts["c1"].height
        assert share == pytest.approx(sqrt(count / 28))
    assert fronts["c1"].width / fronts["c3"].width == pytest.approx(sqrt(6 / 16))
    # Vectors of 120, 84 and 10 are bars.
    assert fronts["f6"].height / fronts["c5"].height == pytest.approx(sqrt(84 / 120))


def test_channels_first_are_drawn_as_channels() -> None:
    layers = [
        {"type": "Activation", "activation": "relu", "name": "first"},
        {"type": "Convolution2D", "nb_filter": 5, "nb_row": 3, "nb_col": 3, "name": "c"},
        {"type": "MaxPooling2D", "name": "p"},
    ]
    spec = {"convspec": 1, "dim_ordering": "th", "input_shape": [3, 20, 30], "layers": layers}
    one = loads(json.dumps(spec))
    found = {unit.name: unit.extent for unit in units(one.spec, one.shapes())}
    assert (found["input"].spatial, found["input"].channels) == ((20, 30), 3)
    assert (found["first"].spatial, found["first"].channels) == ((20, 30), 3)
    assert (found["c"].spatial, found["c"].channels) == ((18, 28), 5)
    assert (found["p"].spatial, found["p"].channels) == ((9, 14), 5)
    clip = model("clips")
    first = units(clip.spec, clip.shapes())[0].extent
    assert first.slices > 1


def test_open_lengths_are_drawn_as_a_number_that_the_legend_says() -> None:
    texts = [item.text for item in flat(drawn("conv1d_stack").items) if isinstance(item, Text)]
    assert "Open lengths are drawn as 128." in texts
    bound = picture(
        model("conv1d_stack").spec, model("conv1d_stack").shapes((64, 8)), PictureOptions()
    )
    texts = [item.text for item in flat(bound.items) if isinstance(item, Text)]
    assert "Open lengths are drawn as 128." not in texts


# --- what belongs together


def test_layers_that_belong_together_are_one_unit() -> None:
    one = model("resnet50")
    found = {unit.name: unit for unit in units(one.spec, one.shapes())}
    assert found["conv1"].layers == ("zeropadding2d_1", "conv1", "bn_conv1", "relu_conv1")
    assert found["conv1"].words.endswith("batch norm · relu · padded")
    assert found["add2a"].layers == ("add2a", "relu2a")
    # relu2a is read twice: nothing is drawn on it.
    assert found["res2b_branch2a"].reads == ("relu2a",)
    assert found["add2b"].reads == ("bn2b_branch2c", "relu2a")
    every = units(one.spec, one.shapes(), fold=False)
    assert len(every) == len(one.shapes().layers) + 1
    assert sum(len(unit.layers) for unit in found.values()) == len(every)


def test_an_output_of_the_model_is_drawn_on_its_own() -> None:
    text = """\
convspec: 1
input_shape: [4]
outputs: [d, a]
layers:
  - {type: Dense, name: d, output_dim: 3}
  - {type: Activation, name: a, activation: relu}
"""
    one = loads(text)
    assert [unit.name for unit in units(one.spec, one.shapes())] == ["input", "d", "a"]


def test_every_type_of_layer_has_a_kind_and_words() -> None:
    named = {_stem(LAYERS[name].model_construct()) for name in LAYERS} - WRAPPERS
    assert named == set(_KINDS)
    assert {kind for kind, _ in _KINDS.values()} <= KINDS.keys()


@pytest.mark.parametrize(
    ("layer", "words", "kind"),
    [
        ({"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 5, "subsample": [2, 2],
          "activation": "relu"}, "conv 3×5 /2 · relu", "convolution"),
        ({"type": "AtrousConvolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3,
          "atrous_rate": [2, 3]}, "conv 3×3 rate 2×3", "convolution"),
        ({"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3, "groups": 2},
         "conv 3×3 in 2 groups", "convolution"),
        ({"type": "MaxPooling2D"}, "max pool 2×2 /2", "pooling"),
        ({"type": "AveragePooling2D", "pool_size": [3, 3], "strides": [1, 1]}, "mean pool 3×3",
         "pooling"),
        ({"type": "UpSampling2D"}, "up 2×2", "resizing"),
        ({"type": "Dropout", "p": 0.25}, "dropout 0.25", "regularisation"),
        ({"type": "Pick", "index": 7}, "pick 7", "shape"),
        ({"type": "Activation", "activation": {"expr": "x * 2"}}, "expression", "activation"),
        ({"type": "TimeDistributed", "layer": {"type": "Dense", "output_dim": 2}},
         "each step: dense", "dense"),
    ],
)  # fmt: skip
def test_what_a_layer_is_in_few_words(layer: dict[str, Any], words: str, kind: str) -> None:
    spec = {"convspec": 1, "dim_ordering": "tf", "input_shape": [12, 12, 4], "layers": [layer]}
    one = loads(json.dumps(spec)).spec.layers[0]
    assert words_of(one) == words
    assert kind_of(one) == kind


def test_shapes_in_few_signs() -> None:
    t = symbol("T")
    assert shape_text((28, 28, 1)) == "28×28×1"
    assert shape_text((t, 8)) == "T×8"
    assert shape_text((ceil_div(t - 2, 4), 3)) == "⌈(T-2)/4⌉×3"
    assert shape_text((t + 4, 3)) == "(T+4)×3"
    assert shape_text((2 * t, 3)) == "2·T×3"


# --- pages


def test_long_graphs_are_cut_into_columns_of_about_a_page() -> None:
    made = drawn("resnet50")
    assert 0.6 < made.width / made.height < 1.8
    layers = [{"type": "Dense", "output_dim": 4, "name": f"d{i}"} for i in range(1000)]
    one = loads(json.dumps({"convspec": 1, "input_shape": [4], "layers": layers}))
    made = picture(one.spec, one.shapes(), PictureOptions())
    assert 0.6 < made.width / made.height < 1.8
    assert max(made.width, made.height) < 8000
    assert sum(isinstance(item, Group) for item in made.items) == 1001


def test_a_long_skip_connection_is_not_cut() -> None:
    layers: list[dict[str, Any]] = [{"type": "Dense", "output_dim": 4, "name": "first"}]
    layers += [{"type": "Dense", "output_dim": 4, "name": f"d{i}"} for i in range(30)]
    layers.append({"type": "Merge", "mode": "sum", "inputs": ["d29", "first"], "name": "sum"})
    one = loads(json.dumps({"convspec": 1, "input_shape": [4], "layers": layers}))
    made = picture(one.spec, one.shapes(), PictureOptions("graph"))
    lines = [item for item in made.items if isinstance(item, Line)]
    assert len(lines) == 33
    assert all(line.curve == "down" for line in lines)


def test_blocks_for_chains_and_a_graph_for_others() -> None:
    for name in SPECS:
        titles = [item.text for item in flat(drawn(name).items) if isinstance(item, Text)]
        assert titles
    assert drawn("vgg16") == drawn("vgg16", PictureOptions("blocks"))
    assert drawn("inception") == drawn("inception", PictureOptions("graph"))


# --- texts


@pytest.mark.parametrize("bold", [False, True])
def test_widths_are_those_of_a_real_font(bold: bool) -> None:
    for code in range(32, 127):
        wanted = measured(chr(code), 1000, bold)
        assert text_width(chr(code), 1000, bold=bold) == pytest.approx(wanted, abs=1)
    for sign in "×⌈⌉·…éßД":
        assert text_width(sign, 1000, bold=bold) >= measured(sign, 1000, bold) - 1


def test_a_text_that_is_cut_off_fits() -> None:
    text = "a_very_long_name_of_a_layer_that_nobody_reads"
    short = fitted(text, 10, 100)
    assert short.endswith("…")
    assert text.startswith(short[:-1])
    assert 80 < measured(short, 10, False) <= 100
    assert fitted("conv1", 10, 100) == "conv1"


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES.values())
def test_texts_have_the_contrast_that_wcag_asks_for(theme: Any) -> None:
    for text in (theme.text, theme.quiet):
        for below in (theme.background, theme.box):
            high, low = sorted((luminance(text), luminance(below)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5


# --- files


def test_png_and_pdf_open_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(ROOT / "examples/specs/stereo.yaml")
    made = drawn("stereo")
    png, pdf = tmp_path / "m.png", tmp_path / "m.pdf"
    assert run(["render", spec, "-o", str(png)]) == 0
    assert capsys.readouterr().out == f"wrote {png}\n"
    image = Image.open(png)
    image.load()
    assert image.width == pytest.approx(2 * made.width, abs=2)
    assert image.height == pytest.approx(2 * made.height, abs=2)
    # The colours of the layers are there, and the background.
    colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []}  # type: ignore[misc]
    for colour in (KINDS["convolution"][0], KINDS["merge"][0], "#ffffff"):
        assert tuple(bytes.fromhex(colour[1:])) in colours
    assert run(["render", spec, "-o", str(pdf)]) == 0
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", data)
    assert box is not None
    assert float(box[1]) == pytest.approx(0.75 * made.width, abs=1)
    assert b"/Type /Font" in data  # letters are letters
    again = tmp_path / "again.pdf"
    assert run(["render", spec, "-o", str(again)]) == 0
    assert again.read_bytes() == data


def test_svg_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(ROOT / "examples/specs/lenet.yaml")
    assert run(["render", spec]) == 0
    printed = capsys.readouterr().out
    assert ElementTree.parse(io.StringIO(printed)).getroot().tag == f"{NS}svg"
    file = tmp_path / "m.svg"
    assert run(["render", spec, "-o", str(file), "--scale", "2"]) == 0
    root = ElementTree.parse(file).getroot()
    once = ElementTree.fromstring(printed)
    assert float(root.get("width", "")) == pytest.approx(2 * float(once.get("width", "")), abs=0.02)
    assert root.get("viewBox") == once.get("viewBox")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "m.gif"], "--output m.gif: end its name in .svg, .png or .pdf"),
        (["-o", "m.png", "--scale", "10", "--style", "blocks", "SPEC"],
         "the picture would have 81479 x 4396 pixels, of which programs show up to 30000 a side; "
         "write .svg or .pdf, or give a smaller --scale"),
    ],
)  # fmt: skip
def test_usage_errors(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = str(ROOT / "examples/specs/resnet50.yaml")
    assert run(["render", spec, *(a for a in arguments if a != "SPEC")]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"Error: {message}"
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(render_picture, "find_spec", lambda name: None)
    assert run(["render", str(ROOT / "examples/specs/lenet.yaml"), "-o", "m.pdf"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        'Error: --output m.pdf needs matplotlib: pip install "convspec[pictures]"; .svg needs '
        "nothing"
    )


def test_the_spec_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "m.svg"
    spec.write_text(text := (ROOT / "examples/specs/lenet.yaml").read_text())
    assert run(["render", str(spec), "-o", str(spec)]) == 2
    assert spec.read_text() == text
    assert "is what is being read" in capsys.readouterr().err


def test_a_large_picture_is_said_to_be_large(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = str(ROOT / "examples/specs/resnet50.yaml")
    assert run(["render", spec, "-o", str(tmp_path / "m.svg"), "--style", "blocks"]) == 0
    assert re.fullmatch(
        r"note: the picture is [\d,]+ x [\d,]+; a model of this size reads better in a page: "
        r"convspec shapes MODEL --format html -o model.html\n",
        capsys.readouterr().err,
    )
