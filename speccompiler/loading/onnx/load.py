"""An ONNX model to a spec: names, layers, calls, inputs, and the nodes that are not supported.

A value is *known* where it depends on constants and on shapes alone; nodes that give such values
are computed when the model is lowered, and are no layers.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.onnx.model import OnnxModel, OnnxNode, OnnxValue
from speccompiler.loading.header import document_name
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.loading.onnx.batch_axes import batch_axes
from speccompiler.loading.onnx.node_order import needed_nodes, producers
from speccompiler.loading.onnx.nodes_as_layers import constants_of, layer_of
from speccompiler.schemas.fields import LARGEST, Layer
from speccompiler.schemas.input_layer import InputLayer
from speccompiler.schemas.model import Call, ModelInput, ModelSpec, SemanticsFields
from speccompiler.schemas.onnx_graph import OnnxGraph
from speccompiler.schemas.profiles import Profile
from speccompiler.source.document import Document

FLOATS = {"float32": None, "float16": "float16", "float64": "float64", "bfloat16": None}
NUMBERS = {"int8", "int16", "int32", "int64", "uint8", "bool"}
"""What an input may hold, beside floats: numbers of rows, and what is made floats of."""


def load_onnx(
    document: Document,
    model: OnnxModel,
    *,
    semantics: Profile | None,
    dim_ordering: str | None,
    seed: int | None,
) -> LoadedSpec:
    """The spec, or what is wrong with the graph: CS263, CS264, CS266, CS269."""
    loaded = LoadedSpec(document, None, {}, ())
    if semantics is not None:
        note = "an ONNX model says itself what it computes: --semantics changes nothing"
        loaded = loaded.adding([Diagnostic("CS267", note, Severity.NOTE)])
    if dim_ordering is not None:
        note = "an ONNX model says itself how its axes lie: --dim-ordering changes nothing"
        loaded = loaded.adding([Diagnostic("CS267", note, Severity.NOTE)])
    try:
        return _loaded(loaded, model, seed)
    except Problem as problem:
        return loaded.adding([problem.at()])


def _loaded(loaded: LoadedSpec, model: OnnxModel, seed: int | None) -> LoadedSpec:
    nodes = needed_nodes(model, producers(model))
    inputs = _inputs(model, nodes)
    axes, notes = batch_axes(inputs, nodes)
    loaded = loaded.adding(notes)
    given_out = {value.name for value in model.outputs}
    names = _Names(given_out)
    called: dict[str, str] = {}
    layers: list[Layer] = []
    calls: list[Call] = []
    given: list[ModelInput] = []
    symbols: dict[str, tuple[int | str | None, ...]] = {}
    for value in inputs:
        name = names.take(value.name, "input", own=True)
        called[value.name] = name
        assert value.shape is not None, "an input has a shape"
        sample = (*value.shape[: axes[value.name]], *value.shape[axes[value.name] + 1 :])
        symbols[name] = sample
        lengths = tuple(n if isinstance(n, int) else None for n in sample) or (1,)
        dtype: Any = FLOATS.get(value.dtype, value.dtype)
        given.append(ModelInput.model_construct(name=name, shape=lengths, dtype=dtype))
        layers.append(InputLayer.model_construct(type="InputLayer", name=name))
        calls.append(Call(name, name))
    constants = constants_of(model)
    owners: dict[int, tuple[tuple[int, str], ...]] = {}
    read_later = {name for node in nodes for name in node.reads}
    read_later |= given_out
    for node in nodes:
        # The second input of CastLike says no more than a type.
        read = node.inputs[:1] if node.op_type == "CastLike" else node.reads
        reads = tuple(dict.fromkeys(called[name] for name in read if name in called))
        if not reads or node.op_type in {"Shape", "Size"}:
            continue
        named = f"{node.op_type.lower()}_{node.number}"
        own = node.name if node.name.strip() else named
        places: list[tuple[int, str]] = []
        for output, name in enumerate(node.outputs):
            if not name or (name not in read_later and places):
                continue
            if name not in read_later and any(n in read_later for n in node.outputs):
                continue
            # What the model gives is asked for by its own name.
            wanted = name if name in given_out else f"{own}.{output}" if places else own
            layer = names.take(wanted, named, own=name in given_out)
            called[name] = layer
            places.append((output, layer))
            layers.append(layer_of(model, constants, node, layer, output))
            calls.append(Call(layer, layer, reads))
        owners[node.number] = tuple(places)
    outputs = tuple(_output(value, called) for value in model.outputs)
    spec = ModelSpec.model_construct(
        name=model.name if _is_said(model.name) else document_name(loaded.document),
        semantics=SemanticsFields.model_construct(profile="tensorflow"),
        dim_ordering=None,
        inputs=tuple(given),
        seed=seed,
        weights=None,
        keras_version=None,
        layers=tuple(layers),
        calls=tuple(calls),
        outputs=outputs,
        onnx=OnnxGraph(model, nodes, tuple(v.name for v in inputs), axes, symbols, owners, called),
    )
    return replace(loaded, spec=spec)


_UNSAID = {"", "torch_jit", "torch-jit-export", "main_graph", "graph", "tf2onnx", "main"}
"""What exporters call every graph."""


def _is_said(name: str) -> bool:
    return name.lower() not in _UNSAID and bool(name.strip()) and name.isprintable()


class _Names:
    """Names of layers: each once, visible. An output's name is for what gives it alone."""

    def __init__(self, outputs: Set[str]) -> None:
        self._outputs = outputs
        self._taken: set[str] = set()

    def take(self, wanted: str, otherwise: str, *, own: bool) -> str:
        """The wanted name, or another where it is taken or nobody could read it.

        ``own`` for the name of an input or output of the model.
        """
        usable = bool(wanted.strip()) and wanted.isprintable()
        name = base = wanted if usable else otherwise
        number = 1
        while name in self._taken or (name in self._outputs and not own):
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


def _inputs(model: OnnxModel, nodes: Sequence[OnnxNode]) -> tuple[OnnxValue, ...]:
    """The inputs that are no initializers. CS264, CS269."""
    found = tuple(v for v in model.inputs if v.name not in model.initializers)
    if not found:
        raise Problem("CS269", "the model has no input", "what it gives is always the same")
    for value in found:
        shown = quoted(value.name)
        if value.dtype == "" or value.shape is None:
            raise Problem(
                "CS264",
                f"input {shown} is no tensor of a known rank",
                "export the model with the shapes of its inputs, with names for open lengths",
            )
        if value.dtype not in {*FLOATS, *NUMBERS}:
            raise Problem("CS264", f"input {shown} holds {value.dtype}", "floats can be read")
        if not value.shape:
            raise Problem(
                "CS263",
                f"input {shown} is a single number, without an axis for samples",
                "make it a constant of the model",
            )
        for length in value.shape[1:]:
            if isinstance(length, int) and not 0 < length <= LARGEST:
                raise Problem("CS269", f"input {shown} has an axis of length {length}")
    return found


def _output(value: OnnxValue, called: dict[str, str]) -> str:
    if value.name not in called:
        raise Problem(
            "CS266",
            f"output {quoted(value.name)} depends on no input: it is a constant, or a shape",
            "take it out of the model's outputs",
        )
    return called[value.name]
