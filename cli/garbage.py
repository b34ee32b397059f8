"""Collecting garbage in a command that runs for long; ``main`` switches it off for start-up."""

from __future__ import annotations

import gc

OBJECTS = 50_000
"""How many more objects there are when Python looks for garbage among them: it looks at 700 by
default, which a command passes some hundred times while it imports modules and makes a plan."""


def collect_rarely() -> None:
    """Collect again. What was made so far stays."""
    gc.freeze()
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    gc.enable()
