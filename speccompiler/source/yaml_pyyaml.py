"""What an unquoted scalar means to PyYAML, which wrote Keras's YAML files and read them again.

It resolves them by YAML 1.1: ``yes`` is true, ``017`` is 15, ``1:30`` is 90; ``5e3``, ``0o17``
and ``-.5`` are text, which it leaves unquoted for that reason. The patterns are those of
``yaml.resolver`` (PyYAML 3.10 to 6.0). A date, which Keras never wrote, stays text.
"""

from __future__ import annotations

import re

from speccompiler.source.numerals import MAX_DIGITS, finite_float, integer

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0b(?P<binary>[01_]+)|0x(?P<hex>[0-9a-fA-F_]+)|0(?P<octal>[0-7_]+)"
    r"|(?P<decimal>0|[1-9][0-9_]*)|(?P<sixty>[1-9][0-9_]*(?::[0-5]?[0-9])+))"
)
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
)
_SIXTIETHS = re.compile(r"([-+]?)([0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAY_BE_NUMBER = frozenset("+-.0123456789")
_BASES = {"hex": 16, "octal": 8, "decimal": 10}


def plain_value(text: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar; raises ``CS013`` for a number out of range."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in _MAY_BE_NUMBER:
        return text
    whole = as_integer(text)
    if whole is not None:
        return whole
    number = as_float(text)
    return text if number is None else number


def as_integer(text: str) -> int | None:
    """The integer that a text is to PyYAML, or None."""
    found = _INTEGER.fullmatch(text)
    if found is None or found.lastgroup is None:
        return None
    kind = next(name for name in ("binary", "hex", "octal", "decimal", "sixty") if found[name])
    digits = found[kind].replace("_", "")
    if kind == "sixty":
        number = _sixty(digits)
    elif kind == "binary":
        number = integer(hex(int(digits or "0", 2)), 16) if len(digits) <= 4 * MAX_DIGITS else None
    else:
        number = integer(digits or "0", _BASES[kind])
    return -number if number is not None and found["sign"] == "-" else number


def _sixty(digits: str) -> int | None:
    """Digits of base 60; one that no float could hold is text."""
    parts = digits.split(":")
    if len(digits) > MAX_DIGITS:
        return None
    number = 0
    for part in parts:
        number = number * 60 + int(part)
    return number if len(str(number)) <= MAX_DIGITS else None


def as_float(text: str) -> float | None:
    """The float that a text is to PyYAML, or None."""
    if _FLOAT.fullmatch(text):
        return finite_float(text.replace("_", ""))
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    found = _SIXTIETHS.fullmatch(text)
    if found is None or len(text) > MAX_DIGITS:
        return None
    number = 0.0
    for part in found[2].replace("_", "").split(":"):
        number = number * 60 + float(part)
    return -number if found[1] == "-" else number
