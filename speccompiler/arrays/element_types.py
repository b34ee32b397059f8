"""Which element types an input array may have.

A model computes in float32. Every real type that NumPy stores on every
platform is taken and converted; everything else is refused by name.
"""

from __future__ import annotations

import re
import sys

import numpy as np

from speccompiler.diagnostics import Problem

FLOAT32 = np.dtype(np.float32)

_ACCEPTED = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
_REFUSED = {
    "O": "Python objects (pickled)",
    "S": "byte strings",
    "U": "text strings",
    "T": "text strings",
    "M": "dates",
    "m": "durations",
}
_SYNONYMS = {"?": "b", "a": "S"}
_DESCR = re.compile(r"([<>|=]?)([A-Za-z?])(\d{0,9})(?:\[[^\]]*\])?")
_AS_NUMBERS = 'save it as numbers, for example numpy.save("data.npy", array.astype("float32"))'


def from_descr(descr: str) -> np.dtype[np.generic]:
    """The element type of a .npy header's 'descr' string such as '<f4'. CS113."""
    match = _DESCR.fullmatch(descr)
    if match is None:
        raise _refusal("of a type that is not known")
    order, letter, size = match.groups()
    kind = _SYNONYMS.get(letter, letter)
    itemsize = 1 if letter == "?" else int(size or 0)
    _require_real(kind, itemsize)
    return np.dtype(f"{order}{kind}{itemsize}")


def check_dtype(dtype: np.dtype[np.generic]) -> None:
    """Refuse an in-memory array's element type by the same rules. CS113."""
    if dtype.names is not None:
        raise records_refused()
    _require_real(dtype.kind, dtype.itemsize)


def records_refused() -> Problem:
    """CS113 for an array whose elements have named fields."""
    return _refusal(
        "records with named fields", 'save one field, for example numpy.save("x.npy", array["x"])'
    )


def conversion_note(dtype: np.dtype[np.generic]) -> str | None:
    """What happens to the elements on the way in, or None when nothing does."""
    if dtype == FLOAT32:
        return None
    foreign = "" if dtype.isnative else _FOREIGN_ORDER
    return f"{foreign}{dtype.name} converted to float32"


_FOREIGN_ORDER = "big-endian " if sys.byteorder == "little" else "little-endian "


def _require_real(kind: str, itemsize: int) -> None:
    if itemsize in _ACCEPTED.get(kind, ()):
        return
    if kind == "f" and itemsize in (10, 12, 16):
        raise _refusal(f"{8 * itemsize}-bit floats, whose layout differs between machines")
    if kind == "c":
        hint = "save the real part or the magnitude, for example numpy.abs(array)"
        raise _refusal(f"complex numbers ({8 * itemsize} bits)", hint)
    if kind == "V":
        hint = "bfloat16 arrays are saved this way: convert them to float32 before saving"
        raise _refusal("raw bytes", hint if itemsize == 2 else _AS_NUMBERS)
    raise _refusal(_REFUSED.get(kind, "of a type that is not known"))


def _refusal(what: str, hint: str = _AS_NUMBERS) -> Problem:
    return Problem(
        "CS113", f"the elements are {what}; allowed are floats, integers and booleans", hint
    )
