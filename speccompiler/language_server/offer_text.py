"""How an offer is written at the cursor: quotes, colons, and places to fill in."""

from __future__ import annotations

import json

from speccompiler.language_server.cursor import Cursor
from speccompiler.language_server.offer import Offer


def offer_text(cursor: Cursor, offer: Offer) -> tuple[str, bool]:
    """The text, and whether it has places to fill in: ``${1}``."""
    word = offer.label
    dash = "- " if cursor.own_line and (cursor.kind == "item" or offer.whole) else ""
    if offer.whole:
        return dash + _whole_layer(cursor, offer), True
    if offer.kind == "argument" and not cursor.has_colon:
        return dash + _key_text(cursor, offer), True
    quotes = cursor.json and offer.quoted and not cursor.quoted
    if quotes or (not cursor.json and not cursor.quoted and _needs_quotes(word)):
        word = json.dumps(word, ensure_ascii=False)
    return dash + word, False


def _needs_quotes(word: str) -> bool:
    plain = all(sign.isalnum() or sign in "_-./@+#" for sign in word)
    return not plain or word[:1] in "-@#" or word.lower() in {"null", "~"}


def _key_text(cursor: Cursor, offer: Offer) -> str:
    """A key with its colon and a place for its value."""
    value = offer.after
    if value.startswith(("\n", " ")):
        return f"{_quoted_key(cursor, offer.label)}:{value}"
    if cursor.quoted:  # the quotes are there, and what follows them is not known
        return offer.label
    if cursor.json and value == "${1}":
        value = '"${1}"' if _is_text(offer) else value
    return f"{_quoted_key(cursor, offer.label)}: {value}"


def _quoted_key(cursor: Cursor, key: str) -> str:
    return f'"{key}"' if cursor.json and not cursor.quoted else key


def _is_text(offer: Offer) -> bool:
    """Whether only a text may be the value, which JSON has in quotes."""
    kinds = offer.documentation.split("\n", 1)[0].partition(": ")[2]
    return kinds in {"name", "text"} or offer.label in {"type", "class_name"}


def _whole_layer(cursor: Cursor, offer: Offer) -> str:
    """A layer in flow style, with places for the arguments that it needs."""
    quote = '"' if cursor.json else ""
    said = [f"{quote}type{quote}: {quote}{offer.label}{quote}"]
    needed = enumerate(offer.after.split(), 1)
    said += [f"{quote}{name}{quote}: ${{{number}}}" for number, name in needed]
    return f"{{{', '.join(said)}}}"
