"""The completions at a place of a text that need not be complete."""

from __future__ import annotations

from speccompiler.frozen import dataclass
from speccompiler.language_server.argument_docs import header_arguments
from speccompiler.language_server.cursor import MARK, Cursor, cursor_at
from speccompiler.language_server.loose_tree import LooseMap, LooseText
from speccompiler.language_server.offer import KindName, Offer
from speccompiler.language_server.offer_text import offer_text
from speccompiler.language_server.offers import offers_at


@dataclass(frozen=True, slots=True)
class Completion:
    """One thing that may stand in place of ``text[start:end]``."""

    label: str
    kind: KindName
    detail: str
    documentation: str
    start: int
    end: int
    new: str
    snippet: bool
    """Whether ``new`` has places to fill in: ``${1:..}``."""
    rank: int
    """Its place in the list."""


def completions_at(
    text: str, offset: int, folder: str | None = None, *, is_spec: bool = True
) -> list[Completion]:
    """The completions at an offset, the likeliest first; ``folder`` holds files to name.

    A text that is no spec may become one: where it says no key that a spec has not.
    """
    cursor = cursor_at(text, offset)
    if cursor is None or not (is_spec or _may_become_spec(cursor)):
        return []
    offers = offers_at(cursor, folder)
    fits = [
        (fit, offer) for offer in offers if (fit := _fit(offer.label, cursor.prefix)) is not None
    ]
    fits.sort(key=lambda pair: pair[0])
    return [_written(cursor, offer, rank) for rank, (_, offer) in enumerate(fits)]


def _may_become_spec(cursor: Cursor) -> bool:
    root = cursor.root
    if not isinstance(root, LooseMap):
        return isinstance(root, LooseText)
    said = {key for key, value in root.said().items() if MARK not in key}
    return bool(said or cursor.steps == ()) and said <= header_arguments().keys()


def _fit(label: str, prefix: str) -> int | None:
    """How well a label goes on with a prefix, 0 for best; None where it does not.

    What an editor gets is filtered by it as more is written, so that letters in order will do.
    """
    label, prefix = label.casefold(), prefix.casefold()
    if prefix in label:
        return 0 if label.startswith(prefix) else 1
    letters = iter(label)
    return 2 if all(letter in letters for letter in prefix) else None


def _written(cursor: Cursor, offer: Offer, rank: int) -> Completion:
    new, snippet = offer_text(cursor, offer)
    return Completion(
        offer.label,
        offer.kind,
        offer.detail,
        offer.documentation,
        cursor.start,
        cursor.end,
        new,
        snippet,
        rank,
    )
