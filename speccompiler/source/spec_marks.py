"""Whether a document among others is meant for convspec."""

from __future__ import annotations

import re

from speccompiler.source.document import Document
from speccompiler.source.saved_models import is_model
from speccompiler.source.tree import Mapping

_SAYS_SO = r"(?m)^[\s{]*[\"']?(?:convspec|class_name)[\"']?\s*:"


NAMES = (".convspec.yaml", ".convspec.yml", ".convspec.json")
"""How a file's name says that it is a spec, whatever it holds."""


def is_named_spec(file: str) -> bool:
    """Whether a name alone says so."""
    return file.lower().endswith(NAMES)


def looks_like_spec(document: Document) -> bool:
    """Whether a file found in a folder is meant for convspec, even with mistakes in it."""
    if is_named_spec(document.file):
        return True
    if document.root is not None and is_model(document.root):
        return True
    if isinstance(document.root, Mapping):
        return not {"convspec", "class_name"}.isdisjoint(document.root.entries)
    return document.root is None and re.search(_SAYS_SO, document.text) is not None
