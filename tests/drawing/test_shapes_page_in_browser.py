"""The page of a model in a real browser: keyboard, search, links, theme, print, size."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from speccompiler.drawing.shapes_page import shapes_page
from speccompiler.model import Model, load, loads
from tests.drawing.accessibility import violations
from tests.drawing.browser import OpenPage, opening
from tests.drawing.two_models import NEW
from tests.places import ROOT

pytestmark = pytest.mark.xdist_group("browser")


def text(model: Model) -> str:
    return shapes_page(model, model.shapes())


@pytest.fixture
def page(open_page: OpenPage) -> Any:
    return open_page(text(loads(NEW)))


def selected(page: Any) -> dict[str, Any]:
    """The layer that each part of the page shows as selected."""
    return {
        "table": page.locator("#layers tr[aria-selected=true] td.name").all_inner_texts(),
        "graph": [
            label.split(",")[0]
            for label in page.locator("#graph [aria-selected=true]").evaluate_all(
                "nodes => nodes.map((node) => node.getAttribute('aria-label'))"
            )
        ],
        "details": page.locator("#details h2").inner_text(),
        "hash": page.evaluate("location.hash"),
    }


def plain(text: str) -> str:
    """With the letter x for the sign."""
    return text.replace("\u00d7", "x")


def everywhere(name: str) -> dict[str, Any]:
    return {"table": [name], "graph": [name], "details": name, "hash": f"#layer={name}"}


NOWHERE = {"table": [], "graph": [], "details": "Overview", "hash": ""}


def focused(page: Any) -> str:
    """What has the focus, by its name for assistive technology."""
    return str(
        page.evaluate(
            "(() => { const e = document.activeElement; return e.getAttribute('aria-label') "
            "?? e.querySelector('td.name')?.textContent ?? e.textContent.trim() })()"
        )
    )


def test_it_shows_every_layer_and_the_totals(page: Any) -> None:
    assert page.locator("#model").inner_text() == "shapes"
    assert page.locator("#about").inner_text() == (
        "input (N, 32, 32, 3) · tensorflow semantics · 8 layers"
    )
    names = ["conv1", "bn1", "relu_one", "pool1", "conv2", "skip", "mean", "classes"]
    assert page.locator("#layers td.name").all_inner_texts() == names
    assert page.locator("#graph [role=option]").count() == len(names) + 1
    row = page.locator("#layers tbody tr", has_text="conv2").first
    # 3 x 3 x 48 x 48 + 48 parameters; 16 x 16 outputs of 3 x 3 x 48 products for each filter.
    assert [plain(cell) for cell in row.locator("td").all_inner_texts()] == [
        "conv2", "Convolution2D", "(N, 16, 16, 48)", "20,784", "5.31 M", "48.0 KiB", "8 x 8", "2",
    ]  # fmt: skip


def test_a_click_selects_everywhere(page: Any) -> None:
    assert selected(page) == NOWHERE
    page.locator("#layers tr", has_text="pool1").click()
    assert selected(page) == everywhere("pool1")
    page.locator("#graph [aria-label^='conv2,']").click()
    assert selected(page) == everywhere("conv2")
    page.keyboard.press("Escape")
    assert selected(page) == NOWHERE


def test_what_a_layer_is_stands_beside_it(page: Any) -> None:
    page.locator("#layers tr", has_text="conv2").first.click()
    details = page.locator("#details").inner_text()
    assert re.search(r"parameters\s+20,784\n", details)
    assert re.search(r"nb_filter\s+48\n", details)
    assert re.search(r"border_mode\s+same\n", details)
    assert re.search(r"conv2/W\s+\(3, 3, 48, 48\)", details)
    assert page.locator("#details summary").inner_text() == "13 defaults"
    page.get_by_role("link", name="pool1").click()
    assert selected(page) == everywhere("pool1")
    # A link is a step in the history.
    page.go_back()
    assert selected(page) == everywhere("conv2")
    assert page.locator("#details ul.links").all_inner_texts() == ["pool1", "skip"]


def test_arrow_keys_walk_along_the_graph(page: Any) -> None:
    page.locator("#graph [tabindex='0']").focus()
    assert focused(page) == "input, (N, 32, 32, 3)"
    walked = []
    for _ in range(6):
        page.keyboard.press("ArrowDown")
        walked.append(focused(page).split(",")[0])
    assert walked == ["conv1", "bn1", "relu_one", "pool1", "conv2", "skip"]
    page.keyboard.press("Enter")
    assert selected(page) == everywhere("skip")
    page.keyboard.press("ArrowUp")
    assert focused(page).startswith("conv2,")
    page.keyboard.press("End")
    assert focused(page).startswith("classes,")
    page.keyboard.press("Home")
    assert focused(page).startswith("input,")
    page.keyboard.press("ArrowUp")
    assert focused(page).startswith("input,")
    # Walking selects nothing.
    assert selected(page) == everywhere("skip")


def test_arrow_keys_go_to_the_branch_beside(open_page: OpenPage) -> None:
    page = open_page(text(load(ROOT / "examples/specs/squeezenet.yaml")))
    first = page.locator("#graph [aria-label*='Merge']").first
    first.focus()
    page.keyboard.press("ArrowUp")
    one = focused(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    names = {one, focused(page)}
    page.keyboard.press("ArrowRight")
    assert len(names | {focused(page)}) == 2, "two branches stand beside each other"


def test_zoom_by_keys_and_wheel(page: Any) -> None:
    def width() -> float:
        return float(page.locator("#graph svg").get_attribute("width"))

    page.locator("#graph [tabindex='0']").focus()
    before = width()
    page.keyboard.press("+")
    assert width() == pytest.approx(before * 1.25)
    page.keyboard.press("-")
    assert width() == pytest.approx(before)
    page.locator("#graph").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -60)
    expect(page.locator("#graph svg")).not_to_have_attribute("width", str(before))
    page.keyboard.up("Control")
    assert width() > before
    page.keyboard.press("0")
    box = page.locator("#graph").evaluate("e => [e.scrollHeight, e.clientHeight]")
    assert box[0] <= box[1] + 1


def test_two_fingers_zoom(open_page: OpenPage) -> None:
    page = open_page(text(loads(NEW)), has_touch=True, viewport={"width": 400, "height": 800})
    box = page.locator("#graph").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = float(page.locator("#graph svg").get_attribute("width"))
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": x + side * far, "y": y} for far in apart for side in (-1, 1)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 30)
    touch("touchMove", 45)
    touch("touchMove", 60)
    touch("touchEnd")
    assert float(page.locator("#graph svg").get_attribute("width")) == pytest.approx(2 * before)


@pytest.mark.parametrize(("wish", "asked"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_nothing_glides_for_those_who_do_not_want_it(
    open_page: OpenPage, wish: str, asked: str
) -> None:
    page = open_page(text(load(ROOT / "examples/specs/resnet50.yaml")), reduced_motion=wish)
    page.evaluate(
        "() => { Element.prototype.scrollTo = (options) => { window.asked = options.behavior } }"
    )
    page.locator("#layers tr[data-row]").nth(22).click()
    assert page.evaluate("window.asked") == asked


def test_dragging_moves_the_picture_and_selects_nothing(open_page: OpenPage) -> None:
    page = open_page(text(load(ROOT / "examples/specs/resnet50.yaml")))
    box = page.locator("#graph").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 400
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 150, steps=4)
    page.mouse.up()
    assert page.locator("#graph").evaluate("e => e.scrollTop") == pytest.approx(150, abs=2)
    assert selected(page) == NOWHERE


def test_the_table_by_keys(page: Any) -> None:
    page.locator("#layers tr[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "relu_one"
    page.keyboard.press("Enter")
    assert selected(page) == everywhere("relu_one")
    page.keyboard.press("End")
    assert focused(page) == "classes"
    page.keyboard.press("Home")
    assert focused(page) == "conv1"
    assert page.locator("#layers tr[tabindex='0']").count() == 1


def test_the_table_is_sorted_by_its_heads(page: Any) -> None:
    head = page.locator("#layers th", has_text="parameters")
    names = page.locator("#layers td.name")
    plain = names.all_inner_texts()
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert names.all_inner_texts()[:4] == ["conv2", "conv1", "classes", "bn1"]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert names.all_inner_texts()[-1] == "conv2"
    head.locator("button").click()
    assert head.get_attribute("aria-sort") is None
    assert names.all_inner_texts() == plain


def test_tab_goes_through_the_page_once(page: Any) -> None:
    page.locator("#search").focus()
    stops = []
    for _ in range(20):
        page.keyboard.press("Tab")
        stops.append(focused(page))
    assert stops[:8] == [
        "Theme: as the system", "Keyboard help",
        stops[2], "", "input, (N, 32, 32, 3)", "Zoom out", "Fit", "Zoom in",
    ]  # fmt: skip
    assert stops[2].split()[0] == "none"  # the choice of heat
    assert stops[8:17] == ["layer", "type", "output shape", "parameters", "multiply-adds",
                           "activations", "field", "stride", "conv1"]  # fmt: skip
    assert stops[17] == "classes", "the output's link in the overview"


def test_search_marks_and_goes_from_match_to_match(page: Any) -> None:
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("CONV")
    assert page.locator("#found").inner_text() == "2 found"
    assert page.locator("#layers mark").all_inner_texts() == ["conv", "Conv", "conv", "Conv"]
    assert page.locator("#graph .node.found").count() == 2
    page.keyboard.press("Enter")
    assert page.locator("#found").inner_text() == "1 of 2"
    assert selected(page) == everywhere("conv1")
    page.keyboard.press("Enter")
    assert selected(page) == everywhere("conv2")
    page.keyboard.press("Shift+Enter")
    assert selected(page) == everywhere("conv1")
    page.get_by_role("button", name="Previous match").click()
    assert selected(page) == everywhere("conv2")
    page.locator("#search").focus()
    page.keyboard.press("Escape")
    assert page.locator("#search").input_value() == ""
    assert page.locator("mark").count() == 0
    assert selected(page) == everywhere("conv2"), "Esc clears the search first"
    page.keyboard.type("nothing like it")
    assert page.locator("#found").inner_text() == "no match"
    assert page.locator("#next").is_disabled()


def test_an_address_selects_a_layer(open_page: OpenPage) -> None:
    page = open_page(text(loads(NEW)), "#layer=skip")
    assert selected(page) == everywhere("skip")
    page.evaluate("location.hash = '#layer=mean'")
    expect(page.locator("#details h2")).to_have_text("mean")
    assert selected(page) == everywhere("mean")
    page.evaluate("location.hash = '#layer=%E0%A4%A'")
    expect(page.locator("#details h2")).to_have_text("Overview")


def test_help_opens_and_closes(page: Any) -> None:
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()


def colour(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_systems_until_somebody_decides(open_page: OpenPage, scheme: str) -> None:
    page = open_page(text(loads(NEW)), color_scheme=scheme)
    light, dark = "rgb(246, 247, 249)", "rgb(20, 22, 26)"
    before, other = (light, dark) if scheme == "light" else (dark, light)
    assert colour(page) == before
    theme = page.locator("#theme")
    theme.click()
    assert colour(page) == other, "the first press changes what is seen"
    theme.click()
    assert colour(page) == before
    for _ in range(20):  # Chromium stores what a page keeps a moment later
        page.reload()
        if theme.get_attribute("aria-label") == f"Theme: {scheme}":
            break
        page.wait_for_timeout(100)
    assert colour(page) == before
    assert theme.get_attribute("aria-label") == f"Theme: {scheme}"
    theme.click()
    assert theme.get_attribute("aria-label") == "Theme: as the system"


def test_heat_and_boxes_to_scale(page: Any) -> None:
    assert "5.31 M" in page.locator("#legend").inner_text()
    page.locator("#heat").select_option("parameters")
    hottest = page.locator("#graph [aria-label^='conv2,']")
    # 20,784 of 22,810.
    assert hottest.get_attribute("aria-label").endswith("91% of the parameters")
    assert hottest.locator(".share").text_content() == "91%"
    assert float(hottest.locator(".warmth").get_attribute("fill-opacity")) == pytest.approx(0.9)
    assert page.locator("#legend").inner_text().startswith("0")
    assert "20,784" in page.locator("#legend").inner_text()
    page.locator("#to-scale").check()

    def width(name: str) -> float:
        box = page.locator(f"#graph [aria-label^='{name},'] .box")
        return float(box.get_attribute("width"))

    # 32 x 32 x 48 values and 16 x 16 x 48: a fourth of the bytes, half of the width.
    assert width("pool1") == pytest.approx(width("conv1") / 2)
    page.locator("#to-scale").uncheck()
    page.locator("#heat").select_option("")
    assert page.locator("#graph .warmth").count() == 0
    assert page.locator("#legend").is_hidden()


FIELDS = {
    "conv2": "8 x 8 of 32 x 32 input positions; stride 2. Drawn for the output in the middle; "
    "dashed: the next one.",
    "classes": "Each output sees the whole input, 32 x 32.",
}


@pytest.mark.parametrize("layer", FIELDS)
def test_the_receptive_field_is_drawn_to_scale(open_page: OpenPage, layer: str) -> None:
    page = open_page(text(loads(NEW)), f"#layer={layer}")
    figure = page.locator("#details figure")
    assert plain(figure.locator("figcaption").inner_text()) == FIELDS[layer]
    assert plain(figure.locator("svg").get_attribute("aria-label")) == FIELDS[layer]
    size = {
        name: float(figure.locator(f".{name}").get_attribute("width"))
        for name in ("plane", "window")
    }
    part = 8 / 32 if layer == "conv2" else 1
    assert size["window"] / size["plane"] == pytest.approx(part, rel=1e-3)


OTHER_FIELDS = {
    "c3d": ("conv2", 2, "5 x 8 x 8 of 16 x 112 x 112 input positions; stride 1 x 2 x 2."),
    "signal_denoiser": ("down1", 1, "12 of 256 input positions; stride 4."),
    "fcn_upsampling": ("conv2", 1, "8 x 8 of H x W input positions; stride 2."),
    "theano_cnn": ("conv2", 1, "6 x 6 of 20 x 20 input positions; stride 1."),
    "stereo": ("views", 2, "6 x 6 of 32 x 32 input positions; stride 2."),
}
"""By example: a layer, how many drawings there are, what stands below."""


@pytest.mark.parametrize("example", OTHER_FIELDS)
def test_receptive_fields_of_other_ranks(open_page: OpenPage, example: str) -> None:
    layer, drawings, caption = OTHER_FIELDS[example]
    page = open_page(text(load(ROOT / f"examples/specs/{example}.yaml")), f"#layer={layer}")
    figure = page.locator("#details figure")
    assert page.locator("#details figure svg").count() == drawings
    assert plain(figure.first.locator("figcaption").inner_text()).startswith(caption)


HOSTILE = "</script><img src=x onerror=alert(1)><!-- ' \" & {{data}}"


def test_names_are_texts_whatever_they_are(open_page: OpenPage) -> None:
    spec = NEW.replace("name: shapes", f"name: {_quoted(HOSTILE)}")
    spec = spec.replace("name: classes", f"name: {_quoted(HOSTILE)}")
    page = open_page(text(loads(spec)))
    assert page.title() == HOSTILE
    assert page.locator("h1").inner_text() == HOSTILE
    row = page.locator("#layers td.name").last
    assert row.inner_text() == HOSTILE
    row.click()
    assert page.locator("#details h2").inner_text() == HOSTILE
    address = page.evaluate("location.hash")
    assert page.locator("img").count() == 0
    again = open_page(text(loads(spec)), address)
    assert again.locator("#details h2").inner_text() == HOSTILE
    again.locator("#search").fill("<img")
    assert again.locator("#layers mark").all_inner_texts() == ["<img"]
    assert again.locator("img").count() == 0


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def test_the_policy_lets_nothing_else_run(browser: Any, tmp_path: Path) -> None:
    made = text(loads(NEW)).replace("<body>", "<body><script>window.ran = 1</script>")
    complaint = pytest.raises(AssertionError, match="Content Security Policy")
    with complaint, opening(browser, tmp_path) as open_page:
        page = open_page(made)
        assert page.evaluate("window.ran") is None
        assert page.locator("#model").inner_text() == "shapes"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_axe_finds_nothing(open_page: OpenPage, scheme: str, width: int) -> None:
    size = {"width": width, "height": 900}
    page = open_page(text(loads(NEW)), color_scheme=scheme, viewport=size)
    assert violations(page) == []
    page.locator("#layers tr", has_text="conv2").first.click()
    page.locator("#heat").select_option("macs")
    page.locator("#search").fill("conv")
    assert violations(page) == []
    page.locator("#to-scale").check()
    page.locator("#help-open").click()
    assert violations(page) == []


def chain(count: int) -> Model:
    """A long network with a skip connection in each ten layers."""
    layers = []
    for i in range(0, count - 1, 10):
        layers += [
            f"{{type: Convolution2D, name: conv{i + k}, nb_filter: 8, nb_row: 3, nb_col: 3, "
            "border_mode: same}"
            for k in range(9)
        ]
        layers.append(f"{{type: Merge, name: add{i}, mode: sum, inputs: [conv{i}, conv{i + 8}]}}")
    lines = "\n".join(f"  - {layer}" for layer in layers[:count])
    return loads(
        f"convspec: 1\nname: long\ndim_ordering: tf\ninput_shape: [32, 32, 8]\nlayers:\n{lines}\n"
    )


@pytest.mark.parametrize(("count", "largest"), [(1_000, 700_000), (10_000, 7_000_000)])
def test_a_long_network_stays_light(
    open_page: OpenPage, count: int, largest: int, record_property: Any
) -> None:
    made = text(chain(count))
    assert len(made) < largest
    begun = time.perf_counter()
    page = open_page(made)
    record_property("seconds", time.perf_counter() - begun)
    elements = "document.querySelectorAll('*').length"
    assert page.evaluate(elements) < 2_500
    page.locator("#zoom-fit").click()
    page.wait_for_timeout(100)
    assert page.evaluate(elements) < 9_000
    page.locator("#heat").select_option("macs")
    page.locator("#search").fill(f"add{count - 10}")
    page.keyboard.press("Enter")
    assert selected(page) == everywhere(f"add{count - 10}")
    page.locator("#layers tr[tabindex='0']").focus()
    page.keyboard.press("ArrowUp")
    assert focused(page) == f"conv{count - 2}"
    assert page.evaluate(elements) < 9_000


def test_print_has_the_whole_table_and_no_controls(open_page: OpenPage) -> None:
    page = open_page(text(chain(1_000)), color_scheme="dark")
    rows = page.locator("#layers tbody tr[data-row]")
    before = rows.count()
    assert before < 100
    page.emulate_media(media="print")
    expect(rows).to_have_count(1_000)
    assert colour(page) == "rgba(0, 0, 0, 0)"
    for name in ("#search", "#theme", "#graph", "#heat", "#zoom-fit"):
        assert page.locator(name).is_hidden(), name
    assert page.locator("#layers thead").evaluate("e => getComputedStyle(e).display") == (
        "table-header-group"
    )
    page.emulate_media(media="null")  # the browser's own again
    expect(rows).to_have_count(before)
    # Each page of paper has its lines: nothing hangs over, nothing is cut.
    pages = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    assert 12 <= pages <= 40


OPEN = """
convspec: 1
name: open
dim_ordering: tf
input_shape: [null, 16, 3]
layers:
  - {type: Convolution2D, name: conv, nb_filter: 4, nb_row: 3, nb_col: 3}
  - {type: GlobalMaxPooling2D, name: pool}
  - {type: Dense, name: digit, output_dim: 10}
"""


def test_costs_of_open_lengths_have_no_shares(open_page: OpenPage) -> None:
    """The Dense is the only layer whose multiply-adds are a number: it is not 100% of them."""
    page = open_page(text(loads(OPEN)))
    assert page.locator("#graph .share").all_inner_texts() == []
    assert page.locator("#legend").inner_text() == (
        "No heat: multiply-adds depend on open lengths (--input-shape)"
    )
    page.locator("#heat").select_option("parameters")
    assert page.locator("#graph .share").all_text_contents() == ["69%", "", "31%"]  # of 112 + 50


def test_no_text_of_a_box_runs_into_another(open_page: OpenPage) -> None:
    spec = NEW.replace("name: conv1", "name: " + "W" * 60).replace("conv1", "W" * 60)
    wide = "\u5c64" * 40  # each takes two columns
    page = open_page(
        text(loads(spec.replace("name: conv2", f"name: {wide}").replace("conv2", wide)))
    )
    page.locator("#zoom-in").click()
    boxes = page.locator("#graph .node").evaluate_all(
        """nodes => nodes.map((node) => {
          const at = (part) => node.querySelector(part)?.getBoundingClientRect();
          const [title, share, box] = [at(".title"), at(".share"), at(".box")];
          return [title.right, share && share.width ? share.left : box.right];
        })"""
    )
    assert len(boxes) > 5
    assert all(right <= limit for right, limit in boxes)


def test_the_head_of_the_printed_table_can_be_repeated(page: Any) -> None:
    """Chromium repeats a head of texts on each page, and leaves out one with buttons in it."""
    page.emulate_media(media="print")
    assert page.locator("#layers thead button:visible").count() == 0
    labels = page.locator("#layers thead th").evaluate_all(
        "cells => cells.map((cell) => getComputedStyle(cell, '::after').content)"
    )
    assert labels[:3] == ['"layer"', '"type"', '"output shape"']


def test_a_window_of_one_position_is_said_as_in_the_other_reports(open_page: OpenPage) -> None:
    spec = OPEN.replace("type: Convolution2D, name: conv, nb_filter: 4, nb_row: 3, nb_col: 3",
                        "type: ZeroPadding2D, name: pad")  # fmt: skip
    page = open_page(text(loads(spec)))
    row = page.locator("#layers tbody tr", has_text="pad").locator("td").all_inner_texts()
    assert row[-2:] == ["1", "1"]
