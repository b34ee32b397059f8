"""The batch where nobody says its size."""

from __future__ import annotations

from speccompiler.planning.batch_size import BATCH_BYTES, LARGEST_BATCH, default_batch_size
from tests.cases import build


def test_the_default_batch_fits_a_budget():
    small = build([{"type": "UpSampling1D"}], [4, 1]).plan()
    assert default_batch_size(small) == LARGEST_BATCH
    large = build([{"type": "UpSampling1D"}], [2**24, 4]).plan()
    assert default_batch_size(large) == 1
    middle = build([{"type": "UpSampling1D", "length": 3}], [2**20, 1]).plan()
    assert default_batch_size(middle) == 4
    assert middle.peak_bytes(4) <= BATCH_BYTES
