"""The layers of Keras 2 and 3 by Keras 1.x's names and arguments, and convspec's own.

Most are renamed by the tables of ``names``; ``special`` has those that need more. One layer may
become several: a function that no layer here has as its activation is a layer of its own.
"""

from __future__ import annotations

from dataclasses import replace

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.tree_building import added, class_of, mapping, scalar
from speccompiler.loading.keras2.activations import ReadActivation, read_activation
from speccompiler.loading.keras2.cells import cells_of
from speccompiler.loading.keras2.convolutions import refuse_other_kernels
from speccompiler.loading.keras2.functions import is_operation
from speccompiler.loading.keras2.made import Made
from speccompiler.loading.keras2.names import (
    EVERYWHERE,
    NOTHING,
    RENAMED,
    SAME,
    TRAINING,
    TYPES,
)
from speccompiler.loading.keras2.origin import is_custom
from speccompiler.loading.keras2.precision import INPUT_DTYPES, note_precision, policy_of
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.special import SPECIAL
from speccompiler.loading.keras2.values import is_null, without
from speccompiler.loading.keras2.weight_rules import RULES
from speccompiler.loading.keras2.windows import center_crop
from speccompiler.loading.tree_reading import child, text
from speccompiler.loading.written_spec import UNKNOWN_MARK
from speccompiler.schemas.fields import has_argument
from speccompiler.schemas.registry import LAYERS
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Entry, Mapping, Scalar, TreeNode

DECLARED = ("batch_input_shape", "input_shape", "input_dtype")
_KEPT_NULLS = frozenset({"merge_mode"})
_STEPPING = frozenset({"SimpleRNN", "LSTM", "GRU", "ConvLSTM2D"})
"""Layers that apply their activation at every step, and go on from what it gives."""


def layer(
    reading: Reading, node: Mapping, container: str = "", *, held: bool = False
) -> list[Mapping]:
    """A layer as the layers that say the same here, one after the other.

    ``held`` says that a wrapper holds it: then its name is nobody's.
    """
    class_node, config = child(node, "class_name"), child(node, "config")
    kind = text(class_node, "class_name")
    if not isinstance(config, Mapping):
        return [class_of(kind, class_node.span, config)]
    name = text_at(config, "name")
    if name is not None and not held:
        at = config.entries["name"].value.span
        config = added(config, name=scalar(reading.unique(name, container), at))
    made = made_of(reading, node, kind, config)
    return [_written(class_node, one) for one in _named(reading, made)]


def made_of(reading: Reading, node: Mapping, kind: str, config: Mapping) -> list[Made]:
    """The layers that a class with these arguments becomes."""
    if is_operation(node):
        return [Made(f"ops.{kind}", _plain(config), unknown=True)]
    called = text_at(config, "function") if kind == "TFOpLambda" else None
    if called is not None:
        return [Made(f"tf.{called}", _plain(config), unknown=True)]
    if kind == "RNN" and not is_custom(node):
        cells = cells_of(reading, config)
        if cells is not None:
            return _stacked(reading, node, cells)
    if kind == "CenterCrop" and not is_custom(node):
        read, _ = _arguments(reading, kind, text_at(config, "name") or kind, config)
        cropped = center_crop(node, read)
        if cropped is not None:
            return [cropped]
    known = kind in TYPES or kind in SAME or kind in SPECIAL or kind in NOTHING
    if not known or is_custom(node):
        return [Made(kind, _plain(config), unknown=True)]
    name = text_at(config, "name") or kind
    if kind in NOTHING:
        span = node.entries["class_name"].value.span
        if kind != "Identity":
            reading.passed_over.setdefault(kind, []).append((name, span))
        kept = {k: e for k, e in _plain(config).entries.items() if k in {"name", *DECLARED}}
        kept["activation"] = Entry(span, Scalar("linear", span))
        return [Made("Activation", Mapping(kept, config.span))]
    ours = TYPES.get(kind, kind)
    refuse_other_kernels(reading, kind, name, config)
    config, after = _arguments(reading, ours, name, config)
    special = SPECIAL.get(kind)
    made = [Made(ours, config)] if special is None else special(reading, kind, config)
    for function in after:
        made += _of_function(reading, function)
    if ours == "Activation" and after:
        # The layer is nothing but its function.
        made = [replace(made[1], suffix="", config=_with_name(made[1].config, config)), *made[2:]]
    return made


def _stacked(reading: Reading, node: Mapping, cells: list[tuple[str, Mapping]]) -> list[Made]:
    """Recurrent layers in a row; the last bears the name of the RNN."""
    found: list[Made] = []
    for number, (kind, config) in enumerate(cells, 1):
        suffix = "" if number == len(cells) else f"cell{number}"
        found += [
            replace(one, suffix=suffix or one.suffix)
            for one in made_of(reading, node, kind, config)
        ]
    return found


def _plain(config: Mapping) -> Mapping:
    """The arguments of a class that nobody here knows, with the input's shape by its name here."""
    entries = config.entries
    if "batch_shape" in entries and "batch_input_shape" not in entries:
        found = {k: e for k, e in entries.items() if k != "batch_shape"}
        return Mapping({**found, "batch_input_shape": entries["batch_shape"]}, config.span)
    return config


def _arguments(
    reading: Reading, ours: str, name: str, config: Mapping
) -> tuple[Mapping, list[TreeNode]]:
    """The arguments under their names here, and the functions that become layers of their own."""
    found: dict[str, Entry] = {}
    after: list[TreeNode] = []
    renamed = {**EVERYWHERE, **RENAMED.get(ours, {})}
    for key, entry in config.entries.items():
        if key in TRAINING or (is_null(entry) and key not in _KEPT_NULLS):
            continue
        if key == "dtype":
            found |= _input_dtype(reading, name, config, entry)
            continue
        new, value = renamed.get(key, key), entry.value
        rule = RULES.get(key.rpartition("_")[2])
        if rule is not None:
            if not _has(ours, new):
                message = f"'{key}' of '{shown(name)}' was passed over, as only training uses it"
                reading.say("CS074", message, entry.key_span)
                continue
            value = rule(value)
        elif key in {"activation", "recurrent_activation"}:
            read = read_activation(reading.writer, value, ours)
            if read.value is None:
                if ours in _STEPPING:
                    _refuse_inside(reading, f"'{key}' of '{shown(name)}'", read, value)
                else:
                    after.append(value)
                continue
            value = read.value
        found[new] = Entry(entry.key_span, value)
    return Mapping(found, config.span), after


def _refuse_inside(reading: Reading, what: str, read: ReadActivation, node: TreeNode) -> None:
    """CS242 for a function inside of a recurrent layer, where no layer can take its place."""
    kind = read.function if read.layer is None else text_at(read.layer, "class_name")
    reading.refuse(
        node.span,
        "CS242",
        f"{what} is {shown(kind or 'no function')}, which is not read inside of a recurrent layer",
        "say a function that Keras has, such as tanh, in a copy of the file; convert that, and "
        "write {expr: ..} in the native spec",
    )


def _has(ours: str, argument: str) -> bool:
    return ours in LAYERS and has_argument(LAYERS[ours], argument)


def _input_dtype(reading: Reading, name: str, config: Mapping, entry: Entry) -> dict[str, Entry]:
    """The type of the input, on a layer that declares one; else that of the computation."""
    declares = not {"batch_input_shape", "batch_shape"}.isdisjoint(config.entries)
    policy = policy_of(entry)
    if declares and isinstance(entry.value, Scalar) and policy in INPUT_DTYPES:
        return {"input_dtype": entry}
    if not declares or policy != "string":
        note_precision(reading, name, entry)
        return {}
    reading.refuse(entry.value.span, "CS242", f"'{shown(name)}' is an input of texts")
    return {}


def _of_function(reading: Reading, node: TreeNode) -> list[Made]:
    """An activation as a layer: one that was serialised, or an unknown function by its name."""
    read = read_activation(reading.writer, node, "")
    if read.layer is not None:
        config = child(read.layer, "config")
        if isinstance(config, Mapping):
            kind = text_at(read.layer, "class_name") or ""
            config = without(config, "name", "trainable", *DECLARED)
            made = made_of(reading, read.layer, kind, config)
            return [replace(one, suffix=one.suffix or "activation") for one in made]
    empty = mapping(node.span)
    return [Made(read.function or "activation", empty, "activation", unknown=True)]


def _with_name(config: Mapping, of: Mapping) -> Mapping:
    kept = {k: e for k, e in of.entries.items() if k in {"name", *DECLARED}}
    return Mapping({**config.entries, **kept}, config.span)


def _named(reading: Reading, made: list[Made]) -> list[Made]:
    """Several layers with names of their own; the first of them declares the input."""
    if len(made) == 1:
        return made
    main = next((one for one in made if not one.suffix), made[0])
    name = main.config.entries.get("name")
    declared = {k: main.config.entries[k] for k in DECLARED if k in main.config.entries}
    found = []
    for number, one in enumerate(made):
        config = without(one.config, *DECLARED)
        if name is not None and one.suffix:
            own = reading.unique(f"{text_at(main.config, 'name')}_{one.suffix}")
            config = added(config, name=scalar(own, name.value.span))
        if number == 0:
            config = Mapping({**config.entries, **declared}, config.span)
        found.append(replace(one, config=config))
    return found


def _written(class_node: TreeNode, made: Made) -> Mapping:
    """``{class_name, config}``, marked as what convspec's native form says, or as unknown."""
    found = class_of(made.kind, class_node.span, made.config)
    mark = UNKNOWN_MARK if made.unknown else 1
    return added(found, convspec=scalar(mark, class_node.span))
