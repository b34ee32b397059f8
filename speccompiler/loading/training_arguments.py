"""Arguments of training in a Keras file: what means nothing here is passed over with a note.

Keras itself did not need them for a forward pass, and its loader took any name: an ``init`` may
be a function of the author's, a regulariser a class of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import quoted_names
from speccompiler.loading.written_spec import WrittenLayer
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.training import Unknown, training_only, unknown_arguments
from speccompiler.source.tree import Mapping as Node
from speccompiler.source.tree import to_data

DECLARATIONS = frozenset(
    {"input_shape", "batch_input_shape", "input_dtype", "input_dim", "input_length"}
)
"""Arguments by which the layer that reads the model's input declares it."""

_LEARNING_RATE = r"(\w+_)?(learning_rate|lr)(_mult(iplier)?)?s?"
"""An argument of no release: forks of Keras 0.3 and 1.x (keras-team/keras, pull requests 1210,
1991 and 3004) gave each tensor of a layer a rate of its own, ``W_learning_rate_multiplier``."""


@lru_cache(maxsize=1024)
def _is_rate(argument: str) -> bool:
    """Whether an argument is a learning rate of one tensor; layers have few names of arguments."""
    return re.fullmatch(_LEARNING_RATE, argument) is not None


Model = TypeVar("Model", bound=BaseModel)


def as_keras_read(
    schema: type[Model], data: Mapping[str, Any], owner: str, *, reads_input: bool
) -> Model:
    """The layer in ``data``, with an ``Unknown`` for each training argument that does not fit.

    Learning rates of tensors are left out. So are wrong declarations of the model's input on a
    layer that does not read it. Raises pydantic's ``ValidationError`` for everything else.
    """
    data = {name: value for name, value in data.items() if not _is_rate(name)}
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        # Few specs have mistakes, and only these need the words for them.
        from speccompiler.loading.schema_errors.problems import schema_problems

        given = training_only(schema) & data.keys()
        unknown: dict[str, Unknown] = {}
        ignored = set() if reads_input else DECLARATIONS & data.keys()
        dropped = set()
        for path, _, problem in schema_problems(error, schema, owner):
            if path and path[0] in given:
                argument = str(path[0])
                found = problem.message.partition("; ")[0]
                unknown.setdefault(argument, Unknown(found, problem.message, bool(data[argument])))
            elif path and path[0] in ignored:
                dropped.add(path[0])
        if not unknown and not dropped:
            raise
        kept = {name: value for name, value in data.items() if name not in dropped}
        return schema.model_validate({**kept, **unknown})


def passed_over(layers: Iterable[Layer]) -> list[Diagnostic]:
    """A note CS074 for each ``Unknown``; layers with the same one share a note."""
    groups: dict[tuple[str, str], list[str]] = {}
    hints: dict[str, str | None] = {}
    for layer in layers:
        for part in (layer,) if layer.inner is layer else (layer, layer.inner):
            for argument, value in unknown_arguments(part).items():
                groups.setdefault((argument, value.found), []).append(str(layer.name))
                hints[argument] = _hint(part, argument)
    return [
        Diagnostic(
            "CS074",
            f"{found}; passed over in {quoted_names(names)}, as only training uses it",
            Severity.NOTE,
            layer=names[0],
            argument=argument,
            hint=hints[argument],
        )
        for (argument, found), names in groups.items()
    ]


def with_unknown(
    layers: Iterable[Layer], unknown: Mapping[tuple[str, str], Unknown]
) -> tuple[tuple[Layer, ...], list[Diagnostic]]:
    """The layers with values put in by the names of layer and argument, and notes on them."""
    found: list[Layer] = []
    changed: list[Layer] = []
    of_layer: dict[str, dict[str, Unknown]] = {}
    for (name, argument), value in unknown.items():
        of_layer.setdefault(name, {})[argument] = value
    for layer in layers:
        update = of_layer.get(str(layer.name))
        if update:
            noted = dict.fromkeys(unknown_arguments(layer.inner))
            changed.append(layer.inner.model_copy(update={**noted, **update, "name": layer.name}))
            layer = layer.wrapping(layer.inner.model_copy(update=update))
        found.append(layer)
    return tuple(found), passed_over(changed)


def ignored_declarations(
    places: Mapping[str, WrittenLayer], layers: Iterable[Layer]
) -> list[Diagnostic]:
    """A note CS049 on what later layers say of the model's input that can mean nothing."""
    found: dict[str, str] = {}
    for layer in layers:
        name = str(layer.name)
        for argument, entry in places[name].arguments.entries.items():
            said = to_data(entry.value) if argument in DECLARATIONS else None
            if said is not None and getattr(layer, argument, None) is None:
                found.setdefault(name, argument)
    return [ignored(found, next(iter(found.values())))] if found else []


def learning_rates(places: Mapping[str, WrittenLayer], layers: Iterable[Layer]) -> list[Diagnostic]:
    """One note CS074 on all learning rates that a fork of Keras wrote into its layers."""
    found = {
        str(layer.name): rates
        for layer in layers
        if (rates := list(_rates_in(places[str(layer.name)].arguments)))
    }
    if not found:
        return []
    first, rates = next(iter(found.items()))
    arguments = list(dict.fromkeys(rate for of_layer in found.values() for rate in of_layer))
    return [
        Diagnostic(
            "CS074",
            f"{quoted_names(arguments)} passed over in {quoted_names(found)}, as only training has "
            "a learning rate",
            Severity.NOTE,
            layer=first,
            argument=rates[0] if rates[0] in places[first].arguments.entries else "layer",
        )
    ]


def _rates_in(arguments: Node) -> Iterator[str]:
    """The learning rates among a layer's arguments, and among those of what it wraps."""
    for name, entry in arguments.entries.items():
        if _is_rate(name):
            yield name
        elif name in {"layer", "config"} and isinstance(entry.value, Node):
            yield from _rates_in(entry.value)


def ignored(names: Collection[str], argument: str | None) -> Diagnostic:
    """CS049, one for all layers; ``argument`` is where the first declares its input."""
    return Diagnostic(
        "CS049",
        f"{quoted_names(names)} declare{'s' if len(names) == 1 else ''} an input other than what "
        "the layer before gives; passed over, as Keras does",
        Severity.NOTE,
        layer=next(iter(names)),
        argument=argument,
    )


def _hint(layer: Layer, argument: str) -> str | None:
    """Which option or command could not take the argument into account."""
    tensors = layer.stored.values()
    if any(argument in {tensor.init, tensor.scale} for tensor in tensors):
        return "--seed cannot draw by it: give the weights"
    if any(argument == tensor.constraint for tensor in tensors):
        return "--apply-constraints cannot apply it"
    if argument == "trainable":
        return "it counts as Python's own 'if' would take it"
    counted = argument == "activity_regularizer" or layer.class_name == "ActivityRegularization"
    if counted or any(argument == tensor.regularizer for tensor in tensors):
        return "--penalties cannot count it"
    return None
