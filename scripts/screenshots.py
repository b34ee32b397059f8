"""The pictures of HTML pages that docs/ shows: `make screenshots` writes docs/_static/*.png."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from speccompiler.cli.main import run  # noqa: E402
from tests.drawing.browser import chromium  # noqa: E402

INTO = ROOT / "docs" / "_static"
RESIDUAL = ROOT / "examples" / "specs" / "residual.yaml"
SIZE = {"width": 1600, "height": 900}
CHANGES = {
    "name: conv1\n    nb_filter: 16": "name: conv1\n    nb_filter: 24",
    "name: relu1,": "name: leaky1,",
    "  - {type: ELU, name: block}": "  - {type: BatchNormalization, name: again}\n"
    "  - {type: ELU, name: block}",
    "  - {type: SpatialDropout2D, p: 0.1}\n": "",
}
"""What a branch did to the example."""


def write_pages(folder: Path) -> dict[str, tuple[Path, str, str]]:
    """Of each picture: the page, where in it, light or dark."""
    text = RESIDUAL.read_text(encoding="utf-8")
    changed = text
    for old, new in CHANGES.items():
        assert old in changed, f"the example has no longer {old!r}"
        changed = changed.replace(old, new)
    (folder / "main.yaml").write_text(text, encoding="utf-8")
    (folder / "branch.yaml").write_text(changed, encoding="utf-8")
    with contextlib.chdir(folder):  # the page shows the names as they are given
        run(["shapes", "main.yaml", "--format", "html", "-o", "report.html"])
        run(["diff", "main.yaml", "branch.yaml", "--format", "html", "-o", "diff.html"])
    return {
        "report-page": (folder / "report.html", "#layer=conv2", "light"),
        "diff-page": (folder / "diff.html", "#layer=conv1", "dark"),
    }


def picture(browser: Any, page: Path, hash: str, scheme: str) -> bytes:
    """A PNG of the page's first screen."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
    opened = context.new_page()
    opened.goto(page.as_uri() + hash)
    shot: bytes = opened.screenshot()
    context.close()
    return small(shot)


def small(shot: bytes) -> bytes:
    """As many colours as a palette holds: all that a page has, and half of the bytes."""
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    fewer = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    fewer.save(out, "png", optimize=True)
    return out.getvalue()


def main() -> None:
    """Write them all."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, (page, hash, scheme) in write_pages(Path(folder)).items():
            content = picture(browser, page, hash, scheme)
            (INTO / f"{name}.png").write_bytes(content)
            print(f"docs/_static/{name}.png: {len(content):,} bytes")


if __name__ == "__main__":
    main()
