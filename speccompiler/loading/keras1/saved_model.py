"""A model that Keras saved, of any release, read into layers and calls."""

from __future__ import annotations

from speccompiler.loading.keras1.models import KerasModel, read_model
from speccompiler.loading.keras1.release_marks import shown_release
from speccompiler.loading.keras1.training_keys import (
    MODEL_KEYS,
    OLD_MODEL_KEYS,
    keys_beside,
    keys_beside_layers,
)
from speccompiler.loading.keras2.writer import writer_of
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.loading.written_spec import WrittenSpec
from speccompiler.source.document import Document
from speccompiler.source.saved_models import holds_old_layers, is_old_model
from speccompiler.source.tree import Mapping, Scalar


def read_saved_model(document: Document, root: Mapping, *, config_alone: bool) -> WrittenSpec:
    """The layers and calls of a saved model; findings are collected, not raised.

    ``config_alone`` says that ``get_config()`` gave the text, so that no release stands in it.
    """
    found = WrittenSpec(native=False)
    version = root.entries.get("keras_version")
    found.keras_version = document.keras_version
    if version is not None and isinstance(version.value, Scalar):
        found.keras_version = str(version.value.value)
    model = KerasModel()
    try:
        writer = writer_of(root, document.keras_version, document.backend)
    except ProblemAt as placed:
        found.report(placed.problem, document.file, placed.span)
        return found
    if writer is not None:
        from speccompiler.loading.keras2.saved_model import read_later_model

        return read_later_model(document, root, writer, found)
    known = OLD_MODEL_KEYS if is_old_model(root) else MODEL_KEYS
    found.report_all(keys_beside(root.entries, known), document.file)
    try:
        root = _in_form_of_keras1(document, root, found, model)
        read_model(model, root)
    except ProblemAt as placed:
        found.report(placed.problem, document.file, placed.span)
    found.report_all(keys_beside_layers(model.beside), document.file)
    found.layers, found.calls, found.outputs = model.layers, model.calls, model.outputs
    if found.keras_version is None:
        found.shown_release = shown_release(found.layers, config_alone=config_alone)
        found.keras_version = found.shown_release.version if found.shown_release else None
    for span, problem in model.findings:
        found.report(problem, document.file, span)
    return found


def _in_form_of_keras1(
    document: Document, root: Mapping, found: WrittenSpec, model: KerasModel
) -> Mapping:
    """The model in Keras 1.x's form; what Keras 0.x wrote says its release by its form."""
    if not holds_old_layers(root):
        return root
    from speccompiler.loading.keras0.model import as_keras1

    old = as_keras1(root)
    if old is None:
        return root
    model.findings += old.findings
    found.report_all(old.notes, document.file)
    if old.notes:
        found.keras_version = found.keras_version or old.keras_version
        found.semantics = "theano" if old.age == "before 0.3" else None
    return old.root
