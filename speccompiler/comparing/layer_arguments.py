"""What a layer says, so that two layers can be compared: its arguments without its name.

What declares the model's input is left out: that is compared as an input of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from pydantic import BaseModel

from speccompiler.schemas.arguments import own_arguments
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.training import Unknown, training_only

_DECLARE_INPUT = frozenset({"input_dim", "input_length"})
"""Say the input's shape, in layers that do not need them for anything else."""
LONGEST_VALUE = 72


@cache
def compared_arguments(kind: type[Layer]) -> tuple[str, ...]:
    """The arguments of a type of layers that a comparison looks at, in the order of its page."""
    fields = kind.model_fields
    own = (
        name
        for name in own_arguments(kind)
        if (name not in _DECLARE_INPUT or fields[name].is_required())
        and (name != "dim_ordering" or kind.uses_ordering)
        and name not in kind.names_only
    )
    return (*own, "trainable")


@cache
def _reader(kind: type[Layer]) -> Callable[[Any], Any]:
    first, *others = compared_arguments(kind)
    return itemgetter(first, *others) if others else lambda held: (held[first],)


def signature(layer: Layer) -> Hashable:
    """Equal for layers that say the same, whatever they are called."""
    inner = layer.inner
    around = tuple((type(each), *_said(each).values()) for each in _wrappers(layer))
    own = layer.trainable, around, type(inner), _reader(type(inner))(inner.__dict__)
    try:
        hash(own)
    except TypeError:
        return repr(own)
    return own


def _wrappers(layer: Layer) -> Iterator[Layer]:
    """The wrappers around a layer, the outermost first."""
    while layer.inner is not layer:
        yield layer
        # Only wrappers have a layer, and each is a class of its own.
        layer = getattr(layer, "layer")  # noqa: B009


def _said(wrapper: Layer) -> dict[str, Any]:
    """What a wrapper says beside the layer in it."""
    names = compared_arguments(type(wrapper))
    return {name: getattr(wrapper, name) for name in names if name not in {"layer", "trainable"}}


def same_type(old: Layer, new: Layer) -> bool:
    """Whether both are layers of one type, in the same wrappers."""
    one, other = old.inner, new.inner
    alike = type(one) is type(other) and one.class_name == other.class_name
    return alike and [*map(type, _wrappers(old))] == [*map(type, _wrappers(new))]


def arguments(layer: Layer) -> Mapping[str, Any]:
    """Every compared argument of a layer; of a wrapper its own and those of the layer in it."""
    names = compared_arguments(type(layer.inner))
    values = {name: getattr(layer.inner, name) for name in names}
    for wrapper in _wrappers(layer):
        values |= _said(wrapper)
    values["trainable"] = bool(layer.trainable and layer.inner.trainable)
    return values


def with_arguments(layer: Layer, changed: Mapping[str, Any]) -> Layer:
    """The layer with other values of some arguments."""
    if layer.inner is layer:
        return layer.model_copy(update=dict(changed))
    own = {name: value for name, value in changed.items() if name in _said(layer)}
    rest = {name: value for name, value in changed.items() if name not in own}
    inner = with_arguments(getattr(layer, "layer"), rest)  # noqa: B009
    return layer.model_copy(update={**own, "layer": inner})


def only_trains(layer: Layer, argument: str) -> bool:
    """Whether only training uses an argument."""
    return argument in training_only(type(layer.inner))


def value_text(value: Any) -> str:
    """A value as a spec writes it, short."""
    text = _flow(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, Unknown):
        return value.found
    if isinstance(value, Layer):
        return value.class_name
    if isinstance(value, BaseModel):
        held = {name: getattr(value, name) for name in type(value).model_fields}
        return _flow({name: entry for name, entry in held.items() if entry is not None})
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return f"{value:g}" if isinstance(value, float) and value == float(f"{value:g}") else str(value)
