"""A whole model of Keras 2, tf.keras or Keras 3 as Keras 1.x wrote one; models nest."""

from __future__ import annotations

from speccompiler.diagnostics.core import Diagnostic, Problem, Span
from speccompiler.frozen import dataclass
from speccompiler.loading.keras0.tree_building import added, class_of, scalar, sequence
from speccompiler.loading.keras2.functions import function_member
from speccompiler.loading.keras2.layers import layer
from speccompiler.loading.keras2.links import calls, counted_from_one, ends, numbers_read
from speccompiler.loading.keras2.mask_functions import mask_functions
from speccompiler.loading.keras2.origin import is_custom
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.wrappers import SPECTRAL, WRAPPERS, holding, in_a_row, inside_of
from speccompiler.loading.keras2.writer import Writer
from speccompiler.loading.tree_reading import ProblemAt, child, items_of, text
from speccompiler.loading.written_spec import is_unknown
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

MODELS = frozenset({"Sequential", "Model", "Functional"})
_STEPPING = frozenset({"SimpleRNN", "LSTM", "GRU", "ConvLSTM2D", "Bidirectional"})
"""Classes, by their names here, that may be called on the states which they begin with."""
_ENDS = ("input_layers", "output_layers")


@dataclass(frozen=True, slots=True)
class LaterModel:
    """The model as Keras 1.x would have written it, and what was found in it."""

    root: Mapping
    findings: tuple[tuple[Span, Problem], ...]
    notes: tuple[Diagnostic, ...]


def as_keras1(root: Mapping, writer: Writer) -> LaterModel:
    """The model of a file; raises ``ProblemAt`` for what ends the reading."""
    reading = Reading(writer)
    model = part(reading, root, "")
    return LaterModel(model[0], tuple(reading.findings), tuple(reading.notes()))


def part(reading: Reading, node: TreeNode, container: str, *, held: bool = False) -> list[Mapping]:
    """A layer, a model, or a wrapper with what it holds."""
    if not isinstance(node, Mapping):
        raise ProblemAt(
            node.span, Problem("CS026", "a layer is a mapping with class_name and config")
        )
    kind = text(child(node, "class_name"), "class_name")
    if kind in MODELS and not is_custom(node):
        return [_model(reading, node, kind, container)]
    config = child(node, "config")
    if kind == "Pipeline" and isinstance(config, Mapping) and not is_custom(node):
        listed = items_of(child(config, "layers"), "layers")
        found = [one for item in listed for one in part(reading, item, container)]
        return found or layer(reading, node, container, held=held)
    if kind in SPECTRAL and isinstance(config, Mapping):
        return part(reading, inside_of(node, config), container, held=held)
    if kind in WRAPPERS and isinstance(config, Mapping) and not is_custom(node):
        node = holding(
            reading, node, config, lambda inner: part(reading, inner, container, held=True)
        )
    return layer(reading, node, container, held=held)


def _model(reading: Reading, node: Mapping, kind: str, container: str) -> Mapping:
    config = child(node, "config")
    at = child(node, "class_name").span
    name = text_at(config, "name") or text_at(node, "name") or container
    if kind == "Sequential":
        listed = child(config, "layers") if isinstance(config, Mapping) else config
        items = listed.items if isinstance(listed, Sequence) else ()
        if not container and items and isinstance(config, Mapping):
            items = (_on_input(items[0], config), *items[1:])
        found: list[TreeNode] = [one for item in items for one in part(reading, item, name)]
        return class_of("Sequential", at, sequence(config.span, found))
    if not isinstance(config, Mapping):
        raise ProblemAt(config.span, Problem("CS024", "the config of a Model is a mapping"))
    if "layers" not in config.entries:
        raise ProblemAt(at, _subclassed(config))
    return class_of("Model", at, _network(reading, config, name))


def _on_input(first: TreeNode, config: Mapping) -> TreeNode:
    """The first layer of a Sequential that was built late, on the shape that was found then."""
    built = config.entries.get("build_input_shape")
    arguments = first.entries.get("config") if isinstance(first, Mapping) else None
    if built is None or not isinstance(built.value, Sequence) or not isinstance(first, Mapping):
        return first
    declared = {"batch_input_shape", "batch_shape"}
    if arguments is None or not isinstance(arguments.value, Mapping):
        return first
    if not declared.isdisjoint(arguments.value.entries) or not built.value.items:
        return first
    samples = scalar(None, built.value.span)
    shape = sequence(built.value.span, [samples, *built.value.items[1:]])
    return added(first, config=added(arguments.value, batch_input_shape=shape))


def _subclassed(config: Mapping) -> Problem:
    return Problem(
        "CS021",
        "the config of this model lists no layers: it is a subclass of Model, whose layers are "
        "in its code",
        "build the same layers as a functional model where the code is, and save that",
    )


def _network(reading: Reading, config: Mapping, name: str) -> Mapping:
    items = items_of(child(config, "layers"), "layers")
    masks = mask_functions(items, child(config, "output_layers"))
    members = [_member(reading, item, name, masks) for item in items if _name(item) not in masks]
    first, last = (ends(child(config, key)) for key in _ENDS)
    shifts = {
        text_at(member, "name") or "": shift
        for member in members
        if (shift := _shift(reading, member, members, last))
    }
    if shifts:
        members = [
            added(m, inbound_nodes=counted_from_one(child(m, "inbound_nodes"), shifts))
            for m in members
        ]
        last = counted_from_one(last, shifts)
    kept = {key: e for key, e in config.entries.items() if key in {"name", "trainable"}}
    config = Mapping(kept, config.span)
    return added(
        config,
        layers=sequence(config.span, members),
        input_layers=first,
        output_layers=last,
    )


def _member(reading: Reading, item: TreeNode, container: str, masks: frozenset[str]) -> Mapping:
    """A layer or function of a network; ``masks`` are the functions that are left out."""
    if not isinstance(item, Mapping):
        raise ProblemAt(item.span, Problem("CS024", "a layer is a mapping"))
    function = function_member(reading, item, container)
    if function is not None:
        return function
    found = part(reading, item, container)
    name = item.entries.get("name") or _own_name(item)
    one = found[0] if len(found) == 1 else in_a_row(item, found)
    entries = {"name": name} if name is not None else {}
    inbound = item.entries.get("inbound_nodes")
    if inbound is not None:
        said = str(name.value.value) if name and isinstance(name.value, Scalar) else ""
        known = not any(map(is_unknown, found))
        steps = text_at(one, "class_name") in _STEPPING
        value = calls(reading, said, inbound.value, known=known, steps=steps, masks=masks)
        entries["inbound_nodes"] = Entry(inbound.key_span, value)
    return Mapping({**one.entries, **entries}, item.span)


def _name(item: TreeNode) -> str | None:
    """The name of a layer, as links call it."""
    if not isinstance(item, Mapping):
        return None
    own = _own_name(item)
    value = own.value if own is not None else None
    return text_at(item, "name") or (str(value.value) if isinstance(value, Scalar) else None)


def _own_name(item: Mapping) -> Entry | None:
    config = item.entries["config"].value if "config" in item.entries else None
    return config.entries.get("name") if isinstance(config, Mapping) else None


def _shift(reading: Reading, member: Mapping, members: list[Mapping], last: TreeNode) -> int:
    """What makes the first call of a nested model the call 1, as it is in Keras 1.x.

    Keras 2 counts from 1 where the model had a call of its own, Keras 3 from 0.
    """
    if text_at(member, "class_name") not in {"Sequential", "Model"}:
        return 0
    name = text_at(member, "name") or ""
    inbound = member.entries.get("inbound_nodes")
    count = len(inbound.value.items) if inbound and isinstance(inbound.value, Sequence) else 0
    read = list(numbers_read(last, name))
    for other in members:
        if "inbound_nodes" in other.entries:
            read += numbers_read(other.entries["inbound_nodes"].value, name)
    if not read or max(read) >= count:
        return 0
    if min(read) == 0 or reading.writer.line == "Keras 3":
        return 1
    return 0
