"""The tensors of an ONNX model: initializers of its file, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from speccompiler.diagnostics.core import Problem
from speccompiler.files.tensor_info import TensorInfo
from speccompiler.graph.ir import Graph, Weight
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.weights.files.file_state import file_state, joined_state
from speccompiler.weights.files.weight_file import WeightFile
from speccompiler.weights.sources import FileTensor, TensorSource, WeightSources

if TYPE_CHECKING:
    from speccompiler.files.onnx.model import OnnxModel
    from speccompiler.lowering.onnx.values import Known


def onnx_weights(
    loaded: LoadedSpec, graph: Graph, tensors: Mapping[tuple[str, str], Known], given: Path | None
) -> WeightSources:
    """A source for each tensor of the graph. CS268 for a file that was given beside the model."""
    if given is not None:
        problem = Problem(
            "CS268",
            "an ONNX model holds its weights itself, and takes none from another file",
            "leave out --weights",
        )
        return WeightSources({}, (loaded.locate(problem.at(file=str(given))),))
    assert loaded.spec is not None, "weights are looked for in a valid spec"
    file = _file(loaded.spec.onnx.model, {known.name: known for known in tensors.values()})
    wanted = {weight.name: weight for weight in graph.weights()}
    sources: dict[Weight, TensorSource] = {
        weight: FileTensor(file, tensors[name].name, None, weight.stored_shape)
        for name, weight in wanted.items()
    }
    return WeightSources(sources, ())


def _file(model: OnnxModel, known: Mapping[str, Known]) -> WeightFile:
    def load(info: TensorInfo) -> npt.NDArray[Any]:
        return known[info.name].array()

    parts = (model.path, *model.external_paths) if model.external_paths else ()
    return WeightFile(
        model.path,
        {name: TensorInfo(name, k.shape, k.dtype) for name, k in known.items()},
        load,
        joined_state(parts) if parts else file_state(model.path),
        format="onnx",
        what="ONNX model",
        parts=parts,
    )
