"""The page of a comparison in a real browser: both sides aligned, changes marked and filtered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import expect

from speccompiler.drawing.comparison_page import diff_page
from tests.drawing.accessibility import violations
from tests.drawing.browser import OpenPage
from tests.drawing.two_models import NEW, OLD, by_hand

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def page(open_page: OpenPage) -> Any:
    return open_page(diff_page(by_hand()))


def rows(page: Any) -> list[list[str]]:
    """Change, old and new name of each row of the table."""
    found = []
    for row in page.locator("#layers tr[data-row]").all():
        mark, old, new = (cell.inner_text() for cell in row.locator("td").all()[:3])
        found.append([mark, old.split("\n")[0], new.split("\n")[0]])
    return found


ROWS = [
    ["~ changed", "conv1", "conv1"],
    ["+ inserted", "none", "bn1"],
    ["\u2192 renamed", "relu1", "relu_one"],
    ["same", "pool1", "pool1"],
    ["~ changed", "conv2", "conv2"],
    ["\u2212 removed", "drop", "none"],
    ["+ inserted", "none", "skip"],
    ["same", "mean", "mean"],
    ["same", "classes", "classes"],
]


def boxes(page: Any, side: str) -> dict[str, tuple[float, float]]:
    """Where the boxes of a side stand, by their marks and names."""
    found = page.locator(f"#{side}-graph .node").evaluate_all(
        "nodes => nodes.map((node) => { const box = node.querySelector('.box')"
        ".getBoundingClientRect(), host = node.closest('.scroller').getBoundingClientRect(); "
        "return [node.querySelector('.mark')?.textContent ?? '', "
        "node.querySelector('.title').textContent, box.x - host.x, box.y - host.y] })"
    )
    return {f"{mark}{name}": (x, y) for mark, name, x, y in found}


def test_old_and_new_stand_beside_each_other(page: Any) -> None:
    assert page.locator("h1").inner_text().split() == [
        "main:shapes.yaml", "\u2192", "compared", "with", "shapes.yaml",
    ]  # fmt: skip
    assert rows(page) == ROWS
    old, new = boxes(page, "old"), boxes(page, "new")
    assert {name[0] for name in old if not name[0].isalpha()} == {"~", "\u2192", "\u2212"}
    assert {name[0] for name in new if not name[0].isalpha()} == {"~", "\u2192", "+"}
    # What is on both sides stands at the same place, whatever came in between.
    for name in ("~conv1", "pool1", "~conv2", "mean", "classes", "input"):
        assert new[name] == pytest.approx(old[name], abs=0.6), name
    assert new["\u2192relu_one"] == pytest.approx(old["\u2192relu1"], abs=0.6)
    assert "\u2212drop" in old
    assert {"+bn1", "+skip"} <= new.keys()


def test_the_summary_says_what_it_means(page: Any) -> None:
    assert page.locator("#verdict").inner_text().split("\n") == [
        "! 5 breaking", "\u0394 1 cost", "i 2 notes",
    ]  # fmt: skip
    # 3 x 3 x 3 x 32 + 32, 3 x 3 x 32 x 32 + 32, 32 x 10 + 10; and the same with 48, with bn1.
    parameters = page.locator("#totals div").first.inner_text()
    assert parameters == "parameters\n10,474 \u2192 22,810 +117.8%"
    overview = page.locator("#details").inner_text()
    assert "Tensors: 1 kept, 2 of another shape, 1 new." in overview
    page.locator("#details section").first.get_by_role("link", name="conv1").click()
    assert page.locator("#details h2").inner_text() == "conv1"
    assert page.evaluate("location.hash") == "#layer=conv1"


def test_a_pair_says_what_changed_and_which_weights_fit(page: Any) -> None:
    page.locator("#layers tr[data-row]").first.click()
    details = page.locator("#details")
    assert details.locator(".changes li").all_inner_texts() == [
        "breaking CD903\n\nnb_filter 32 \u2192 48", "breaking CD904\n\n2 tensors no longer fit",
    ]  # fmt: skip
    different = details.locator("tr.differs").all_inner_texts()
    assert different[:2] == [
        "output\t(N, 32, 32, 32)\t(N, 32, 32, 48)", "parameters\t896\t1,344",
    ]  # fmt: skip
    assert different[-1] == "conv1/b\t(32,) \u2192 (48,)\tof another shape"
    for side in ("old", "new"):
        assert page.locator(f"#{side}-graph [aria-selected=true]").count() == 1


def test_only_what_changed(page: Any) -> None:
    page.locator("#only").select_option("changed")
    assert rows(page) == [row for row in ROWS if row[0] != "same"]
    assert page.locator("#said").inner_text() == "6 of 9 layers"
    page.locator("#layers tr[tabindex='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#details h2").inner_text() == "conv2"
    page.locator("#only").select_option("all")
    assert rows(page) == ROWS


def test_what_is_gone_has_an_address_too(open_page: OpenPage) -> None:
    page = open_page(diff_page(by_hand()), "#old=drop")
    assert page.locator("#details h2").inner_text() == "drop"
    assert page.locator("#old-graph [aria-selected=true]").count() == 1
    assert page.locator("#new-graph [aria-selected=true]").count() == 0
    page.keyboard.press("Escape")
    assert page.locator("#details h2").inner_text() == "What changed"


def test_the_keyboard_walks_on_either_side(page: Any) -> None:
    page.locator("#new-graph [tabindex='0']").focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#details h2").inner_text() == "bn1"
    page.locator("#old-graph [tabindex='0']").focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#details h2").inner_text() == "relu_one"
    assert page.locator("#new-graph [aria-selected=true] .title").text_content() == "relu_one"


def test_both_graphs_zoom_and_scroll_together(page: Any) -> None:
    page.locator("#zoom-in").click()
    page.locator("#zoom-in").click()
    widths = [page.locator(f"#{side}-graph svg").get_attribute("width") for side in ("old", "new")]
    assert widths[0] == widths[1]
    page.locator("#old-graph").evaluate("e => { e.scrollTop = 60 }")
    page.wait_for_timeout(100)
    assert page.locator("#new-graph").evaluate("e => e.scrollTop") == 60


def test_search_finds_old_names(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("relu1")
    assert page.locator("#found").inner_text() == "1 found"
    page.keyboard.press("Enter")
    assert page.locator("#details h2").inner_text() == "relu_one"


def test_no_change(open_page: OpenPage) -> None:
    diff = by_hand(OLD, OLD)
    pairs = tuple(replace(p, old=layer, new=layer, match="same", changes=(), tensors=())
                  for p, layer in zip(diff.layers, diff.old.layers, strict=False))  # fmt: skip
    amounts = tuple(replace(each, new=each.old) for each in diff.amounts)
    same = replace(diff, layers=pairs, changes=(), diverges_at=None, amounts=amounts)
    page = open_page(diff_page(same))
    assert page.locator("#verdict").inner_text() == "\u2713 no change"
    assert "Nothing that the compiler can see." in page.locator("#details").inner_text()
    assert page.locator("#totals div").first.inner_text() == "parameters\n10,474 unchanged"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_axe_finds_nothing(open_page: OpenPage, scheme: str, width: int) -> None:
    size = {"width": width, "height": 900}
    page = open_page(diff_page(by_hand()), color_scheme=scheme, viewport=size)
    assert violations(page) == []
    page.locator("#layers tr[data-row]").first.click()
    page.locator("#search").fill("conv")
    assert violations(page) == []


def test_print_has_every_pair(page: Any) -> None:
    page.emulate_media(media="print")
    expect(page.locator("#layers tr[data-row]")).to_have_count(len(ROWS))
    for name in ("#search", "#only", "#old-graph", "#new-graph"):
        assert page.locator(name).is_hidden(), name


HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_names_are_texts_whatever_they_are(open_page: OpenPage) -> None:
    new = NEW.replace("name: classes", f'name: "{HOSTILE}"')
    diff = by_hand(OLD, new)
    pair = replace(diff.layers[-1], new=diff.new.layers[-1])
    hostile = replace(diff, layers=(*diff.layers[:-1], pair), old_name=HOSTILE, new_name=HOSTILE)
    page = open_page(diff_page(hostile))
    assert page.title() == f"{HOSTILE} and {HOSTILE}"
    assert page.locator("#old-name").inner_text() == HOSTILE
    page.locator("#layers tr[data-row]").last.click()
    assert page.locator("#details h2").inner_text() == HOSTILE
    assert page.locator("img").count() == 0
