"""A JSON Schema brought to what editors make the most of, and to what every draft understands.

Editors read it through yaml-language-server, which promises draft 7 alone. What two drafts spell
differently is spelt so that both read the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DIALECT = "http://json-schema.org/draft-07/schema#"
_CODE = re.compile(
    r"""\{[^{}]*\}
    | (?<!\w)\[ (?: [^\[\]] | \[[^\[\]]*\] )* \]
    | (?<!\w)'[^']+'(?!\w)
    | `[^`]+`
    | (?<![\w`.])[a-z]+_[a-z_]+(?![\w`])""",
    re.VERBOSE,
)
"""What a description quotes of a spec: values in quotes or brackets, and names of arguments."""


def for_editors(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema: no titles of arguments, no default that is nothing, Markdown for hovers."""
    return {key: _inside(key, value) for key, value in _plain(schema).items()}


def _inside(key: str, value: Any) -> Any:
    if key in {"properties", "patternProperties", "$defs"}:
        # Here keys are names, and not words of JSON Schema.
        titled = key == "$defs"
        return {name: _schema(inner, titled=titled) for name, inner in value.items()}
    if key in {"const", "enum", "default", "examples"}:
        return value
    return _schema(value)


def _schema(value: Any, *, titled: bool = False) -> Any:
    if isinstance(value, list):
        return [_schema(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = for_editors(value)
    if not titled:
        found.pop("title", None)
    return found


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(schema)
    if found.get("default", 0) is None:
        del found["default"]
    if "prefixItems" in found:
        items = found.pop("prefixItems")
        assert all(item == items[0] for item in items), "items of one kind, in draft 7 too"
        found["items"] = items[0]
    if isinstance(found.get("description"), str):
        found["markdownDescription"] = as_markdown(found["description"])
    return found


def as_markdown(description: str) -> str:
    """A description with what it quotes as code; a hover shows it."""

    def code(found: re.Match[str]) -> str:
        said = found.group()
        return f"`{said.strip(chr(39))}`" if said[0] != "`" else said

    return _CODE.sub(code, description)
