"""Text in units of two or four bytes, told from its byte order mark or from where its zeros are."""

from __future__ import annotations

import codecs

_MARKS = (
    # UTF-32's marks begin as UTF-16's do.
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SAMPLE = 4096
_LEAST = 0.2
"""The least share of zeros among the high bytes of a UTF-16 spec. Its keys and signs are ASCII,
whatever language its names are in, and the high byte of an ASCII character is zero. A stray NUL
in UTF-8 text stays far below."""


def wide_encoding(data: bytes) -> str | None:
    """``UTF-16`` or ``UTF-32`` where the bytes are that and not UTF-8."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    sample = data[:_SAMPLE]
    units = len(sample) // 4
    zeros = [sample[i : 4 * units : 4].count(0) for i in range(4)]
    # The first of four bytes is 0 in any UTF-32, the second where it is no sign beyond 2**16.
    if units and any(
        zeros[top] == units and zeros[next_] > units / 2 and zeros[low] < units / 2
        for top, next_, low in ((0, 1, 3), (3, 2, 0))
    ):
        return "UTF-32"
    units = len(sample) // 2
    first, second = (sample[i : 2 * units : 2].count(0) for i in range(2))
    high, low = max(first, second), min(first, second)
    return "UTF-16" if units and high >= _LEAST * units and 2 * low <= high else None
