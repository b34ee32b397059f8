"""The batch where nobody says its size."""

from __future__ import annotations

import pytest

from speccompiler.planning import batch_size
from speccompiler.planning.batch_size import (
    BATCH_BYTES,
    COMPILING_BYTES,
    LARGEST_BATCH,
    default_batch_size,
    gpu_batch_size,
)
from tests.cases import build


def test_the_default_batch_fits_a_budget():
    small = build([{"type": "UpSampling1D"}], [4, 1]).plan()
    assert default_batch_size(small) == LARGEST_BATCH
    large = build([{"type": "UpSampling1D"}], [2**24, 4]).plan()
    assert default_batch_size(large) == 1
    middle = build([{"type": "UpSampling1D", "length": 3}], [2**20, 1]).plan()
    assert default_batch_size(middle) == 4
    assert middle.peak_bytes(4) <= BATCH_BYTES


MIB = 1 << 20


@pytest.mark.parametrize(
    ("free", "wanted"), [(64 << 30, 4), (4 * 48 * MIB, 3), (4 * 16 * MIB, 1), (0, 1), (-1, 1)]
)
def test_a_batch_takes_a_part_of_what_is_free(
    monkeypatch: pytest.MonkeyPatch, free: int, wanted: int
) -> None:
    """16 MiB a sample: as many as a quarter of the memory holds, and one in any case."""
    plan = build([{"type": "UpSampling1D", "length": 3}], [2**20, 1]).plan()
    monkeypatch.setattr(batch_size, "available_memory", lambda: COMPILING_BYTES + free)
    assert default_batch_size(plan) == wanted


def test_weights_are_taken_before_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = build([{"type": "Dense", "output_dim": 2**12}], [2**12]).plan()
    per_sample = plan.peak_bytes(1) - plan.weight_bytes
    free = COMPILING_BYTES + plan.weight_bytes + 4 * 3 * per_sample
    monkeypatch.setattr(batch_size, "available_memory", lambda: free)
    assert default_batch_size(plan) == 3


def test_a_batch_leaves_room_for_weights_as_they_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = build([{"type": "Dense", "output_dim": 2**13}], [2**13]).plan()
    per_sample = plan.peak_bytes(1) - plan.weight_bytes
    assert plan.stored_bytes > COMPILING_BYTES
    free = plan.weight_bytes + plan.stored_bytes + 5 * per_sample
    monkeypatch.setattr(batch_size, "available_memory", lambda: free)
    assert default_batch_size(plan) == 5


def test_a_batch_for_a_gpu_has_to_fit_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = build([{"type": "UpSampling1D", "length": 3}], [2**20, 1]).plan()
    assert gpu_batch_size(plan) == 32
    monkeypatch.setattr(batch_size, "available_memory", lambda: COMPILING_BYTES + 4 * 32 * MIB)
    assert gpu_batch_size(plan) == 2
