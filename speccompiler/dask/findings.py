"""Findings of a worker, on their way to the process that waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from speccompiler.diagnostics.core import Problem, SpecError


@contextmanager
def travelling() -> Iterator[None]:
    """A finding inside leaves without the error that led to it.

    distributed sends that along, whatever ``from None`` says. One that cannot be unpickled, as
    some of zarr's, would make a bare text of the finding.
    """
    try:
        yield
    except (SpecError, Problem) as error:
        error.__context__ = error.__cause__ = None
        raise
