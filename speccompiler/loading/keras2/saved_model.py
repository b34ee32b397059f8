"""A model that Keras 2, tf.keras or Keras 3 saved, read into layers and calls."""

from __future__ import annotations

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.loading.keras1.models import KerasModel, read_model
from speccompiler.loading.keras2.model import as_keras1
from speccompiler.loading.keras2.writer import Writer
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.loading.written_spec import WrittenSpec
from speccompiler.source.document import Document
from speccompiler.source.tree import Mapping


def read_later_model(
    document: Document, root: Mapping, writer: Writer, found: WrittenSpec
) -> WrittenSpec:
    """Fill ``found`` with the layers and calls; findings are collected, not raised."""
    found.keras_version = writer.keras_version
    found.later = True
    found.semantics = "theano" if writer.theano else "tensorflow"
    model = KerasModel()
    try:
        later = as_keras1(root, writer)
        model.findings += later.findings
        found.report_all(later.notes, document.file)
        read_model(model, later.root)
    except ProblemAt as placed:
        found.report(placed.problem, document.file, placed.span)
    found.layers, found.calls, found.outputs = model.layers, model.calls, model.outputs
    for span, problem in model.findings:
        found.report(problem, document.file, span)
    if writer.line == "Keras 2" and writer.backend is None:
        found.report_all([_unsaid_backend(root)], document.file)
    return found


def _unsaid_backend(root: Mapping) -> Diagnostic:
    return Diagnostic(
        "CS244",
        "the file does not say on which backend Keras 2 ran; it is read as TensorFlow's",
        Severity.NOTE,
        span=root.span,
        hint="--semantics theano reads it as Theano's, whose kernels are flipped",
    )
