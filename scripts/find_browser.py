"""See to it that the tests of pages have a browser: `make browser`.

What is there is taken; else root installs Debian's or Ubuntu's chromium, and everybody else gets
the one that Playwright brings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.drawing.browser import chromium, found_browser


def installing() -> list[list[str]]:
    """The commands that install one here."""
    if shutil.which("apt-get") and os.getuid() == 0:
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
        return [["apt-get", "update"], install]
    return [[sys.executable, "-m", "playwright", "install", "chromium"]]


def works() -> str | None:
    """The version of the browser that the tests find; None without one."""
    from playwright.sync_api import Error

    try:
        with chromium() as browser:
            return str(browser.version)
    except Error:
        return None


def main() -> int:
    """The exit status."""
    version = works()
    if version is None:
        for command in installing():
            subprocess.run(command, check=True)
        version = works()
    print(f"browser: {version or 'none'} ({found_browser() or 'of Playwright'})")
    return 0 if version else 1


if __name__ == "__main__":
    sys.exit(main())
