"""Subscripts such as ``x[:, 60:-25, ::-1]`` in an expression become Slice layers.

Every x of the expression has the same subscript, and what is left of it is an expression in what
was taken. The first axis is that of the samples, which stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

from speccompiler.diagnostics.core import Problem

_X = re.compile(r"(?<![A-Za-z0-9_.])x(?![A-Za-z0-9_])(?:\s*\[([^\[\]]*)\])?")
_NUMBER = r"\s*([-+]?\s*[0-9]{1,9})?\s*"
_SLICE = re.compile(rf"{_NUMBER}:{_NUMBER}(?::{_NUMBER})?")
_PLACE = re.compile(r"\s*([-+]?\s*[0-9]{1,9})\s*")
HINT = "write it as in Python, samples first: x[:, 60:-25], x[:, :, :, ::-1], x[:, 0]"


def split_subscript(text: str) -> tuple[list[dict[str, Any]], str]:
    """The arguments of each Slice, and the expression of what they leave. CS078."""
    found = list(_X.finditer(text))
    subscripts = {None if m[1] is None else re.sub(r"\s", "", m[1]) for m in found}
    if subscripts <= {None}:
        return [], text
    if len(subscripts) > 1:
        raise Problem(
            "CS078",
            "the parts that are taken of x differ",
            "take one part: every x of an expression has the same [..]",
        )
    return _slices(str(subscripts.pop())), _X.sub("x", text)


def _slices(subscript: str) -> list[dict[str, Any]]:
    """One layer for what is cut, one for the axes of which one value is taken."""
    cuts: dict[int, tuple[int | None, int | None, int]] = {}
    picks: dict[int, int] = {}
    items = subscript.split(",")
    if items[-1] == "" and len(items) > 1:
        items.pop()
    if items.count("...") > 1 or items[0] not in {":", "::", "::1", "..."}:
        raise _wrong(subscript)
    dots = items.index("...") if "..." in items else len(items)
    for number, item in enumerate(items):
        axis = number if number < dots else number - len(items)
        if item == "...":
            continue
        if place := _PLACE.fullmatch(item):
            picks[axis] = int(place[1])
        elif part := _SLICE.fullmatch(item):
            start, stop, step = (None if one is None else int(one) for one in part.groups())
            if step == 0:
                raise _wrong(subscript)
            if (start, stop, step or 1) != (None, None, 1):
                cuts[axis] = (start, stop, 1 if step is None else step)
        else:
            raise _wrong(subscript)
    layers = []
    if cuts:
        start, stop, step = (_one(list(values)) for values in zip(*cuts.values(), strict=True))
        layers.append({"axis": _one([*cuts]), "start": start, "stop": stop, "step": step})
    if picks:
        # -1 is the last value, and what follows it is nothing.
        stops: list[int | None] = [place + 1 or None for place in picks.values()]
        layers.append(
            {
                "axis": _one([*picks]),
                "start": _one([*picks.values()]),
                "stop": _one(stops),
                "squeeze": True,
            }
        )
    return [{k: v for k, v in layer.items() if v is not None} for layer in layers]


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _wrong(subscript: str) -> Problem:
    return Problem("CS078", f"x[{subscript[:60]}] is no part of x that can be taken", HINT)
