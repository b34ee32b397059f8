"""The examples in the docstrings of what ``import speccompiler`` gives are true."""

from __future__ import annotations

import doctest
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import speccompiler
from tests.places import ROOT

WITH_EXAMPLES = {
    "load",
    "loads",
    "Model.shapes",
    "Model.compile",
    "Model.run",
    "CompiledModel.run",
    "CompiledModel.run_all",
    "SpecError",
}
"""Docstrings that show how it is called, at least."""


NAMES = {"speccompiler": speccompiler, "np": np}
"""What a reader of the examples has imported."""


def examples() -> Iterator[doctest.DocTest]:
    """The docstrings with examples, of every public name and its members."""
    finder = doctest.DocTestFinder(recurse=True, exclude_empty=True)
    for name in speccompiler.__all__:
        yield from finder.find(getattr(speccompiler, name), name, module=False, globs=NAMES)


TESTS = [test for test in examples() if test.examples]


def test_what_is_called_first_has_an_example() -> None:
    assert {test.name for test in TESTS} >= WITH_EXAMPLES


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
def test_an_example_is_true(
    test: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)  # what an example writes does not belong into the repository
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed, _ = runner.run(test, out=report.write)
    assert not failed, report.getvalue()
