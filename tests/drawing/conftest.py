"""One browser for each file of tests, and a way to open pages in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drawing.browser import OpenPage, chromium, opening


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Its memory is that of one browser: the tests of pages run in one process (xdist_group)."""
    with chromium() as found:
        yield found


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens the text of a page; afterwards nothing may have gone wrong in it."""
    with opening(browser, tmp_path) as found:
        yield found
