"""The two spellings of a spec brought to one: a header, typed layers, and their calls.

Native: ``convspec: 1`` and ``layers: [{type: .., ..}]``; each is called where it stands, and
``inputs`` names what it reads. Keras 1.x: ``class_name``, ``config`` and ``keras_version``;
``keras_models`` unfolds nested models and says what each call reads. What ``get_config()`` gave
and what Keras 0.x wrote is brought to that form first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from speccompiler.diagnostics.core import Diagnostic, Problem, Span
from speccompiler.loading.get_config import whole_model
from speccompiler.loading.layer_entries import CallEntry, LayerEntry
from speccompiler.loading.schema_errors import describe
from speccompiler.loading.training_keys import (
    MODEL_KEYS,
    OLD_MODEL_KEYS,
    keys_beside,
    keys_beside_layers,
)
from speccompiler.loading.tree_reading import Stop, text
from speccompiler.schemas.model import EXTENSION_PREFIX
from speccompiler.schemas.registry import ALIASES, LAYERS
from speccompiler.source.document import Document
from speccompiler.source.findings import shown
from speccompiler.source.saved_models import holds_old_layers, is_old_model
from speccompiler.source.tree import Entry, Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from speccompiler.loading.keras_models import KerasModel
    from speccompiler.loading.release_marks import ShownRelease

LAYERS_HINT = "list them by type, for example layers: [{type: Flatten}]"


@dataclass(slots=True)
class Entries:
    """What a document holds before any schema has looked at it."""

    native: bool
    header: Mapping | None = None
    keras_version: str | None = None
    shown_release: ShownRelease | None = None
    """Where the file names none and its layers tell; ``keras_version`` is then its own."""
    semantics: Literal["theano"] | None = None
    """The backend, where the writer had only one."""
    name: str | None = None
    layers: list[LayerEntry] = field(default_factory=list)
    """Native: also ``Shared`` calls, and an InputLayer for each of the header's inputs."""
    header_inputs: int = 0
    """How many of the layers, from the first on, are the header's inputs."""
    calls: list[CallEntry] | None = None
    """None: every layer is called once, where it stands (native)."""
    outputs: list[int] = field(default_factory=list)
    """Calls; the header says them in a native spec."""
    diagnostics: list[Diagnostic] = field(default_factory=list)


def read_entries(document: Document) -> Entries:
    """Tell the spelling apart and list the layers; findings are collected, not raised."""
    root = document.root
    if root is not None:
        root, note = whole_model(root)
        if note is not None and isinstance(root, Mapping):
            found = _keras(document, root, config_alone=True)
            found.diagnostics.insert(0, replace(note, file=document.file))
            return found
    if not isinstance(root, Mapping):
        found = Entries(native=True)
        if root is not None:
            kind = "a list" if isinstance(root, Sequence) else "one value"
            _report(
                found,
                document,
                root.span,
                Problem(
                    "CS020",
                    f"a spec is a mapping; this file holds {kind}",
                    "start it with 'convspec: 1', or give what Keras's to_json() wrote",
                ),
            )
        return found
    if ("class_name" in root.entries and "convspec" not in root.entries) or is_old_model(root):
        return _keras(document, root)
    if "convspec" in root.entries or "layers" in root.entries:
        return _native(document, root)
    found = Entries(native=True)
    _report(
        found,
        document,
        root.span,
        Problem(
            "CS020",
            "this is no model spec: neither 'convspec' nor 'class_name' is there",
            "start it with 'convspec: 1', or give what Keras's to_json() wrote",
        ),
    )
    return found


def _report(found: Entries, document: Document, span: Span | None, problem: Problem) -> None:
    found.diagnostics.append(problem.at(file=document.file, span=span))


def _native(document: Document, root: Mapping) -> Entries:
    found = Entries(native=True)
    inputs = root.entries.get("inputs")
    apart = {"layers"}
    if inputs is not None and isinstance(inputs.value, Mapping) and inputs.value.entries:
        apart.add("inputs")
        found.layers = [_input(name, entry) for name, entry in inputs.value.entries.items()]
        found.header_inputs = len(found.layers)
    header = {
        k: v
        for k, v in root.entries.items()
        if k not in apart and not k.startswith(EXTENSION_PREFIX)
    }
    found.header = Mapping(header, root.span)
    if "layers" not in root.entries:
        _report(
            found, document, root.span, Problem("CS035", "the spec has no 'layers'", LAYERS_HINT)
        )
        return found
    layers = root.entries["layers"].value
    if not isinstance(layers, Sequence) or not layers.items:
        _report(
            found,
            document,
            layers.span,
            Problem("CS035", "'layers' must be a list with at least one layer", LAYERS_HINT),
        )
        return found
    for node in layers.items:
        try:
            found.layers.append(native_layer(node))
        except Stop as stop:
            _report(found, document, stop.span, stop.problem)
        except Problem as problem:
            _report(found, document, node.span, problem)
    return found


def _input(name: str, entry: Entry) -> LayerEntry:
    """One of the header's inputs as the layer that it is short for."""
    arguments = {
        "name": Entry(entry.key_span, Scalar(name, entry.key_span)),
        "input_shape": Entry(entry.key_span, entry.value),
    }
    return LayerEntry("InputLayer", entry.key_span, Mapping(arguments, entry.key_span))


def native_layer(node: Node) -> LayerEntry:
    """A layer as a native spec writes it; CS021, CS026."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        raise Problem(
            "CS026",
            f"a layer is a mapping, not the text {describe(node.value)}",
            f"write - type: {shown(node.value)}",
        )
    if not isinstance(node, Mapping):
        raise Problem("CS026", "a layer is a mapping with a 'type'", _listed_hint(node))
    if "type" not in node.entries:
        raise Problem("CS021", "the layer needs 'type'", _type_hint(node))
    entry = node.entries["type"].value
    kind, reads = text(entry, "type"), None
    if "inputs" in node.entries:
        reads = tuple(_names(node.entries["inputs"].value))
        node = Mapping({k: v for k, v in node.entries.items() if k != "inputs"}, node.span)
    return LayerEntry(kind, entry.span, node, reads)


def _listed_hint(node: Node) -> str | None:
    """``[Dense, {output_dim: 3}]`` names a type, and then its arguments."""
    first = node.items[0] if isinstance(node, Sequence) and node.items else None
    known = isinstance(first, Scalar) and isinstance(first.value, str)
    if not isinstance(first, Scalar) or not known or first.value not in {*LAYERS, *ALIASES}:
        return None
    return f"write - {{type: {first.value}, ...}}"


def _type_hint(node: Mapping) -> str:
    """How a layer is written that does not say its type: often the type is a key."""
    if "class_name" in node.entries:
        return "'class_name' is Keras's word; the native form says 'type'"
    known = [key for key in node.entries if key in LAYERS or key in ALIASES]
    (key, entry), *more = node.entries.items() if node.entries else [("", None)]
    if known:
        key, entry = known[0], node.entries[known[0]]
    inside = entry.value if entry is not None else None
    holds = isinstance(inside, Mapping) or (isinstance(inside, Scalar) and inside.value is None)
    if known and isinstance(inside, Scalar) and key == "Activation" and not holds:
        return f"write - {{type: Activation, activation: {shown(str(inside.value))}}}"
    holds = holds or bool(known)
    if not holds or (more and not known):
        return _named_under_another_key(node) or "for example type: Convolution2D"
    empty = isinstance(inside, Mapping) and not inside.entries
    empty = empty or (isinstance(inside, Scalar) and inside.value is None)
    return f"write - {{type: {shown(key)}{', ...' if more or not empty else ''}}}"


def _named_under_another_key(node: Mapping) -> str | None:
    """``kind: Dense`` says the type, under a key of its own."""
    for key, entry in node.entries.items():
        value = entry.value.value if isinstance(entry.value, Scalar) else None
        if isinstance(value, str) and key != "name" and (value in LAYERS or value in ALIASES):
            return f"write type: {value} in the place of {shown(key)}: {value}"
    return None


def _names(node: Node) -> list[tuple[str, Span]]:
    """``inputs: a`` and ``inputs: [a, b]``."""
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        raise Stop(node.span, Problem("CS026", "'inputs' is empty", "name the layers it reads"))
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            found = describe(item.value) if isinstance(item, Scalar) else "no name"
            problem = Problem(
                "CS024",
                f"'inputs' is {found}, not a layer's name",
                "name the layers or inputs whose values it reads",
            )
            raise Stop(item.span, problem)
    return [(text(item, "inputs"), item.span) for item in items]


def _keras(document: Document, root: Mapping, *, config_alone: bool = False) -> Entries:
    from speccompiler.loading.keras2_marks import written_by_keras2
    from speccompiler.loading.keras_models import KerasModel, read_model
    from speccompiler.loading.release_marks import shown_release

    found = Entries(native=False)
    version = root.entries.get("keras_version")
    found.keras_version = document.keras_version
    if version is not None and isinstance(version.value, Scalar):
        found.keras_version = str(version.value.value)
    if found.keras_version is not None and not found.keras_version.startswith(("0.", "1.")):
        _report(
            found,
            document,
            root.span if version is None else version.value.span,
            Problem(
                "CS040",
                f"this was written by Keras {shown(found.keras_version)}; convspec reads "
                "what Keras 0.1 to 1.2.2 wrote",
                "write the model as a native spec, with the arguments of Keras 1.x; its weights "
                "are read as they are",
            ),
        )
        return found
    newer = None if found.keras_version is not None else written_by_keras2(root)
    if newer is not None:
        _report(found, document, *newer)
        return found
    known = OLD_MODEL_KEYS if is_old_model(root) else MODEL_KEYS
    found.diagnostics += [
        replace(beside, file=document.file) for beside in keys_beside(root.entries, known)
    ]
    model = KerasModel()
    try:
        root = _keras1(document, root, found, model)
        read_model(model, root)
    except Stop as stop:
        _report(found, document, stop.span, stop.problem)
    found.diagnostics += [
        replace(beside, file=document.file) for beside in keys_beside_layers(model.beside)
    ]
    found.layers, found.calls, found.outputs = model.layers, model.calls, model.outputs
    if found.keras_version is None:
        found.shown_release = shown_release(found.layers, config_alone=config_alone)
        found.keras_version = found.shown_release.version if found.shown_release else None
    for span, problem in model.findings:
        _report(found, document, span, problem)
    return found


def _keras1(document: Document, root: Mapping, found: Entries, model: KerasModel) -> Mapping:
    """The model in Keras 1.x's form; what Keras 0.x wrote says its release by its form."""
    if not holds_old_layers(root):
        return root
    from speccompiler.loading.keras0 import as_keras1

    old = as_keras1(root)
    if old is None:
        return root
    model.findings += old.findings
    found.diagnostics += [replace(note, file=document.file) for note in old.notes]
    if old.notes:
        found.keras_version = found.keras_version or old.keras_version
        found.semantics = "theano" if old.age == "before 0.3" else None
    return old.root
