"""Whether a document among others is meant for convspec."""

from __future__ import annotations

import re

from speccompiler.source.document import Document
from speccompiler.source.saved_models import is_model
from speccompiler.source.tree import Mapping

_SAYS_SO = r"(?m)^[\s{]*[\"']?(?:convspec|class_name)[\"']?\s*:"


def looks_like_spec(document: Document) -> bool:
    """Whether a file found in a folder is meant for convspec, even with mistakes in it."""
    if document.root is not None and is_model(document.root):
        return True
    if isinstance(document.root, Mapping):
        return not {"convspec", "class_name"}.isdisjoint(document.root.entries)
    return document.root is None and re.search(_SAYS_SO, document.text) is not None
