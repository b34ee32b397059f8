"""Amounts as people write them: ``5M`` multiply-adds, ``64 MiB``. One table of units for all."""

import re
from fractions import Fraction

COUNT_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BYTE_UNITS = {
    "": 1, "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_WRITTEN = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([A-Za-z]*)", re.ASCII)

COUNT_PATTERN = r"^[0-9][0-9_,]*(\.[0-9]+)?\s*[kKMGT]?$"
BYTES_PATTERN = r"^[0-9][0-9_,]*(\.[0-9]+)?\s*([kK]i?|[MGT]i?)?[bB]?$"


def amount(text: str, units: dict[str, int]) -> int:
    """The number that a text means, rounded down. ``ValueError`` says what is wrong with it."""
    matched = _WRITTEN.fullmatch(text.strip())
    if matched is None:
        raise ValueError(f"'{text}' is no amount; {_example(units)}")
    number, unit = matched.groups()
    folded = {name.casefold(): size for name, size in units.items()}
    # "64 Mi" and "64 M" are what people write of bytes, too.
    size = folded.get(unit.casefold(), folded.get(f"{unit}b".casefold()))
    if size is None:
        known = ", ".join(name for name in units if name)
        raise ValueError(f"'{unit}' is no unit; units: {known}")
    return int(Fraction(re.sub("[_,]", "", number)) * size)


def _example(units: dict[str, int]) -> str:
    return "write it as 67108864 or 64 MiB" if "MiB" in units else "write it as 5000000 or 5M"
