"""The JSON Schemas of what commands print, as they are shipped: a file for each command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("json_schemas")
_END = ".schema.json"


def names() -> tuple[str, ...]:
    """The commands whose data have a schema."""
    return tuple(sorted(f.removesuffix(_END) for f in os.listdir(_FOLDER) if f.endswith(_END)))


def schema(name: str) -> dict[str, Any]:
    """The schema of what a command prints, draft 2020-12."""
    found: dict[str, Any] = json.loads((_FOLDER / f"{name}{_END}").read_text(encoding="utf-8"))
    return found
