"""The site as it was built: nothing leads nowhere, and nothing is fetched from elsewhere.

``make docs`` builds it and runs these; elsewhere they run where CONVSPEC_TEST_SITE names it.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from speccompiler.diagnostics.codes import CODES
from speccompiler.schemas.registry import LAYERS
from tests.places import ROOT

SITE = ROOT / os.environ.get("CONVSPEC_TEST_SITE", "build/docs")
OWN = {"genindex", "search", "py-modindex"}
"""Pages that Sphinx adds."""

pytestmark = pytest.mark.skipif(
    "CONVSPEC_TEST_SITE" not in os.environ, reason="make docs builds the site and runs this"
)


@dataclass
class Page(HTMLParser):
    """What a page holds: anchors, links, what it loads, headings without text."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in {"script", "img", "source", "iframe"} and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loaded.append(given["href"])


@cache
def pages() -> dict[str, Page]:
    found = {}
    for file in sorted(SITE.rglob("*.html")):
        page = Page()
        page.feed(file.read_text(encoding="utf-8"))
        found[file.relative_to(SITE).as_posix()] = page
    assert "index.html" in found
    return found


def target(page: str, link: str) -> tuple[str, str]:
    """File and anchor that a link within the site leads to."""
    parts = urlsplit(link)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path)))
    return (path if parts.path else page), unquote(parts.fragment)


def is_outside(link: str) -> bool:
    return urlsplit(link).scheme != "" or link.startswith("//")


def test_every_link_and_anchor_is_there() -> None:
    broken = []
    for name, page in pages().items():
        for link in page.links:
            if is_outside(link):
                continue
            file, anchor = target(name, link)
            if not (SITE / file).is_file():
                broken.append(f"{name}: {link}")
            elif anchor and file in pages() and anchor not in pages()[file].ids:
                broken.append(f"{name}: {link} has no such anchor")
    assert broken == []


def test_every_page_is_reached_by_links() -> None:
    seen: set[str] = set()
    ahead = ["index.html"]
    while ahead:
        name = ahead.pop()
        if name in seen or name not in pages():
            continue
        seen.add(name)
        ahead += [target(name, link)[0] for link in pages()[name].links if not is_outside(link)]
    missed = {name for name in pages() if name not in seen}
    assert {Path(name).stem for name in missed} <= OWN


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name, page in pages().items():
        for what in page.loaded:
            assert not is_outside(what), f"{name} loads {what}"
            assert (SITE / target(name, what)[0]).is_file(), f"{name} loads {what}"
    for sheet in SITE.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "url(http" not in text
        assert "@import" not in text


def test_every_code_has_an_anchor_of_its_name() -> None:
    assert set(CODES) <= pages()["diagnostics.html"].ids


def test_every_layer_has_an_anchor_of_its_name() -> None:
    assert {name.lower() for name in LAYERS} <= pages()["spec.html"].ids


def test_every_member_of_python_that_is_listed_is_there() -> None:
    source = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    listed = re.findall(r"auto\w+:: (\S+)\(\)\n +:members: (\w.*)", source)
    wanted = {f"{name}.{member}" for name, members in listed for member in members.split(", ")}
    assert wanted
    assert wanted - pages()["reference/python.html"].ids == set()


def test_the_schema_has_an_address_that_stays() -> None:
    schema = ROOT / "docs" / "convspec.schema.json"
    assert (SITE / "convspec.schema.json").read_bytes() == schema.read_bytes()


def test_blocks_of_code_are_coloured() -> None:
    for name in ("tutorial/keras-model.html", "how-to/python.html", "spec.html"):
        text = (SITE / name).read_text(encoding="utf-8")
        assert 'class="highlight-' in text
        assert '<span class="' in text
