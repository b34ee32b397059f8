"""Counts, sizes and durations as people read them."""

from __future__ import annotations

import pytest

from speccompiler.graph.dims import symbol
from speccompiler.reports.number_text import count, scaled, seconds, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (count(14_714_688), "14,714,688"),
        (count(2 * symbol("T")), "2*T"),
        (scaled(999), "999"),
        (scaled(1000), "1 k"),
        (scaled(15_346_630_656), "15.3 G"),
        (scaled(2 * 10**12), "2 T"),
        (size(1023), "1023 B"),
        (size(1024), "1.0 KiB"),
        (size(12_845_056), "12.2 MiB"),
        (size(3 << 30), "3.0 GiB"),
        (seconds(1.2345), "1.23 s"),
        (seconds(0.0315), "31.5 ms"),
        (seconds(84e-6), "84 us"),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert text == expected
