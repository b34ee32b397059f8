"""From the digits of a number to its value, within the range of a float."""

from __future__ import annotations

import math

from speccompiler.diagnostics.core import Problem

# Every integer of this many digits is below the largest float, 1.8e308, so no
# later stage can overflow when it turns one into a float; and int() stays fast.
MAX_DIGITS = 308
_DIGITS_BY_BASE = {10: MAX_DIGITS, 16: 255, 8: 340}


def integer(text: str, base: int = 10) -> int:
    """The value of an integer; ``CS013`` where it has too many digits to be a number of a spec."""
    digits = len(text.lstrip("+-").removeprefix("0x").removeprefix("0o"))
    most = _DIGITS_BY_BASE[base]
    if digits > most:
        message = f"the integer has {digits:,} digits; at most {most} are allowed"
        raise Problem("CS013", message, "put it in quotes if it is meant as text")
    return int(text, base)


def finite_float(text: str) -> float:
    """The value of a float; ``CS013`` where it is too large to be one."""
    value = float(text)
    if math.isinf(value):
        message = "the number is out of range; the largest is about 1.8e308"
        raise Problem("CS013", message, "write a smaller number")
    return value
