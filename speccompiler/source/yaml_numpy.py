"""The numbers that Keras wrote through NumPy, turned back into plain numbers.

``Flatten`` takes its output size from ``np.prod`` (keras/layers/core.py), so the
``input_dim`` of the ``Dense`` after it is a NumPy scalar. ``to_yaml()`` wrote it as PyYAML
writes any object, a call to make, and so nearly every saved classifier holds this:

    input_dim: !!python/object/apply:numpy.core.multiarray.scalar
    - !!python/object/apply:numpy.dtype
      args: [i8, 0, 1]
      state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
    - !!binary |
      YAAAAAAAAAA=

Under Python 2 the bytes are ``!!binary`` only where they are not valid UTF-8, and a
quoted string otherwise. Here this is data. Nothing is called and NumPy is not imported:
the parser's events are compared with this one form, and the bytes are unpacked with
``struct``. Whatever differs is passed on as it is, and meets the refusal of its tag
(``CS009``) in the reader.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

PREFIX = "tag:yaml.org,2002:"
CALLS = frozenset(
    f"{PREFIX}python/object/apply:{package}.multiarray.scalar"
    for package in ("numpy.core", "numpy._core")
)
DTYPE_TAG = f"{PREFIX}python/object/apply:numpy.dtype"

# The dtypes that are one number, and struct's names for them.
_FORMATS = {
    "b1": "?",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
# '=' is the writer's own order: the machines that ran Keras are little-endian.
_ORDERS = {"<": "<", ">": ">", "=": "<", "|": ""}


class _Step(NamedTuple):
    """What one event must be; ``texts`` are those that a scalar may have."""

    kind: type[Any]
    tag: str | None = None
    texts: frozenset[str] = frozenset()
    may_be_quoted: bool = False

    def fits(self, event: Any) -> bool:
        """True for such an event; its anchor is not looked at."""
        if type(event) is not self.kind or getattr(event, "tag", None) != self.tag:
            return False
        if self.kind is not yaml.ScalarEvent:
            return True
        return event.value in self.texts and (self.may_be_quoted or not event.style)


def _text(*texts: str) -> _Step:
    return _Step(yaml.ScalarEvent, None, frozenset(texts), may_be_quoted=True)


def _plain(*texts: str) -> _Step:
    return _Step(yaml.ScalarEvent, None, frozenset(texts))


_END_LIST = _Step(yaml.SequenceEndEvent)
_ARGS = (_text("args"), _Step(yaml.SequenceStartEvent))
# The flags of args are numbers before NumPy 2, booleans since; they make no difference here.
_DTYPE = (
    _Step(yaml.MappingStartEvent, DTYPE_TAG),
    *_ARGS,
    _text(*_FORMATS),
    _plain("0", "false"),
    _plain("1", "true"),
    _END_LIST,
    _text("state"),
    _Step(yaml.SequenceStartEvent, f"{PREFIX}python/tuple"),
    _plain("3"),
    _text(*_ORDERS),
    *[_plain("null")] * 3,
    *[_plain("-1")] * 2,
    _plain("0"),
    _END_LIST,
    _Step(yaml.MappingEndEvent),
)
_NAME_AT, _ORDER_AT = 3, 10
# A call spelled '{args: [dtype, bytes]}'.
MAX_EVENTS = len(_DTYPE) + len(_ARGS) + 4


def _fits(events: Sequence[Any], form: Sequence[_Step]) -> bool:
    return len(events) == len(form) and all(
        step.fits(event) for step, event in zip(form, events, strict=True)
    )


def _no_anchors(events: Sequence[Any]) -> bool:
    return all(getattr(event, "anchor", None) is None for event in events)


class Dtypes(dict[str, str]):
    """The struct format of each dtype that has an anchor, and the anchors of array classes."""

    def __init__(self) -> None:
        super().__init__()
        self.classes: set[str] = set()


def _dtype(events: Sequence[Any], dtypes: Dtypes) -> str | None:
    """The struct format of a dtype, or of the alias of one; notes the anchor it has."""
    if len(events) == 1 and type(events[0]) is yaml.AliasEvent:
        return dtypes.get(events[0].anchor or "")
    # PyYAML gives an anchor to the dtype itself, and to nothing inside it.
    if not _fits(events, _DTYPE) or not _no_anchors(events[1:]):
        return None
    code, order = _FORMATS[events[_NAME_AT].value], _ORDERS[events[_ORDER_AT].value]
    # '|' says that the order does not matter, which is so for one byte only.
    if not order and struct.calcsize(f"<{code}") != 1:
        return None
    found = (order or "<") + code
    if events[0].anchor is not None:
        dtypes[events[0].anchor] = found
    return found


def _bytes(event: Any) -> bytes | None:
    """The bytes of a scalar: base64, or text as Python 2 wrote bytes that are valid UTF-8."""
    if event.tag in {None, f"{PREFIX}str", f"{PREFIX}python/str"}:
        raw: bytes = event.value.encode("utf-8")
        return raw
    if event.tag != f"{PREFIX}binary":
        return None
    packed = event.value.replace("\n", "").replace(" ", "")
    try:
        raw = base64.b64decode(packed, validate=True)
    except ValueError:
        return None
    # Not what the decoder lets pass: bits that are set behind the last byte.
    return raw if base64.b64encode(raw).decode("ascii") == packed else None


def _unpack(dtype: str, raw: bytes | None) -> bool | int | float | None:
    """The number that the bytes hold; None where they are not exactly one."""
    if raw is None or len(raw) != struct.calcsize(dtype):
        return None
    if dtype.endswith("?") and raw not in (b"\0", b"\1"):
        return None
    value: bool | int | float = struct.unpack(dtype, raw)[0]
    return value


def _written(value: bool | int | float) -> tuple[str, str]:
    """The tag and the text of a number in YAML."""
    if isinstance(value, bool):
        return f"{PREFIX}bool", "true" if value else "false"
    if isinstance(value, int):
        return f"{PREFIX}int", str(value)
    if math.isfinite(value):
        return f"{PREFIX}float", repr(value)
    return f"{PREFIX}float", ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"


def called_number(call: Sequence[Any], dtypes: Dtypes) -> Any | None:
    """The event of the plain number that a call stands for, or None."""
    inner = call[1:-1]
    if type(call[0]) is yaml.MappingStartEvent:
        # The other spelling of object/apply: its arguments stand below 'args'.
        if not (_fits(inner[:2], _ARGS) and _fits(inner[-1:], [_END_LIST])):
            return None
        if not _no_anchors(inner[:2]):
            return None
        inner = inner[2:-1]
    if not inner:
        return None
    return number_event(call[0], inner[:-1], inner[-1], call[-1], dtypes)


def number_event(start: Any, of_dtype: Sequence[Any], data: Any, end: Any, dtypes: Dtypes) -> Any:
    """The event of a number from those of its dtype and its bytes; None where they are others."""
    dtype = _dtype(of_dtype, dtypes)
    if dtype is None or type(data) is not yaml.ScalarEvent or data.anchor is not None:
        return None
    if (value := _unpack(dtype, _bytes(data))) is None:
        return None
    tag, text = _written(value)
    # libyaml ends a block collection where the next token starts.
    mark = (end if start.flow_style else data).end_mark
    return yaml.ScalarEvent(start.anchor, tag, (False, False), text, start.start_mark, mark)
