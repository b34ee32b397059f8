"""Models as ONNX files, checked by ONNX itself and run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from speccompiler.convert.conversion import convert
from speccompiler.convert.onnx.of_model import onnx_model
from speccompiler.graph import ir
from speccompiler.graph.dims import symbols
from speccompiler.model import Model

TOLERANCE = 1e-5
"""Of the largest output."""

Array = npt.NDArray[Any]


def exported(model: Model, **to: Any) -> Any:
    """The model as ONNX, valid by its checker and its inference of shapes."""
    made = onnx_model(convert(model, **to))
    onnx.checker.check_model(made, full_check=True)
    onnx.shape_inference.infer_shapes(made, strict_mode=True, data_prop=True)
    return made


def run(made: Any, inputs: Sequence[Array]) -> list[Array]:
    """What ONNX Runtime gives: a model as bytes, or the name of a file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    source = made if isinstance(made, str) else made.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    found: list[Array] = session.run(None, dict(zip(names, inputs, strict=True)))
    return found


def judged(model: Model, inputs: Sequence[Array]) -> list[Array]:
    """What the reference target gives."""
    shapes = dict(zip(model.input_names, (x.shape[1:] for x in inputs), strict=True))
    given: Any = dict(zip(model.input_names, inputs, strict=True))
    several = len(inputs) > 1
    compiled = model.compile("reference", input_shape=shapes if several else inputs[0].shape[1:])
    found = compiled.run(given if several else inputs[0])
    if isinstance(found, dict):
        return list(found.values())
    return list(found) if isinstance(found, list | tuple) else [found]


def assert_close(found: Sequence[Array], wanted: Sequence[Array], what: str = "") -> None:
    for y, judge in zip(found, wanted, strict=True):
        assert y.dtype == np.float32, what
        assert y.shape == judge.shape, what
        most = np.abs(judge[np.isfinite(judge)]).max(initial=0)
        np.testing.assert_allclose(y, judge, rtol=0, atol=TOLERANCE * most, err_msg=what)


def assert_same(model: Model, inputs: Sequence[Array], what: str = "") -> Any:
    """The model as ONNX, which gives the reference's numbers."""
    made = exported(model)
    assert_close(run(made, inputs), judged(model, inputs), what)
    return made


def samples(model: Model, count: int = 3, length: int = 6, seed: int = 7) -> list[Array]:
    """A batch for each input; open lengths are ``length``."""
    random = np.random.default_rng(seed)
    looks_up = any(isinstance(node.op, ir.Lookup) for node in model.graph)
    low, high = (0, 2) if looks_up else (-3, 3)
    return [
        random.uniform(
            low, high, (count, *(length if symbols(n) else int(n) for n in node.shape))
        ).astype(np.float32)
        for node in model.graph.inputs
    ]


def kinds(made: Any) -> list[str]:
    """The operations of a model, in order."""
    return [node.op_type for node in made.graph.node]
