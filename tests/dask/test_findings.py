"""Findings of workers arrive as findings."""

from __future__ import annotations

import pickle

import pytest
from distributed.core import error_message

from speccompiler.dask.findings import travelling
from speccompiler.diagnostics.core import Problem, SpecError, about


class NotFound(ValueError, FileNotFoundError):
    """Two errors in one, as zarr has them, cannot be unpickled where distributed pickled them."""


def nothing_here():
    with travelling(), about("y.zarr"):
        try:
            raise NotFound("no array here")
        except NotFound:
            raise Problem("CS203", "a worker cannot write to it") from None


def test_what_led_to_a_finding_stays_behind():
    with pytest.raises(SpecError) as caught:
        nothing_here()
    try:
        raise caught.value
    except SpecError as error:
        arrived = pickle.loads(error_message(error)["exception"].data)
    assert isinstance(arrived, SpecError)
    assert arrived.diagnostics == caught.value.diagnostics
