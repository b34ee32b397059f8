"""What axe-core says of a page: WCAG A and AA, and its best practices."""

from __future__ import annotations

from typing import Any


def violations(page: Any) -> list[str]:
    """A line for each rule that is broken, with the first elements that break it."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: " + "; ".join(node["html"] for node in rule["nodes"][:3])
        for rule in found
    ]
