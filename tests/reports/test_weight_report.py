"""The report of a model's tensors."""

from __future__ import annotations

import pytest

import speccompiler
from speccompiler import SpecError
from speccompiler.reports.weight_report import weight_report
from speccompiler.weights import sources
from tests.models import FIXED


def test_a_tensor_that_memory_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(self: sources.DrawnTensor) -> None:
        raise MemoryError

    monkeypatch.setattr(sources.DrawnTensor, "read", too_large)
    with pytest.raises(SpecError) as caught:
        weight_report(speccompiler.loads(FIXED))
    (found,) = caught.value.diagnostics
    assert (found.code, found.layer) == ("CS130", "c")
    assert found.message == "W takes 72 B of memory, and as much again to look at"
