"""A pull request in a repository of its own: four changes, told apart wherever they are shown.

The branch changes ``nb_filter`` of a layer, renames another, inserts a BatchNormalization and a
skip connection. What follows from each is worked out here by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error

from speccompiler.cli import main
from tests.drawing.browser import REQUIRED, chromium, opening
from tests.review_story import comment, git, repository


@pytest.fixture
def clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    place = repository(tmp_path)
    monkeypatch.chdir(place)
    for name in ("GITHUB_ACTIONS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return place


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main.run(["diff", "main", *arguments])
    return status, capsys.readouterr().out


# conv1: 3 x 3 x 3 x 8 = 216 weights and 8 biases more. conv2 reads 8 channels more: 3 x 3 x 8 x 32
# = 2,304 weights. norm3 has 4 x 32. Together 2,656 more than 146,122.
# Multiply-adds: 32 x 32 x 216 + 16 x 16 x 2,304 = 811,008 more than 4,113,024.
TEXT = """\
breaking: numbers change, old weights: 2 layers misfit, 1 missing, 1 renamed, parameters +1.8%, \
multiply-adds +19.7%, peak +2.9%
main:photo.yaml -> photo.yaml; layers: 1 changed, 1 renamed, 2 inserted, 2 follow, 4 unchanged

~ conv1     Convolution2D       nb_filter 16 -> 24
                                first to differ: output (N, 32, 32, 16) -> (N, 32, 32, 24)
                                old weights do not fit: W (3, 3, 3, 16) -> (3, 3, 3, 24), b (16,) -> (24,)
  pool1     MaxPooling2D        output (N, 16, 16, 16) -> (N, 16, 16, 24), because of 'conv1'
  conv2     Convolution2D       old weights do not fit: W (3, 3, 16, 32) -> (3, 3, 24, 32), because of 'conv1'
    1 layer unchanged
+ norm3     BatchNormalization  inserted after 'conv3'; gives (N, 16, 16, 32)
                                old weights lack gamma (32,), beta (32,), running_mean (32,), running_std (32,)
+ skip      Merge               inserted after 'norm3', 'conv2'; gives (N, 16, 16, 32)
    2 layers unchanged
> features  Dense               renamed from 'hidden'
                                old weights fit, and are named hidden/W, hidden/b
    1 layer unchanged

parameters       146,122 ->   148,778  +1.8%
multiply-adds     4.11 M ->    4.92 M  +19.7%
activations    160.3 KiB -> 264.3 KiB  +64.9%
peak memory      1.7 MiB ->   1.8 MiB  +2.9%
"""  # noqa: E501 - lines of a report


def test_the_terminal_tells_the_four_apart(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = diff(capsys)
    assert status == 1
    assert out.startswith(TEXT)


def cells(markdown: str) -> dict[str, list[str]]:
    """The rows of the tables of layers, by the layer's cell."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines()]
    return {row[1]: [row[0], *row[2:]] for row in rows if len(row) == 5 and row[1][:1] == "`"}


ROWS = {
    "`conv1`": [
        "**breaking**",
        "nb_filter 16 → 24<br>old weights do not fit: W (3, 3, 3, 16) → (3, 3, 3, 24), "
        "b (16,) → (24,)",
        "(N, 32, 32, 16) → (N, 32, 32, 24)",
        "448 → 672",
    ],
    "`norm3` (new)": [
        "**breaking**",
        "inserted after 'conv3'<br>old weights lack gamma (32,), beta (32,), "
        "running_mean (32,), running_std (32,)",
        "(N, 16, 16, 32)",
        "128",
    ],
    "`skip` (new)": ["**breaking**", "inserted after 'norm3', 'conv2'", "(N, 16, 16, 32)", ""],
    "`hidden` → `features`": [
        "**breaking**",
        "old weights fit, and are named hidden/W, hidden/b",
        "(N, 64)",
        "131,136",
    ],
    "`pool1`": [
        "note",
        "output (N, 16, 16, 16) → (N, 16, 16, 24), because of 'conv1'",
        "(N, 16, 16, 16) → (N, 16, 16, 24)",
        "",
    ],
    "`conv2`": [
        "**breaking**",
        "old weights do not fit: W (3, 3, 16, 32) → (3, 3, 24, 32), because of 'conv1'",
        "(N, 16, 16, 32)",
        "4,640 → 6,944",
    ],
}


def test_a_table_for_the_pull_request_tells_them_apart(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = diff(capsys, "--format", "markdown")
    assert status == 1
    assert cells(out) == ROWS
    folded = out.split("<summary>2 layers follow from these</summary>")[1]
    assert cells(folded).keys() == {"`pool1`", "`conv2`"}
    assert "| parameters | 146,122 | 148,778 | +1.8% |" in out


def test_the_comment_of_the_action_is_that_table(tmp_path: Path) -> None:
    body = comment(tmp_path)
    assert body.startswith(
        "<!-- convspec diff -->\n### `photo.yaml`\n\n**breaking**: numbers change"
    )
    assert cells(body) == ROWS
    assert re.search(r"<sub>\w{10} compared with \w{7,} by convspec</sub>\n$", body)


@pytest.fixture
def page(clone: Path, tmp_path: Path) -> Iterator[Any]:
    """The comparison in a browser."""
    assert main.run(["diff", "main", "--format", "html", "-o", "review.html"]) == 1
    try:
        with chromium() as browser, opening(browser, tmp_path) as open_page:
            yield open_page((clone / "review.html").read_text(encoding="utf-8"))
    except Error as error:
        if REQUIRED:
            raise
        pytest.skip(f"no browser (make browser): {error.message.splitlines()[0]}")


@pytest.mark.xdist_group("browser")
def test_the_page_tells_them_apart(page: Any) -> None:
    rows = [row.locator("td").all() for row in page.locator("#layers tr[data-row]").all()]
    told = {row[2].inner_text().split("\n")[0]: row for row in rows}
    assert {name: row[0].inner_text() for name, row in told.items()} == {
        "conv1": "~ changed",
        "pool1": "\u21b3 follows",
        "conv2": "\u21b3 follows",
        "conv3": "same",
        "norm3": "+ inserted",
        "skip": "+ inserted",
        "pool2": "same",
        "flat": "same",
        "features": "\u2192 renamed",
        "classes": "same",
    }
    assert told["features"][1].inner_text().split("\n")[0] == "hidden"
    assert told["conv1"][3].inner_text().split("\n")[0] == "nb_filter 16 \u2192 24"
    told["conv2"][2].click()
    details = page.locator("#details").inner_text()
    assert "old weights do not fit: W (3, 3, 16, 32) \u2192 (3, 3, 24, 32)" in details
    totals = page.locator("#totals div").first.inner_text()
    assert totals == "parameters\n146,122 \u2192 148,778 +1.8%"


def test_what_is_only_text_is_no_change(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A comment, and keys in another order, after the change is merged."""
    git(clone, "switch", "-q", "main")
    git(clone, "merge", "-q", "wider")
    file = clone / "photo.yaml"
    text = file.read_text(encoding="utf-8").replace(
        "nb_filter: 24, nb_row: 3", "nb_row: 3,   nb_filter: 24"
    )
    file.write_text(f"# Reviewed.\n{text}", encoding="utf-8")
    assert diff(capsys)[0] == 0
    assert diff(capsys, "--format", "markdown") == (0, "")


def test_limits_decide_what_fails(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(capsys, "--fail-on", "params>10%,peak>+10%")[0] == 0
    assert diff(capsys, "--fail-on", "macs>10%")[0] == 1
