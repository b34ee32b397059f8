"""A loaded model as an ONNX model."""

from __future__ import annotations

from speccompiler.convert.conversion import Converted
from speccompiler.convert.export_source import export_source
from speccompiler.convert.onnx.export import exported
from speccompiler.convert.onnx.protobuf import Model
from speccompiler.diagnostics.core import Problem


def onnx_model(converted: Converted) -> Model:
    """The model, under the semantics and the ordering that it was converted to.

    Raises ``SpecError``: CS095 without weights, CS250 for what ONNX cannot say.
    """
    source = export_source(converted)
    try:
        return exported(source.graph, source.read_weight, source.inputs, source.origin)
    except Problem as problem:
        where = converted.model.weights_file if problem.code != "CS250" else None
        raise converted.model.refused(problem, where) from None
