"""A real Chromium for the tests of pages: the machine's, or the one that Playwright brought.

Without one these tests are skipped, but where CONVSPEC_TEST_REQUIRE names ``browser``, as in CI,
they fail. ``make browser`` sees to it that one is there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""What a browser's command is called, on one system or another."""
REQUIRED = "browser" in os.environ.get("CONVSPEC_TEST_REQUIRE", "").split(",")
WAIT = 10_000
"""Milliseconds for anything that a page does; all of it takes far less."""


def found_browser() -> str | None:
    """The path of a browser: what CONVSPEC_TEST_BROWSER says, or the first of ``NAMES``."""
    named = os.environ.get("CONVSPEC_TEST_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a window; Playwright's ``Error`` where there is none."""
    from playwright.sync_api import sync_playwright

    # Chromium's own sandbox does not work for root, nor in most containers.
    arguments = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found_browser(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


OpenPage = Callable[..., Any]


@contextmanager
def opening(browser: Any, folder: Path) -> Iterator[OpenPage]:
    """Gives a function that opens the text of a page. No page may complain or ask the network."""
    contexts, troubles = [], []

    def open_page(text: str, hash: str = "", **options: Any) -> Any:
        file = folder / f"page{len(contexts)}.html"
        file.write_text(text, encoding="utf-8")
        usual = {"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce"}
        context = browser.new_context(offline=True, **{**usual, **options})
        contexts.append(context)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: asked(request.url))
        page.goto(file.as_uri() + hash)
        return page

    def asked(url: str) -> None:
        if not url.startswith(("file:", "data:")):
            troubles.append(f"request: {url}")

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles, "\n".join(troubles)
