"""Figures in docs/scale.md: a page that people write, with tables that are filled in.

A table stands between two comments, ``<!-- figures: tiled -->`` and ``<!-- end of figures -->``.
"""

from __future__ import annotations

import re

from .markdown import about
from .results import Results
from .scale_tables import scale_tables

_PLACE = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
MISSING = "*not measured yet*"


def filled(page: str, results: Results | None) -> str:
    """The page with the tables of these results; places of parts that were not measured say so."""
    texts: dict[str, str] = {}
    if results is not None:
        texts["machine"] = "\n".join(f"* {line}" for line in about(results))
        for name, table in scale_tables(results):
            texts[name] = f"{table.render('github')}\n\n{table.note}"

    def place(found: re.Match[str]) -> str:
        return f"{found[1]}\n{texts.get(found[2], MISSING)}\n\n{found[3]}"

    return _PLACE.sub(place, page)
