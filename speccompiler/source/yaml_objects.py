"""The objects that Keras wrote into YAML by accident, taken for the plain values that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from speccompiler.source.yaml_numpy import CALLS, DTYPE_TAG, MAX_EVENTS, Dtypes, called_number
from speccompiler.source.yaml_tensorflow import MOST_EVENTS, begins_object, taken_out


def _collect(first: Any, events: Iterator[Any], most: int = MAX_EVENTS) -> tuple[list[Any], bool]:
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


def plain_values(events: Iterator[Any]) -> Iterator[Any]:
    """The events, each object among them as those of the plain number or list that it holds.

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
            call, complete = _collect(event, events)
            number = called_number(call, dtypes) if complete else None
            yield from call if number is None else [number]
        elif begins_object(event):
            call, complete = _collect(event, events, MOST_EVENTS)
            plain = taken_out(call, dtypes) if complete else None
            yield from call if plain is None else plain
        else:
            yield event
