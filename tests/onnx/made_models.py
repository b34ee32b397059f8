"""Small ONNX models made for a test, and what onnxruntime gives for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import speccompiler

Array = npt.NDArray[Any]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str | None]],
    outputs: Sequence[str] = ("y",),
    constants: Mapping[str, Array] | None = None,
    *,
    opset: int = 17,
    whole: Sequence[str] = (),
) -> onnx.ModelProto:
    """A model; ``whole`` names inputs of whole numbers."""
    graph = helper.make_graph(
        list(nodes),
        "made",
        [
            helper.make_tensor_value_info(
                name, TensorProto.INT64 if name in whole else TensorProto.FLOAT, shape
            )
            for name, shape in inputs.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(a, name) for name, a in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def node(kind: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by blanks, and a ``-`` stands for an input that is left out."""
    read = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(kind, read, outputs.split(), **attributes)


def onnxruntime_gives(made: onnx.ModelProto, arrays: Mapping[str, Array]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    return list(session.run(None, dict(arrays)))


def convspec_gives(
    made: onnx.ModelProto, arrays: Mapping[str, Array], folder: Path, target: str = "reference"
) -> list[Array]:
    """The outputs of a model; arrays have samples first."""
    path = folder / "made.onnx"
    path.write_bytes(made.SerializeToString())
    loaded = speccompiler.load(path)
    shapes = {name: a.shape[1:] for name, a in arrays.items()}
    given = loaded.compile(target, input_shape=shapes).run(dict(arrays))
    return given if isinstance(given, list) else [given]


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)
