"""Ctrl-C where Python itself would print and forget it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import pytest

from speccompiler.kernels.cpu.runtime.interrupts import interrupts_kept


def called_back(error: BaseException) -> Callable[[], None]:
    """A C function that calls Python, as LLVM does, where ``error`` is raised."""

    @ctypes.CFUNCTYPE(None)
    def callback() -> None:
        raise error

    return callback


def interrupted(*calls: Callable[[], object]) -> None:
    with interrupts_kept():
        for call in calls:
            call()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_it_ends_the_block_and_prints_nothing(
    error: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    reached: list[str] = []
    with pytest.raises(type(error)) as raised:
        interrupted(called_back(error), lambda: reached.append("the rest"))
    assert raised.value is error
    # C knows no exceptions: only the end of the block can raise it.
    assert reached == ["the rest"]
    assert capfd.readouterr().err == ""


def test_it_comes_before_an_error_that_followed_from_it() -> None:
    def fail() -> None:
        raise ValueError("no machine code")

    with pytest.raises(KeyboardInterrupt):
        interrupted(called_back(KeyboardInterrupt()), fail)


def test_other_errors_go_where_they_went(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda u: seen.append(str(u.exc_value)))
    before = sys.unraisablehook
    interrupted(called_back(ValueError("of a callback")))
    assert seen == ["of a callback"]
    assert sys.unraisablehook is before
