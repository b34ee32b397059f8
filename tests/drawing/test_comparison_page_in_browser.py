"""``convspec diff --format html`` in a real browser: the changes of a branch, and whole folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from speccompiler.cli.main import run
from tests.drawing.accessibility import violations
from tests.drawing.browser import OpenPage
from tests.drawing.two_models import NEW, OLD

pytestmark = pytest.mark.xdist_group("browser")


GONE = """\
convspec: 1
input_shape: [4, 2]
layers:
  - {type: Flatten, name: flat}
"""


def compared(folder: Path, old: dict[str, str], new: dict[str, str], *options: str) -> str:
    """The page that the command writes of two folders; ``options`` replace their names."""
    for name, files in {"old": old, "new": new}.items():
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(text)
    names = options or (str(folder / "old"), str(folder / "new"))
    page = folder / "page.html"
    run(["diff", *names, "--format", "html", "-o", str(page), "--fail-on", "none"])
    return page.read_text(encoding="utf-8")


@pytest.fixture
def branch(tmp_path: Path, open_page: OpenPage) -> Any:
    """What a branch did to one file: more filters, another name, two insertions, one removal."""
    names = (str(tmp_path / "old" / "net.yaml"), str(tmp_path / "new" / "net.yaml"))
    return open_page(compared(tmp_path, {"net.yaml": OLD}, {"net.yaml": NEW}, *names))


def marks(page: Any) -> dict[str, str]:
    """By the newer name of each layer, how the table marks it."""
    found = {}
    for row in page.locator("#layers tr[data-row]").all():
        mark, old, new = (cell.inner_text().split("\n")[0] for cell in row.locator("td").all()[:3])
        found[old if new == "none" else new] = mark
    return found


def test_the_changes_of_a_branch_are_told_apart(branch: Any) -> None:
    assert marks(branch) == {
        "conv1": "~ changed",
        "bn1": "+ inserted",
        "relu_one": "\u2192 renamed",
        "pool1": "\u21b3 follows",
        "conv2": "~ changed",
        "drop": "\u2212 removed",
        "skip": "+ inserted",
        "mean": "\u21b3 follows",
        "classes": "\u21b3 follows",
    }
    assert "parameters\n10,474 \u2192 22,810 +117.8%" in branch.locator("#totals").inner_text()
    branch.locator("#layers tr[data-row]", has_text="MaxPooling2D").click()
    branch.locator("#details").get_by_role("link", name="conv1").first.click()
    assert branch.locator("#details h2").inner_text() == "conv1"
    assert "nb_filter 32 \u2192 48" in branch.locator("#details .changes").inner_text()
    branch.locator("#only").select_option("own")
    assert [name for name, mark in marks(branch).items() if "follows" in mark] == []


@pytest.fixture
def folders(tmp_path: Path, open_page: OpenPage) -> Any:
    bad = OLD.replace("nb_filter", "nb_fliter")
    old = {"changed.yaml": OLD, "gone.yaml": GONE, "same.yaml": OLD, "wrong.yaml": OLD}
    new = {"changed.yaml": NEW, "fresh.yaml": NEW, "same.yaml": OLD + "# a comment\n",
           "wrong.yaml": bad}  # fmt: skip

    def opened(hash: str = "", **options: Any) -> Any:
        return open_page(compared(tmp_path, old, new), hash.format(tmp_path), **options)

    return opened


def test_every_file_of_a_folder_has_its_place(folders: Any, tmp_path: Path) -> None:
    page = folders()
    files = page.locator("#files")
    assert files.locator("p").inner_text() == (
        "5 files: 1 without a change, 1 changed, 1 added, 1 removed, 1 with errors"
    )
    shown = {text.split("/")[-1] for text in files.locator("a").all_inner_texts()}
    assert shown == {"changed.yaml changed", "fresh.yaml added", "gone.yaml removed",
                     "same.yaml same", "wrong.yaml failed"}  # fmt: skip
    assert files.locator("[aria-current]").inner_text().endswith("changed.yaml changed")
    # What nobody has to look at stands last, and no place of it is left out on paper.
    assert files.locator("a").last.inner_text().endswith("same.yaml same")
    page.emulate_media(media="print")
    whole = "list => [list.clientHeight, list.scrollHeight]"
    height, needed = files.locator("ul").evaluate(whole)
    assert height == needed
    page.emulate_media(media="screen")
    # Another file is opened by its link, a layer of it by its address.
    files.get_by_role("link", name="fresh.yaml").click()
    expect(page.locator("#files [aria-current]")).to_contain_text("fresh.yaml")
    assert set(marks(page).values()) == {"+ inserted"}
    page.locator("#layers tr[data-row]").nth(1).click()
    address = page.evaluate("location.hash")
    assert address.endswith("fresh.yaml&layer=bn1")
    page.reload()
    assert page.locator("#details h2").inner_text() == "bn1"
    page.keyboard.press("Escape")
    assert page.evaluate("location.hash") == address.removesuffix("&layer=bn1")
    files.get_by_role("link", name="gone.yaml").click()
    expect(page.locator("#files [aria-current]")).to_contain_text("gone.yaml")
    assert page.locator("h1").inner_text().endswith("nothing")
    assert set(marks(page).values()) == {"\u2212 removed"}
    assert page.locator("#layers del").count() == 0  # a Flatten has no parameters to lose


def test_what_is_wrong_with_a_file_stands_on_its_page(folders: Any) -> None:
    page = folders("#file={}/new/wrong.yaml")
    assert page.locator("#verdict").inner_text() == "! with errors"
    assert page.locator("#layers").is_hidden()
    details = page.locator("#details").inner_text()
    assert "Convolution2D has no argument 'nb_fliter'" in details
    assert "did you mean 'nb_filter'?" in details


@pytest.mark.parametrize("file", ["changed", "fresh", "gone", "same", "wrong"])
def test_axe_finds_nothing(folders: Any, file: str) -> None:
    side = "old" if file == "gone" else "new"
    page = folders(f"#file={{}}/{side}/{file}.yaml", color_scheme="dark")
    assert f"{file}.yaml" in page.locator("#files [aria-current]").inner_text()
    assert violations(page) == []


def test_a_long_comparison_stays_light(tmp_path: Path, open_page: OpenPage) -> None:
    layers = "".join(
        f"  - {{type: Convolution1D, name: c{i}, nb_filter: 4, filter_length: 1}}\n"
        for i in range(1_000)
    )
    old = f"convspec: 1\nname: long\ninput_shape: [8, 4]\nlayers:\n{layers}"
    new = old.replace("name: c500, nb_filter: 4", "name: c500, nb_filter: 5")
    names = (str(tmp_path / "old" / "net.yaml"), str(tmp_path / "new" / "net.yaml"))
    text = compared(tmp_path, {"net.yaml": old}, {"net.yaml": new}, *names)
    assert len(text) < 900_000
    page = open_page(text)
    elements = "document.querySelectorAll('*').length"
    assert page.evaluate(elements) < 3_000
    page.locator("#only").select_option("own")
    assert marks(page) == {"c500": "~ changed"}
    page.locator("#zoom-fit").click()
    page.wait_for_timeout(100)
    assert page.evaluate(elements) < 3_000


def test_files_with_hostile_names(tmp_path: Path, open_page: OpenPage) -> None:
    name = "<img src=x onerror=alert(1)>&layer=x.yaml"
    page = open_page(compared(tmp_path, {name: OLD, "a.yaml": OLD}, {name: NEW, "a.yaml": OLD}))
    page.locator("#layers tr[data-row]").first.click()
    assert page.locator("img").count() == 0
    page.reload()
    assert page.locator("#details h2").inner_text() == "conv1"
    assert page.locator("#new-name").inner_text().endswith(name)
