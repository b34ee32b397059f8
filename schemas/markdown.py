"""Tables of keys in Markdown, with the defaults as a spec writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_MEANT = {"activation": "linear"}
"""What leaving an argument out means, for arguments whose default has a name."""


def table(fields: Mapping[str, FieldInfo]) -> str:
    """A Markdown table with a row for each key; empty where there are none."""
    rows = [
        f"| `{name}` | {default_of(name, field)} | {_cell(field.description or '')} |"
        for name, field in fields.items()
    ]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows, ""]) if rows else ""


def default_text(name: str, field: FieldInfo) -> str:
    """An argument's default as a spec writes it, or ``required``."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    value = _MEANT.get(name) if value is None else value
    value = list(value) if isinstance(value, tuple) else value
    return value if isinstance(value, str) else json.dumps(value)


def default_of(name: str, field: FieldInfo) -> str:
    """The cell of a default."""
    text = default_text(name, field)
    return text if field.is_required() else f"`{text}`"


def first_line(model: type[BaseModel]) -> str:
    """The first line of a schema's docstring."""
    return (model.__doc__ or "").strip().splitlines()[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
