"""The two spellings of a spec brought to one: a header, and typed layers in order.

Native: ``convspec: 1`` and ``layers: [{type: .., ..}]``. Keras 1.x: ``class_name``,
``config`` and ``keras_version``, with nested Sequential models unfolded, and a
functional Model where it is a plain chain (Keras 1.2.2 engine/topology.py:2475-2541).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from speccompiler.diagnostics import Diagnostic, Problem, Span
from speccompiler.source.document import Document
from speccompiler.source.findings import shown
from speccompiler.source.tree import Mapping, Node, Scalar, Sequence, to_data

from .schema_errors import describe

LAYERS_HINT = "list them by type, for example layers: [{type: Flatten}]"


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer as written: its type, and the mapping that holds its arguments."""

    type: str
    type_span: Span
    arguments: Mapping


@dataclass(slots=True)
class Entries:
    """What a document holds before any schema has looked at it."""

    native: bool
    header: Mapping | None = None
    keras_version: str | None = None
    name: str | None = None
    layers: list[LayerEntry] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def read_entries(document: Document) -> Entries:
    """Tell the spelling apart and list the layers; findings are collected, not raised."""
    root = document.root
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
    if "class_name" in root.entries and "convspec" not in root.entries:
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


def _report(found: Entries, document: Document, span: Span, problem: Problem) -> None:
    found.diagnostics.append(problem.at(file=document.file, span=span))


def _native(document: Document, root: Mapping) -> Entries:
    found = Entries(native=True)
    found.header = Mapping({k: v for k, v in root.entries.items() if k != "layers"}, root.span)
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
            found.layers.append(_native_layer(node))
        except _Stop as stop:
            _report(found, document, stop.span, stop.problem)
        except Problem as problem:
            _report(found, document, node.span, problem)
    return found


def _native_layer(node: Node) -> LayerEntry:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        raise Problem(
            "CS026",
            f"a layer is a mapping, not the text {describe(node.value)}",
            f"write - type: {shown(node.value)}",
        )
    if not isinstance(node, Mapping):
        raise Problem("CS026", "a layer is a mapping with a 'type'")
    if "type" not in node.entries:
        hint = "'class_name' is Keras's word; the native form says 'type'"
        raise Problem(
            "CS021",
            "the layer needs 'type'",
            hint if "class_name" in node.entries else "for example type: Convolution2D",
        )
    entry = node.entries["type"].value
    return LayerEntry(_text(entry, "type"), entry.span, node)


def _text(node: Node, key: str) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    value = node.value if isinstance(node, Scalar) else to_data(node)
    raise _Stop(node.span, Problem("CS024", f"'{key}' is {describe(value)}, not text"))


def _keras(document: Document, root: Mapping) -> Entries:
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
                "what Keras 1.0 to 1.2.2 wrote",
                "write the model as a native spec, with the arguments of Keras 1.x",
            ),
        )
        return found
    for key, entry in root.entries.items():
        if key not in {"class_name", "config", "keras_version"}:
            _report(
                found,
                document,
                entry.key_span,
                Problem("CS022", f"a Keras 1.x model has no key '{shown(key)}'"),
            )
    try:
        for item in _model_layers(root):
            if isinstance(item, LayerEntry):
                found.layers.append(item)
            else:
                _report(found, document, item[0], item[1])
    except _Stop as stop:
        _report(found, document, stop.span, stop.problem)
    return found


class _Stop(Exception):
    """A problem after which the rest of the layer, or of a Keras model, cannot be read."""

    def __init__(self, span: Span, problem: Problem) -> None:
        super().__init__(problem.message)
        self.span = span
        self.problem = problem


def _child(node: Mapping, key: str) -> Node:
    if key not in node.entries:
        raise _Stop(node.span, Problem("CS021", f"the Keras model needs '{key}' here"))
    return node.entries[key].value


def _model_layers(model: Mapping) -> Iterator[LayerEntry | tuple[Span, Problem]]:
    """The layers of a Sequential or chain Model, nested ones unfolded in place."""
    class_node = _child(model, "class_name")
    class_name = _text(class_node, "class_name")
    config = _child(model, "config")
    if class_name == "Sequential":
        if isinstance(config, Mapping):
            raise _Stop(
                config.span,
                Problem(
                    "CS040",
                    "the config of a Sequential is a mapping: Keras 2.2.3 or later wrote this",
                    "convspec reads what Keras 1.0 to 1.2.2 wrote",
                ),
            )
        items = config.items if isinstance(config, Sequence) else ()
    elif class_name in {"Model", "Container"}:
        if not isinstance(config, Mapping):
            raise _Stop(config.span, Problem("CS024", "the config of a Model is a mapping"))
        items = _chain(config)
    else:
        raise _Stop(
            class_node.span,
            Problem("CS028", f"a model is Sequential or Model, not {describe(class_name)}"),
        )
    if not items:
        raise _Stop(config.span, Problem("CS035", "the model has no layers"))
    for item in items:
        if not isinstance(item, Mapping):
            yield item.span, Problem("CS026", "a layer is a mapping with class_name and config")
            continue
        name_node = _child(item, "class_name")
        name = _text(name_node, "class_name")
        if name in {"Sequential", "Model", "Container"}:
            yield from _model_layers(item)
            continue
        arguments = _child(item, "config")
        if isinstance(arguments, Mapping):
            yield LayerEntry(name, name_node.span, arguments)
        else:
            yield arguments.span, Problem("CS024", "the config of a layer is a mapping")


def _chain(config: Mapping) -> tuple[Node, ...]:
    """The layers of a functional model, refused unless each feeds exactly the next."""
    layers = _child(config, "layers")
    if not isinstance(layers, Sequence):
        raise _Stop(layers.span, Problem("CS024", "'layers' is a list"))
    first, previous = "", None
    for item in layers.items:
        if not isinstance(item, Mapping):
            raise _Stop(item.span, Problem("CS024", "a layer is a mapping"))
        name = _text(_child(item, "name"), "name")
        inbound = _child(item, "inbound_nodes")
        if _sources(inbound) != ([] if previous is None else [[previous]]):
            raise _Stop(
                inbound.span,
                Problem(
                    "CS039",
                    f"layer '{shown(name)}' makes the model branch, merge or share a layer",
                    "this version reads functional models that are one chain",
                ),
            )
        first = name if previous is None else first
        previous = name
    if previous is not None:
        _check_end(_child(config, "input_layers"), "input", "first", first)
        _check_end(_child(config, "output_layers"), "output", "last", previous)
    return layers.items


def _check_end(ends: Node, side: str, place: str, name: str) -> None:
    """CS039 unless the model's input or output is the chain's end of this name."""
    found = _sources(Sequence((ends,), ends.span))[0]
    if len(found) != 1:
        count = "several" if len(found) > 1 else "no"
        raise _Stop(ends.span, Problem("CS039", f"the model has {count} {side} layers"))
    if found != [name]:
        raise _Stop(
            ends.span,
            Problem(
                "CS039",
                f"the model's {side} is layer '{shown(found[0])}', but the {place} layer of its "
                f"chain is '{shown(name)}'",
                "this version reads functional models that are one chain",
            ),
        )


def _sources(inbound: Node) -> list[list[str]]:
    """For each call of a layer, the names of the layers it reads."""
    calls: list[list[str]] = []
    for call in inbound.items if isinstance(inbound, Sequence) else ():
        names: list[str] = []
        for link in call.items if isinstance(call, Sequence) else ():
            if isinstance(link, Sequence) and link.items and isinstance(link.items[0], Scalar):
                names.append(str(link.items[0].value))
        calls.append(names)
    return calls
