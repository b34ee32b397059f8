"""One file of HTML that needs nothing beside it: style, script and data are in the page.

The data is JSON in an element of its own, and the script writes every name as text, so that
no name of a layer can become markup. A Content-Security-Policy allows this style and this script
by their digests, and no connection at all.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib import resources
from typing import Any

from speccompiler.diagnostics.wording import on_one_line

_SHARED_STYLE = ("colours", "frame", "graph", "table", "details", "print")
_SHARED_SCRIPT = (
    "elements",
    "sizes",
    "theme",
    "help",
    "search",
    "zoom",
    "graph_keys",
    "graph_boxes",
    "graph_view",
    "table",
)


def html_page(
    title: str, body: str, scripts: Sequence[str], styles: Sequence[str], data: dict[str, Any]
) -> str:
    """The page of ``body.html``; the shared parts come before ``scripts`` and ``styles``."""
    style = "\n".join(_asset(f"{name}.css") for name in (*_SHARED_STYLE, *styles))
    script = "\n".join(_asset(f"{name}.js") for name in (*_SHARED_SCRIPT, *scripts))
    script = f'"use strict";\n(() => {{\n{script}\n}})();\n'
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(on_one_line(title)),
        "style": style,
        "body": _asset(f"{body}.html"),
        "help": _asset("help.html"),
        "data": embedded(data),
        "script": script,
    }
    # In one pass: nothing that is put in is looked at again.
    before, *pieces = _asset("page.html").split("{{")
    for piece in pieces:
        name, _, after = piece.partition("}}")
        before += parts[name] + after
    return before


def embedded(data: dict[str, Any]) -> str:
    """JSON that ends no element and opens no comment, whatever its texts are."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _asset(name: str) -> str:
    return (resources.files("speccompiler.drawing") / "page" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """How a Content-Security-Policy names the text of an element."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
