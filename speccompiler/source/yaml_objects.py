"""The events of YAML in which Keras wrote Python objects, as those of the plain data in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from speccompiler.source.yaml_numpy import CALLS, DTYPE_TAG, Dtypes, number_of
from speccompiler.source.yaml_numpy import MOST_EVENTS as NUMBER_EVENTS
from speccompiler.source.yaml_tensorflow import MOST_EVENTS as OBJECT_EVENTS
from speccompiler.source.yaml_tensorflow import begins_object, taken_out


def _collect(first: Any, events: Iterator[Any], most: int) -> tuple[list[Any], bool]:
    """The events of a collection, and whether these are all: too many are not all taken."""
    taken, depth = [first], 1
    for event in events:
        taken.append(event)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth == 0:
            return taken, True
        if len(taken) == most:
            break
    return taken, False


def plain_data(events: Iterator[Any]) -> Iterator[Any]:
    """The events, with plain data for each NumPy number and each object of ``yaml_tensorflow``.

    A dtype may be an alias of one in an earlier number: PyYAML writes an object once.
    An alias that puts such a dtype anywhere else becomes a value with the dtype's tag.
    """
    dtypes = Dtypes()
    for event in events:
        anchor = getattr(event, "anchor", None)
        if type(event) is yaml.AliasEvent:
            if anchor in dtypes:
                marks = event.start_mark, event.end_mark
                yield yaml.ScalarEvent(None, DTYPE_TAG, (False, False), "", *marks)
            else:
                yield event
            continue
        if anchor is not None:
            dtypes.pop(anchor, None)
            dtypes.classes.discard(anchor)
        if getattr(event, "tag", None) in CALLS and isinstance(event, yaml.CollectionStartEvent):
            call, complete = _collect(event, events, NUMBER_EVENTS)
            number = number_of(call, dtypes) if complete else None
            yield from call if number is None else [number]
        elif begins_object(event):
            call, complete = _collect(event, events, OBJECT_EVENTS)
            plain = taken_out(call, dtypes) if complete else None
            yield from call if plain is None else plain
        else:
            yield event
