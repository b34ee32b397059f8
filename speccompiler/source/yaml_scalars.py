"""What a YAML scalar means: the YAML 1.2 core schema, and the tags that are data.

A file that Keras wrote means what PyYAML, which wrote it, makes of it (``yaml_pyyaml``).

Differences from the core schema (yaml.org/spec/1.2.2, 10.3.2): an integer with a
leading zero stays text, because YAML 1.1 readers take it as octal.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.source.numerals import finite_float, integer

_PREFIX = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"str", "python/str", "python/unicode"})
# Python 2 wrote its two kinds of integers so.
_INT_TAGS = frozenset({"int", "python/int", "python/long"})
_SCALAR_TAGS = _INT_TAGS | {"null", "bool", "float"}
_SEQUENCE_TAGS = frozenset({"seq", "python/tuple"})
_KNOWN_TAGS = _TEXT_TAGS | _SCALAR_TAGS | _SEQUENCE_TAGS | {"map"}

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_ONLY_IN_1_1 = frozenset({"yes", "no", "on", "off"})
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_OCTAL = re.compile(r"0o[0-7]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
)
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAY_BE_NUMBER = frozenset("+-.0123456789")
_ALIKE = re.compile(r"[-+]?(?:0|[1-9][0-9]*|[0-9]+\.[0-9]*)")
"""Numbers that are the same in YAML 1.1 and 1.2: nearly all."""

Value: TypeAlias = bool | int | float | str | None


def _integer(text: str) -> int | None:
    if _DECIMAL.fullmatch(text):
        return integer(text)
    if _HEX.fullmatch(text):
        return integer(text, 16)
    if _OCTAL.fullmatch(text):
        return integer(text, 8)
    return None


def _float(text: str) -> float | None:
    if _FLOAT.fullmatch(text):
        return finite_float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1))
    return None


def plain_value(text: str) -> Value:
    """The value of an unquoted scalar; raises ``CS013`` for a number out of range."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    number = _integer(text)
    if number is not None:
        return number
    real = _float(text)
    return text if real is None else real


def differs(text: str) -> bool:
    """Whether an unquoted scalar is another value to PyYAML."""
    if text.isalpha():
        return text.lower() in _ONLY_IN_1_1
    if not text or text[0] not in _MAY_BE_NUMBER or _ALIKE.fullmatch(text):
        return False
    from speccompiler.source import yaml_pyyaml

    try:
        one, other = plain_value(text), yaml_pyyaml.plain_value(text)
    except Problem:
        return True
    return type(one) is not type(other) or (one != other and one == one)


def _known_tag(tag: str | None) -> str | None:
    """A tag without its prefix, None where it says nothing; ``CS009`` for one not understood."""
    if tag is None or tag == "!":
        return None
    name = tag.removeprefix(_PREFIX)
    if name == tag or name not in _KNOWN_TAGS:
        raise refused_tag(f"!!{name}" if name != tag else tag)
    return name


def refused_tag(tag: str) -> Problem:
    """The problem of a tag that is not one of plain data."""
    hint = "remove the tag and write its value as plain data"
    if "numpy" in tag:
        hint = "write the plain number instead, or use the JSON file of the same model"
    return Problem("CS009", f"the tag {shown(tag, 100)} is not allowed; nothing was executed", hint)


def _mismatch(name: str, what: str) -> Problem:
    return Problem("CS003", f"the tag !!{name} does not fit {what}", "remove the tag")


def scalar_value(text: str, tag: str | None, *, plain: bool, keras: bool = False) -> Value:
    """The value of a scalar; raises ``CS003``, ``CS009`` or ``CS013``.

    ``keras``: the file is one of Keras's, and means what it means to PyYAML.
    """
    value_of, integer_of = plain_value, _integer
    if keras:
        from speccompiler.source import yaml_pyyaml

        value_of, integer_of = yaml_pyyaml.plain_value, yaml_pyyaml.as_integer
    name = _known_tag(tag)
    if name is None:
        return value_of(text) if plain else text
    if name in _TEXT_TAGS:
        return text
    number: int | float | None
    if name == "null" and text in _NULL:
        return None
    if name == "bool" and text in _BOOL:
        return _BOOL[text]
    if name in _INT_TAGS:
        number = integer_of(text)
        if number is not None:
            return number
    if name == "float":
        number = _integer(text)
        number = _float(text) if number is None else float(number)
        if number is not None:
            return number
    raise _mismatch(name, f"'{shown(text)}'")


def check_collection_tag(tag: str | None, *, mapping: bool) -> None:
    """Refuse a tag that a list or a mapping may not have: ``CS003`` or ``CS009``."""
    name = _known_tag(tag)
    if name is None or (name == "map" if mapping else name in _SEQUENCE_TAGS):
        return
    raise _mismatch(name, "a mapping" if mapping else "a list")
