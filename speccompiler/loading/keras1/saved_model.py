"""A model that Keras 1.x or 0.x saved, read into layers and calls."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras1.keras2_marks import written_by_keras2
from speccompiler.loading.keras1.models import KerasModel, read_model
from speccompiler.loading.keras1.release_marks import shown_release
from speccompiler.loading.keras1.training_keys import (
    MODEL_KEYS,
    OLD_MODEL_KEYS,
    keys_beside,
    keys_beside_layers,
)
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
    if found.keras_version is not None and not found.keras_version.startswith(("0.", "1.")):
        span = root.span if version is None else version.value.span
        found.report(_later_release(found.keras_version), document.file, span)
        return found
    if found.keras_version is None and (newer := written_by_keras2(root)) is not None:
        span, problem = newer
        found.report(problem, document.file, span)
        return found
    known = OLD_MODEL_KEYS if is_old_model(root) else MODEL_KEYS
    found.report_all(keys_beside(root.entries, known), document.file)
    model = KerasModel()
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


def _later_release(version: str) -> Problem:
    return Problem(
        "CS040",
        f"this was written by Keras {shown(version)}; convspec reads what Keras 0.1 to 1.2.2 wrote",
        "write the model as a native spec, with the arguments of Keras 1.x; its weights are read "
        "as they are",
    )


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
