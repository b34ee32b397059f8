"""Keras's models as layers and their calls.

A Sequential is a chain; its first layer may be a Merge that holds the branches that it merges. A
name stands for one layer, however often it is written in the chain and its branches: these may
share layers, or be the same (Keras 1.2.2 models.py:1044, ``layer_cache``, and
``flattened_layers``). A functional model says for each call of a layer what it reads, ``[layer,
call, tensor]``; the calls of a layer are counted from 0, those of a nested model from 1 (Keras
1.2.2 engine/topology.py:2475-2541). A model inside TimeDistributed becomes its layers, each
applied to every step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from typing import Literal

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.diagnostics.wording import described, shown
from speccompiler.frozen import dataclass
from speccompiler.loading.keras1.calls import Calls
from speccompiler.loading.keras1.links import check_nested, connected, link_of
from speccompiler.loading.keras1.parts import (
    Branches,
    Chain,
    Member,
    OneLayer,
    Part,
    Several,
    Timed,
    WithStates,
    input_count,
    output_count,
    sources,
)
from speccompiler.loading.keras1.timed import INPUTS, MODELS, holds_model, in_steps
from speccompiler.loading.keras1.training_keys import LAYER_KEYS
from speccompiler.loading.keras2.unique_names import unique
from speccompiler.loading.tree_reading import ProblemAt, child, items_of, text
from speccompiler.loading.written_spec import WrittenCall, WrittenLayer, is_unknown, own_name
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode, to_data


@dataclass(slots=True)
class KerasModel:
    """The layers and calls that were read, and what was found in single layers.

    ``beside`` maps each unknown key that stands beside a layer's class and config to its places.
    """

    layers: list[WrittenLayer] = field(default_factory=list)
    calls: list[WrittenCall] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    findings: list[tuple[Span, Problem]] = field(default_factory=list)
    beside: dict[str, list[Span]] = field(default_factory=dict)


_Names = dict[str, tuple[object, Part]]
"""The part that each name stands for so far, and the class and config that it was given."""


def read_model(found: KerasModel, root: Mapping) -> None:
    """The layers and calls of a whole model; raises ``ProblemAt`` for what ends the reading."""
    part = _model(found, root)
    if not found.findings:
        calls = Calls(root.span)
        found.outputs = list(calls.of(part, None))
        found.calls = calls.calls


def _model(found: KerasModel, node: Mapping, names: _Names | None = None) -> Part:
    class_node = child(node, "class_name")
    class_name = text(class_node, "class_name")
    config = child(node, "config")
    if class_name == "Sequential":
        return _sequential(found, config, {} if names is None else names)
    if class_name in MODELS:
        if not isinstance(config, Mapping):
            raise ProblemAt(config.span, Problem("CS024", "the config of a Model is a mapping"))
        return _network(found, config, names)
    raise ProblemAt(
        class_node.span,
        Problem("CS028", f"a model is Sequential or Model, not {described(class_name)}"),
    )


def _sequential(found: KerasModel, config: TreeNode, names: _Names) -> Part:
    items = config.items if isinstance(config, Sequence) else ()
    if not items:
        raise ProblemAt(config.span, Problem("CS035", "the model has no layers"))
    return Chain(
        tuple(
            _part(found, item, names=names, place="chain" if index else "first")
            for index, item in enumerate(items)
        )
    )


def _part(
    found: KerasModel,
    item: TreeNode,
    *,
    names: _Names | None = None,
    place: Literal["first", "chain", "branch", "member"] = "member",
) -> Part:
    """A layer or a nested model.

    What cannot be read is a finding, and the model then gets no calls. A name in ``names`` stands
    for the same layer where it is written again.
    """
    if not isinstance(item, Mapping):
        problem = Problem("CS026", "a layer is a mapping with class_name and config")
        found.findings.append((item.span, problem))
        return OneLayer(-1)
    class_node = child(item, "class_name")
    class_name = text(class_node, "class_name")
    config = child(item, "config")
    for key, entry in item.entries.items():
        if key not in LAYER_KEYS:
            found.beside.setdefault(key, []).append(entry.key_span)
    name = _name(config)
    meaning = (class_name, to_data(config)) if names is not None and name else None
    if names is not None and name in names and names[name][0] == meaning:
        return names[name][1]
    if class_name in MODELS:
        # The layers of a functional model have their own names, unless a Merge flattens it.
        shared = class_name == "Sequential" or place == "branch"
        part = _model(found, item, names if shared and place != "member" else None)
    else:
        part = _one(found, item, class_node, config, names=names, place=place)
    if names is not None and name and part != OneLayer(-1):
        names.setdefault(name, (meaning, part))
    return part


def _name(config: TreeNode) -> str:
    """The name that a layer or a functional model has; a Sequential stores none."""
    entry = config.entries.get("name") if isinstance(config, Mapping) else None
    value = entry.value if entry is not None else None
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else ""


def _one(
    found: KerasModel,
    item: Mapping,
    class_node: TreeNode,
    config: TreeNode,
    *,
    names: _Names | None,
    place: str,
) -> Part:
    """A layer, with the branches that a Merge holds, or the model that TimeDistributed holds."""
    class_name = text(class_node, "class_name")
    if not isinstance(config, Mapping):
        problem = Problem("CS024", "the config of a layer is a mapping")
        found.findings.append((config.span, problem))
        return OneLayer(-1)
    inner = config.entries["layer"].value if "layer" in config.entries else None
    if class_name == "TimeDistributed" and isinstance(inner, Mapping) and holds_model(inner):
        return _timed(found, config, inner)
    branches = None
    at_start = place in {"first", "branch"}
    if class_name == "Merge" and at_start and "layers" in config.entries:
        branches = items_of(config.entries["layers"].value, "layers")
        config = Mapping({k: v for k, v in config.entries.items() if k != "layers"}, config.span)
    parts = tuple(_part(found, item, names=names, place="branch") for item in branches or ())
    unknown = is_unknown(item)
    own = "convspec" in item.entries and not unknown
    written = WrittenLayer(class_name, class_node.span, config, own=own, unknown=unknown)
    found.layers.append(written)
    layer = OneLayer(len(found.layers) - 1)
    if branches is None:
        return _both_directions(found, layer) or layer
    return Branches(parts, layer)


def _both_directions(found: KerasModel, layer: OneLayer) -> Part | None:
    """The two values of a Bidirectional whose merge_mode is null; None for any other layer.

    Each is taken by a layer of ours, named after it.
    """
    entry = found.layers[layer.number]
    mode = entry.arguments.entries.get("merge_mode")
    if entry.type != "Bidirectional" or mode is None or to_data(mode.value) is not None:
        return None
    name, span = own_name(entry), entry.type_span
    first = len(found.layers)
    for index, direction in enumerate(("forward", "backward")):
        arguments = {"index": Entry(span, Scalar(index, span))}
        if name is not None:
            arguments["name"] = Entry(span, Scalar(f"{name}_{direction}", span))
        found.layers.append(WrittenLayer("Pick", span, Mapping(arguments, span), own=True))
    return Several(layer, (OneLayer(first), OneLayer(first + 1)))


_STATES = {"SimpleRNN": ("h",), "GRU": ("h",), "LSTM": ("h", "c"), "ConvLSTM2D": ("h", "c")}


def _with_states(found: KerasModel, part: Part, read: set[int], others: Iterable[str]) -> Part:
    """A recurrent layer of Keras 2 or later with those of its last states that links name.

    They are its outputs from 1 on. Each is read by a layer of ours, named after it as none of the
    ``others`` is.
    """
    if not isinstance(part, OneLayer) or part.number < 0 or not any(read):
        return part
    entry = found.layers[part.number]
    inner = entry.arguments.entries.get("layer")
    names = _STATES.get(entry.type, ())
    if entry.type == "Bidirectional" and inner is not None:
        held = _STATES.get(text_at(inner.value, "type") or "", ())
        names = tuple(f"{way}_{name}" for way in ("forward", "backward") for name in held)
    if not entry.own or not names:
        return part
    name, span = own_name(entry), entry.type_span
    taken = {*others, *(own for one in found.layers if (own := own_name(one)) is not None)}
    states: list[OneLayer | None] = []
    for index, state in enumerate(names):
        if index + 1 not in read:
            states.append(None)
            continue
        arguments = {"index": Entry(span, Scalar(index, span))}
        if name is not None:
            arguments["name"] = Entry(span, Scalar(unique(taken, f"{name}_{state}"), span))
        found.layers.append(WrittenLayer("State", span, Mapping(arguments, span), own=True))
        states.append(OneLayer(len(found.layers) - 1))
    return WithStates(part, tuple(states))


def _outputs_read(node: TreeNode, found: dict[str, set[int]]) -> dict[str, set[int]]:
    """The numbers of the outputs of each layer that links anywhere in a node name."""
    if isinstance(node, Mapping):
        for key in ("inbound_nodes", "output_layers"):
            if key in node.entries:
                _outputs_read(node.entries[key].value, found)
    elif isinstance(node, Sequence):
        values = [item.value if isinstance(item, Scalar) else None for item in node.items]
        if len(values) == 3 and isinstance(values[0], str) and isinstance(values[2], int):
            found.setdefault(values[0], set()).add(values[2])
        else:
            for item in node.items:
                _outputs_read(item, found)
    return found


def _timed(found: KerasModel, config: Mapping, inner: Mapping) -> Part:
    """The layers of a model, each inside TimeDistributed."""
    start = len(found.layers)
    part = _part(found, inner)
    counts = input_count(part), output_count(part)
    if counts != (1, 1):
        raise ProblemAt(
            inner.span,
            Problem(
                "CS062",
                "TimeDistributed applies a model with one input and one output; this one has "
                f"{counts[0]} and {counts[1]}",
            ),
        )
    trainable = config.entries.get("trainable")
    frozen = trainable is not None and not to_data(trainable.value)
    found.layers[start:] = [
        in_steps(entry, trainable if frozen else None) for entry in found.layers[start:]
    ]
    declared = {key: config.entries[key] for key in INPUTS if key in config.entries}
    for number in sources(part):
        if number >= start:
            arguments = found.layers[number].arguments
            extended = Mapping({**arguments.entries, **declared}, arguments.span)
            found.layers[number] = replace(found.layers[number], arguments=extended)
    return Timed(part)


def _network(found: KerasModel, config: Mapping, names: _Names | None) -> Part:
    members: dict[str, Member] = {}
    items = items_of(child(config, "layers"), "layers")
    read = _outputs_read(config, {})
    for item in items:
        _outputs_read(item, read)
    for item in items:
        if not isinstance(item, Mapping):
            raise ProblemAt(item.span, Problem("CS024", "a layer is a mapping"))
        name_node = child(item, "name")
        name = text(name_node, "name")
        if name in members:
            raise ProblemAt(
                name_node.span,
                Problem(
                    "CS029",
                    f"two layers are named '{shown(name)}'; the first is on line "
                    f"{members[name].span.line}",
                    "weights and reports find a layer by its name: give each its own",
                ),
            )
        inbound = child(item, "inbound_nodes")
        calls = tuple(
            tuple(link_of(link) for link in items_of(call, "inbound_nodes"))
            for call in items_of(inbound, "inbound_nodes")
        )
        part = _part(found, item, names=names)
        part = _with_states(found, part, read.get(name, set()), read.keys())
        check_nested(part, name_node.span, calls)
        first = 0 if isinstance(part, OneLayer | Several | WithStates | Timed) else 1
        members[name] = Member(part, first, calls or ((),), name_node.span)
    return connected(config, members)
