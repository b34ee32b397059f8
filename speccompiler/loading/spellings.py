"""The two spellings of a spec brought to one form.

Native: ``convspec: 1`` and ``layers: [{type: .., ..}]``. Keras 1.x: ``class_name``, ``config`` and
``keras_version``. What ``get_config()`` gave and what Keras 0.x wrote is brought to Keras 1.x's
form first.
"""

from __future__ import annotations

from dataclasses import replace

from speccompiler.diagnostics.core import Problem
from speccompiler.loading.keras1.get_config import whole_model
from speccompiler.loading.native_form import read_native
from speccompiler.loading.written_spec import WrittenSpec
from speccompiler.source.document import Document
from speccompiler.source.saved_models import is_old_model
from speccompiler.source.tree import Mapping, Sequence


def read_written(document: Document) -> WrittenSpec:
    """Tell the spelling apart and list the layers; findings are collected, not raised."""
    if document.root is None:
        return WrittenSpec(native=True)
    root, note = whole_model(document.root)
    if not isinstance(root, Mapping):
        kind = "a list" if isinstance(root, Sequence) else "one value"
        return _no_spec(document, f"a spec is a mapping; this file holds {kind}")
    if note is not None:
        found = _keras(document, root, config_alone=True)
        found.diagnostics.insert(0, replace(note, file=document.file))
        return found
    if ("class_name" in root.entries and "convspec" not in root.entries) or is_old_model(root):
        return _keras(document, root)
    if "convspec" in root.entries or "layers" in root.entries:
        return read_native(document, root)
    return _no_spec(document, "this is no model spec: neither 'convspec' nor 'class_name' is there")


def _no_spec(document: Document, message: str) -> WrittenSpec:
    found = WrittenSpec(native=True)
    hint = "start it with 'convspec: 1', or give what Keras's to_json() wrote"
    assert document.root is not None, "an unread document has findings of its own"
    found.report(Problem("CS020", message, hint), document.file, document.root.span)
    return found


def _keras(document: Document, root: Mapping, *, config_alone: bool = False) -> WrittenSpec:
    # Most specs are native, and need not wait for this to be imported.
    from speccompiler.loading.keras1.saved_model import read_saved_model

    return read_saved_model(document, root, config_alone=config_alone)
