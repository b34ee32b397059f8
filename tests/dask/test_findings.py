"""Findings of workers arrive as findings."""

from __future__ import annotations

import pytest
from distributed.core import clean_exception, error_message

from speccompiler.dask.findings import travelling
from speccompiler.diagnostics.core import Problem, SpecError, about


class OfTwo(OSError):
    """Cannot be unpickled: it keeps one argument of the two that it takes."""

    def __init__(self, what, where):
        super().__init__(f"no {what} in {where}")


def test_what_led_to_a_finding_stays_behind():
    with pytest.raises(SpecError) as caught, travelling(), about("y.zarr"):
        try:
            raise OfTwo("array", "memory")
        except OfTwo:
            raise Problem("CS203", "a worker cannot write to it") from None
    try:
        raise caught.value
    except SpecError as error:
        _, arrived, _ = clean_exception(**error_message(error))
    assert isinstance(arrived, SpecError)
    assert arrived.diagnostics == caught.value.diagnostics
