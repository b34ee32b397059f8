"""Lists and arrays that TensorFlow's Keras and Keras 2 wrote into YAML as Python objects.

tf.keras 1.13 to 2.2 kept the axis of a BatchNormalization in a list of its own, which watches
what is done to it, and Keras 2.2 the numbers of a ReLU as arrays without an axis:

    axis: !!python/object/new:tensorflow.python...data_structures._ListWrapper
      listitems: [3]
      state: {..}
    max_value: !!python/object/apply:numpy.core.multiarray._reconstruct
      args: [&id001 !!python/name:numpy.ndarray '', !!python/tuple [0], !!binary Yg==]
      state: !!python/tuple [1, !!python/tuple [], .., false, !!binary AADAQA==]

Here this is data, as in ``yaml_numpy``: the events of the parser are compared with these forms,
and what stands in them is taken out. Whatever differs is passed on as it is, and is refused by
its tag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from speccompiler.source.yaml_numpy import PREFIX, Dtypes, number_event

_LIST = re.compile(
    re.escape(f"{PREFIX}python/object/new:tensorflow.python.")
    + r"[a-z_.]+\.data_structures\._?ListWrapper"
)
_ARRAYS = frozenset(
    f"{PREFIX}python/object/apply:{package}.multiarray._reconstruct"
    for package in ("numpy.core", "numpy._core")
)
_NDARRAY = f"{PREFIX}python/name:numpy.ndarray"
_TUPLE = f"{PREFIX}python/tuple"
MOST_EVENTS = 400
_BYTE = "Yg=="
"""The dtype that every array has before it gets its own: b"b"."""


def begins_object(event: Any) -> bool:
    """Whether an event begins one of these objects."""
    tag = getattr(event, "tag", None)
    if tag is None or type(event) is not yaml.MappingStartEvent:
        return False
    return tag in _ARRAYS or _LIST.fullmatch(tag) is not None


def taken_out(call: Sequence[Any], dtypes: Dtypes) -> list[Any] | None:
    """What an object holds, as the events of plain data; None where it has another form."""
    if call[0].tag in _ARRAYS:
        number = _number(call, dtypes)
        return None if number is None else [number]
    return _list(call)


def _list(call: Sequence[Any]) -> list[Any] | None:
    """The events of ``listitems``; what is beside it may not be named by an anchor."""
    parts = _entries(call)
    if parts is None or not parts.keys() <= {"listitems", "state"} or "listitems" not in parts:
        return None
    items = parts["listitems"]
    if type(items[0]) is not yaml.SequenceStartEvent or items[0].tag is not None:
        return None
    if any(getattr(event, "anchor", None) is not None for event in parts.get("state", ())):
        return None
    start = items[0]
    anchor = call[0].anchor or start.anchor
    if call[0].anchor is not None and start.anchor is not None:
        return None
    first = yaml.SequenceStartEvent(
        anchor, None, True, call[0].start_mark, start.end_mark, flow_style=start.flow_style
    )
    return [first, *items[1:]]


def _entries(call: Sequence[Any]) -> dict[str, list[Any]] | None:
    """The values of a mapping by their keys; None where a key is no plain text, or twice there."""
    found: dict[str, list[Any]] = {}
    at = 1
    while at < len(call) - 1:
        key = call[at]
        if type(key) is not yaml.ScalarEvent or key.tag is not None or key.anchor is not None:
            return None
        end = _end_of(call, at + 1)
        if key.value in found:
            return None
        found[key.value] = list(call[at + 1 : end])
        at = end
    return found


def _items(events: Sequence[Any]) -> list[list[Any]]:
    """The values of a list."""
    found, at = [], 1
    while at < len(events) - 1:
        end = _end_of(events, at)
        found.append(list(events[at:end]))
        at = end
    return found


def _end_of(events: Sequence[Any], at: int) -> int:
    """Where the value that begins at a place ends."""
    depth = 0
    while True:
        depth += isinstance(events[at], yaml.CollectionStartEvent)
        depth -= isinstance(events[at], yaml.CollectionEndEvent)
        at += 1
        if depth <= 0:
            return at


def _number(call: Sequence[Any], dtypes: Dtypes) -> Any | None:
    """The only number of an array without axes."""
    parts = _entries(call)
    if parts is None or parts.keys() != {"args", "state"}:
        return None
    args, state = parts["args"], parts["state"]
    if not (_is_list(args, None) and _is_list(state, _TUPLE)):
        return None
    made, kept = _items(args), _items(state)
    if len(made) != 3 or len(kept) != 5:
        return None
    kind, shape, byte = made
    if not _is_ndarray(kind, dtypes) or not _is_tuple(shape, ["0"]) or _text(byte) != _BYTE:
        return None
    version, axes, dtype, fortran, data = kept
    plain = [getattr(part[0], "value", None) for part in (version, fortran)]
    if plain != ["1", "false"] or not _is_tuple(axes, []):
        return None
    return number_event(call[0], dtype, data[0], call[-1], dtypes)


def _text(events: Sequence[Any]) -> str:
    return str(getattr(events[0], "value", "")).strip()


def _is_list(events: Sequence[Any], tag: str | None) -> bool:
    return type(events[0]) is yaml.SequenceStartEvent and events[0].tag == tag


def _is_tuple(events: Sequence[Any], texts: Sequence[str]) -> bool:
    values = [getattr(item[0], "value", None) for item in _items(events)]
    return _is_list(events, _TUPLE) and values == list(texts)


def _is_ndarray(events: Sequence[Any], dtypes: Dtypes) -> bool:
    """The class of arrays, by its name or as an alias of that."""
    event = events[0]
    if type(event) is yaml.AliasEvent:
        return event.anchor in dtypes.classes
    named = type(event) is yaml.ScalarEvent and event.tag == _NDARRAY and not event.value
    if named and event.anchor is not None:
        dtypes.classes.add(event.anchor)
    return named
