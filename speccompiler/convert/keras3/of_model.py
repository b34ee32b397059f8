"""A loaded model as layers of Keras 3."""

from __future__ import annotations

from speccompiler.convert.conversion import Converted
from speccompiler.convert.export_source import export_source
from speccompiler.convert.keras3.builder import TO_ONNX
from speccompiler.convert.keras3.export import Functional, functional
from speccompiler.diagnostics.core import Problem


def keras_model(converted: Converted) -> Functional:
    """The model, under the semantics and the ordering that it was converted to.

    Raises ``SpecError``: CS095 without weights, CS251 for what no layer of Keras 3 says.
    """
    source = export_source(converted)
    try:
        return functional(source.graph, source.read_weight, source.inputs, source.origin)
    except Problem as problem:
        if converted.model.spec.onnx is not None and problem.hint == TO_ONNX:
            problem.hint = (
                "use the .onnx file as it is: ONNX Runtime runs it, as every command here"
            )
        where = converted.model.weights_file if problem.code != "CS251" else None
        raise converted.model.refused(problem, where) from None
