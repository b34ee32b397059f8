"""The pictures of docs/tutorial/review.md: `make story` writes docs/_static/review-*.png.

The repository and the pull request are those of the page. The comment is what the action writes,
shown as GitHub shows Markdown.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from markdown_it import MarkdownIt  # noqa: E402
from screenshots import INTO, picture, small  # noqa: E402

from speccompiler.cli.main import run  # noqa: E402
from tests.drawing.browser import chromium  # noqa: E402
from tests.review_story import comment, repository  # noqa: E402

WIDTH = 1000
STYLE = """
body { font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif;
  color: #1f2328; margin: 16px; }
.comment { border: 1px solid #d1d9e0; border-radius: 6px; }
.who { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0;
  padding: 8px 16px; color: #59636e; }
.who b { color: #1f2328; }
.text { padding: 16px; }
h3 { font-size: 17px; margin: 0 0 12px; }
.text h3 code { font-size: 100%; font-weight: 600; }
code { font: 12px ui-monospace, Menlo, Consolas, monospace; background: #eff1f3;
  padding: 2px 5px; border-radius: 6px; }
table { border-collapse: collapse; margin: 0 0 16px; }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; }
tr:nth-child(2n) td { background: #f6f8fa; }
sub { color: #59636e; }
"""


def as_page(markdown: str) -> str:
    """A comment as a page of HTML."""
    text = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown)
    who = "<b>github-actions</b> commented"
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><div class=comment>"
        f"<div class=who>{who}</div><div class=text>{text}</div></div>"
    )


def whole(browser: Any, text: str) -> bytes:
    """A PNG of a page, as high as it is."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 100}, device_scale_factor=1.5)
    page.set_content(text)
    shot: bytes = page.screenshot(full_page=True)
    page.close()
    return small(shot)


def main() -> None:
    """Write them all."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        place = repository(folder)
        with contextlib.chdir(place):
            status = run(["diff", "main", "--format", "html", "-o", "review.html"])
            assert status == 1, "the change is breaking"
        pictures = {
            "review-page": picture(browser, place / "review.html", "#layer=conv1", "light"),
            "review-comment": whole(browser, as_page(comment(folder))),
        }
        for title, content in pictures.items():
            (INTO / f"{title}.png").write_bytes(content)
            print(f"docs/_static/{title}.png: {len(content):,} bytes")


if __name__ == "__main__":
    main()
