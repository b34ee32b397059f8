"""How a task ends that did not end well, in words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from distributed import KilledWorker

from speccompiler.dask.run_on_cluster import _result
from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError

ENDS = [
    (
        KilledWorker("convspec_task-1", None, 3),
        "CS204",
        "a task ended 4 workers, one after another",
        "they may lack memory: take a smaller --batch-size, or look at the workers' logs",
    ),
    (
        MemoryError(),
        "CS204",
        "a worker ran out of memory",
        "take a smaller --batch-size, or fewer threads",
    ),
    (
        ModuleNotFoundError("No module named 'speccompiler'"),
        "CS203",
        "a worker cannot load convspec: No module named 'speccompiler'",
        "install the same version of it, with the same extras, on every worker",
    ),
]


@pytest.mark.parametrize(("error", "code", "message", "hint"), ENDS)
def test_what_ended_a_task(error, code, message, hint):
    future = SimpleNamespace(status="error", exception=lambda: error)
    with pytest.raises(Problem) as caught:
        _result(future)
    found = caught.value
    assert (found.code, found.message, found.hint) == (code, message, hint)


def test_a_finding_is_passed_on():
    error = SpecError([Diagnostic("CS110", "the file does not exist")])
    with pytest.raises(SpecError, match="CS110"):
        _result(SimpleNamespace(status="error", exception=lambda: error))


def test_a_scheduler_that_is_gone():
    with pytest.raises(Problem) as caught:
        _result(SimpleNamespace(status="cancelled"))
    assert (caught.value.code, caught.value.message, caught.value.hint) == (
        "CS204",
        "the connection to the scheduler was lost",
        "look at its log; what is done is kept where the output can be resumed",
    )
