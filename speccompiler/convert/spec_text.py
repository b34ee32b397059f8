"""A native spec as YAML for people: a line for each layer, what is default left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from speccompiler.convert.conversion import Converted
from speccompiler.graph.dims import format_dim
from speccompiler.graph.ir import Graph, Shape
from speccompiler.loading.dim_orderings import ordering_of
from speccompiler.loading.keras1.releases import release_to_say
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.lowering.states import fixed_batch
from speccompiler.schemas.arguments import own_arguments
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.input_layer import InputLayer
from speccompiler.schemas.model import Call, ModelSpec, SemanticsFields
from speccompiler.schemas.recorded_arrays import Vectors
from speccompiler.schemas.training import Unknown, unknown_arguments

WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./#-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})


def spec_text(
    converted: Converted,
    *,
    spec_path: Path,
    weights_path: Path | None,
    weights_sha256: str | None = None,
) -> str:
    """The spec, commented; ``weights_path`` is the file that was written beside it."""
    spec = converted.spec
    lines = [f"# {line}" for line in _opening(converted)]
    lines += ["convspec: 1", f"name: {scalar(spec.name)}"]
    assert spec.semantics is not None, "a converted spec says whose numbers it gives"
    lines.append(f"semantics: {_semantics(spec.semantics)}")
    if (release := release_to_say(spec.keras_version)) is not None:
        lines.append(f"keras_version: {scalar(release)}  # whose masks, softmax and penalties")
    ordering = _common_ordering(spec)
    if ordering is not None:
        place = "after the batch axis" if ordering == "th" else "last"
        lines.append(f"dim_ordering: {ordering:<14} # channels {place}")
    first = spec.inputs[0]
    if len(spec.inputs) == 1:
        lines.append(f"input_shape: {flow(list(first.shape))}")
        if first.dtype not in {None, "float32"}:
            lines.append(f"input_dtype: {first.dtype}")
    if fixed_batch(spec) is not None:
        lines.append(f"batch_size: {spec.batch_size}  # states go on from batch to batch")
    if spec.seed is not None:
        lines.append(f"seed: {spec.seed}")
    if weights_path is not None:
        lines.append(f"weights: {scalar(relative(weights_path, spec_path))}")
        if weights_sha256 is not None:
            lines.append(f"weights_sha256: {weights_sha256}  # of its tensors")
    if spec.budget is not None:
        budget = spec.budget.model_dump(exclude_none=True)
        lines.append(f"budget: {flow(budget)}")
    if list(spec.outputs) != [spec.calls[-1].name]:
        lines.append(f"outputs: {flow(list(spec.outputs))}")
    lines += ["", "layers:"]
    graph = lower(spec, Semantics.of(spec.semantics, spec)).graph
    assert graph is not None, "a converted spec can be lowered"
    lines += _layers(spec, graph, ordering)
    lines += _vectors(converted, spec_path)
    return "\n".join(lines) + "\n"


def _opening(converted: Converted) -> Iterator[str]:
    document = converted.model.loaded.document
    version = converted.spec.keras_version
    writer = f", which Keras {version} wrote" if version else ""
    # A name that is no text (bytes that are not UTF-8) is escaped.
    source = os.path.basename(document.shown_file).encode("utf-8", "backslashreplace").decode()
    yield f"Made by convspec convert from {source}{writer}."
    if converted.model.loaded.spec is not None and converted.model.spec.semantics is None:
        yield "Its numbers are the same under TensorFlow's semantics and under Theano's."
    yield from converted.notes


def _semantics(fields: SemanticsFields) -> str:
    given = {k: v for k, v in fields.model_dump().items() if v is not None}
    if len(given) > 1:
        return flow(given)
    comment = "kernels are correlated, 'same' is split as TensorFlow does"
    if fields.profile.startswith("theano"):
        comment = "kernels are reversed, 'same' is split as Theano did"
    return f"{fields.profile:<16}  # {comment}"


def _common_ordering(spec: ModelSpec) -> str | None:
    """The ordering that the header says: that of all layers which have one, where they agree."""
    found = {o for layer in spec.layers if (o := ordering_of(layer)) is not None}
    return found.pop() if len(found) == 1 else None


def relative(path: Path, spec_path: Path) -> str:
    """A file's path as a spec says it: from the folder of the spec."""
    return Path(os.path.relpath(path, spec_path.parent)).as_posix()


def _layers(spec: ModelSpec, graph: Graph, ordering: str | None) -> Iterator[str]:
    """An item for each call: the layer itself the first time, ``Shared`` after that.

    The inputs come first, in the model's order; the others follow as they can be computed.
    """
    shapes = {node.name: node.shape for node in graph.nodes}
    counts: dict[str, int] = {}
    for weight in graph.weights():
        size = 1
        for length in weight.stored_shape:
            size *= length
        counts[weight.layer] = counts.get(weight.layer, 0) + size
    calls = {call.name: call for call in spec.calls}
    order = [calls[entry.name] for entry in spec.inputs]
    order += [call for call in spec.calls if call.inputs]
    layers = spec.by_call()
    seen: set[str] = set()
    previous: str | None = None
    for call in order:
        shared = call.layer in seen
        layer = layers[call.name]
        item = _item(spec, call, layer, previous, ordering, shared=shared)
        parameters = 0 if shared else counts.get(call.layer, 0)
        seen.add(call.layer)
        comment = _comment(shapes[call.name], parameters)
        yield from _entry(item, comment + ("" if shared else _left_out(layer)))
        previous = call.name


def _item(
    spec: ModelSpec,
    call: Call,
    layer: Layer,
    previous: str | None,
    ordering: str | None,
    *,
    shared: bool,
) -> dict[str, Any]:
    item: dict[str, Any]
    if shared:
        item = {"type": "Shared", "layer": call.layer, "name": call.name}
    else:
        item = {"type": layer.class_name, "name": call.name, **_arguments(layer, ordering)}
        if isinstance(layer, InputLayer) and call.inputs:
            # In a nested model. An InputLayer would be one more input of this one.
            item = {"type": "Activation", "name": call.name, "activation": "linear"}
    several = len(spec.inputs) > 1
    if not call.inputs and several:
        entry = next(given for given in spec.inputs if given.name == call.name)
        item["input_shape"] = list(entry.shape)
        if entry.dtype not in {None, "float32"}:
            item["input_dtype"] = entry.dtype
    if call.inputs and call.inputs != (previous,):
        item["inputs"] = list(call.inputs)
    return item


def _arguments(layer: Layer, ordering: str | None) -> dict[str, Any]:
    """The arguments that differ from their defaults; those that the layer needs come first."""
    found: dict[str, Any] = {}
    fields = type(layer).model_fields
    for name in (*own_arguments(type(layer)), "trainable"):
        described = fields[name]
        value = getattr(layer, name)
        if isinstance(value, Unknown):
            # A rate of dropout or a deviation of noise that is unknown has to be given as a number.
            value = value.true if name == "trainable" else 0
            if name != "trainable" and not described.is_required():
                continue
        if name in {"weights", "input_dim", "input_length"} and not described.is_required():
            continue
        if name == "dim_ordering":
            if value not in {ordering, "default"}:
                found[name] = value
        elif isinstance(value, Layer):
            named = {} if value.name is None else {"name": value.name}
            found[name] = {"type": value.class_name, **named, **_arguments(value, ordering)}
        elif described.is_required() or value != described.get_default(call_default_factory=True):
            found[name] = value
    return found


def _left_out(layer: Layer) -> str:
    """What a Keras file says for training, and no spec can say."""
    parts = (layer,) if layer.inner is layer else (layer, layer.inner)
    unknown = [item for part in parts for item in unknown_arguments(part).items()]
    found = [value.found for argument, value in unknown if argument != "trainable"]
    return f"; left out: {'; '.join(found)}" if found else ""


def _comment(shape: Shape, parameters: int) -> str:
    lengths = ", ".join(["N", *map(format_dim, shape)])
    return f"({lengths})" + (f", {parameters:,} parameters" if parameters else "")


def _entry(item: Mapping[str, Any], comment: str) -> Iterator[str]:
    """One line where it fits; without room for the comment that comes before; else several."""
    line = f"  - {flow(item)}"
    if len(f"{line}  # {comment}") <= WIDTH:
        yield f"{line}  # {comment}"
        return
    yield f"  # {comment}"
    if len(line) <= WIDTH:
        yield line
        return
    start = "  - "
    for key, value in item.items():
        yield f"{start}{key}: {flow(value)}"
        start = "    "


def _vectors(converted: Converted, spec_path: Path) -> Iterator[str]:
    """Recorded arrays stay with the spec, unless its arrays now have another layout."""
    vectors = converted.spec.verify
    if vectors is None:
        return
    before = [entry.shape for entry in converted.model.spec.inputs]
    if [entry.shape for entry in converted.spec.inputs] != before:
        yield "\n# The recorded arrays under 'verify' are of the other dim_ordering, and were left."
        return
    base = Path(converted.model.loaded.document.file).parent
    yield "\nverify:"
    for name in Vectors.model_fields:
        value = getattr(vectors, name)
        if value is not None and value != {}:
            yield f"  {name}: {flow(_moved_files(value, base, spec_path))}"


def _moved_files(value: Any, base: Path, spec_path: Path) -> Any:
    if isinstance(value, str):
        return relative(base / value, spec_path)
    if isinstance(value, dict):
        return {key: _moved_files(entry, base, spec_path) for key, entry in value.items()}
    return value


def flow(value: Any) -> str:
    """A value as one line of YAML 1.2."""
    if isinstance(value, Layer):
        return flow({"type": value.class_name, "name": value.name, **_arguments(value, None)})
    if isinstance(value, BaseModel):
        given = {name: getattr(value, name) for name in type(value).model_fields}
        return flow({k: v for k, v in given.items() if v is not None})
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(k))}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return scalar(value)


def scalar(value: object) -> str:
    """Text is quoted where it could be read as anything else."""
    import json

    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS and " #" not in value
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
