"""One browser for each file of tests, and a way to open pages in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.drawing.browser import REQUIRED, OpenPage, chromium, opening


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Its memory is that of one browser: the tests of pages run in one process (xdist_group)."""
    from playwright.sync_api import Error

    with ExitStack() as stack:
        try:
            found = stack.enter_context(chromium())
        except Error as error:
            reason = f"no browser (make browser): {error.message.splitlines()[0]}"
            if REQUIRED:
                pytest.fail(reason)
            pytest.skip(reason)
        yield found


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens the text of a page; afterwards nothing may have gone wrong in it."""
    with opening(browser, tmp_path) as found:
        yield found
