"""Which element types an input array may have.

A model computes in float32. Every real type that NumPy stores on every
platform is taken and converted; everything else is refused by name.
"""

from __future__ import annotations

import sys

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files import npy_format

FLOAT32 = np.dtype(np.float32)

_REFUSED = {
    "O": "Python objects (pickled)",
    "S": "byte strings",
    "a": "byte strings",
    "U": "text strings",
    "T": "text strings",
    "M": "dates",
    "m": "durations",
}
_AS_NUMBERS = 'save it as numbers, for example numpy.save("data.npy", array.astype("float32"))'


def from_descr(descr: str | None) -> np.dtype[np.generic]:
    """The element type of a .npy header's 'descr' such as '<f4'; None is fields. CS113."""
    if descr is None:
        raise _records_refused()
    dtype = npy_format.real_dtype(descr)
    if dtype is None and (spelling := npy_format.numpys_spelling(descr)) is not None:
        raise Problem(
            "CS113",
            f"the header writes the elements' type as '{descr}', where NumPy writes '{spelling}'",
            f"correct what wrote it: 'descr': '{spelling}'; numpy.save does so",
        )
    if dtype is None:
        raise _not_real(descr, *(npy_format.kind_and_size(descr) or ("", 0)))
    return dtype


def check_dtype(dtype: np.dtype[np.generic]) -> None:
    """Refuse an in-memory array's element type by the same rules. CS113."""
    from_descr(None if dtype.names is not None else dtype.str)


def conversion_note(dtype: np.dtype[np.generic]) -> str | None:
    """What happens to the elements on the way in, or None when nothing does."""
    if dtype == FLOAT32:
        return None
    foreign = "" if dtype.isnative else _FOREIGN_ORDER
    return f"{foreign}{dtype.name} converted to float32"


_FOREIGN_ORDER = "big-endian " if sys.byteorder == "little" else "little-endian "


def _records_refused() -> Problem:
    return _refusal(
        "records with named fields", 'save one field, for example numpy.save("x.npy", array["x"])'
    )


def _not_real(descr: str, kind: str, size: int) -> Problem:
    if kind == "f" and size in (10, 12, 16):
        return _refusal(f"{8 * size}-bit floats, whose layout differs between machines")
    if kind == "c":
        hint = "save the real part or the magnitude, for example numpy.abs(array)"
        return _refusal(f"complex numbers ({8 * size} bits)", hint)
    if kind == "V":
        hint = "bfloat16 arrays are saved this way: convert them to float32 before saving"
        return _refusal("raw bytes", hint if size == 2 else _AS_NUMBERS)
    return _refusal(_REFUSED.get(kind) or f"of the type {quoted(descr)}, which is not known")


def _refusal(what: str, hint: str = _AS_NUMBERS) -> Problem:
    return Problem(
        "CS113", f"the elements are {what}; allowed are floats, integers and booleans", hint
    )
