"""Files that take their names together: the outputs of one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.arrays.npy_output import create_array
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files import atomic_output
from speccompiler.files.atomic_output import FileGroup, atomic_file
from speccompiler.system.unfinished_files import sweep


def write_together(*names: Path) -> None:
    with FileGroup() as group:
        for name in names:
            before = name.read_bytes() if name.exists() else None
            with atomic_file(name, 1, group) as file:
                file.write(b"1")
            assert (name.read_bytes() if name.exists() else None) == before


def test_names_are_taken_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Last finished, first renamed; Ctrl-C waits; nothing appears before all are complete."""
    names, taken = [tmp_path / name for name in "abc"], []
    replace = os.replace

    def interrupted(partial: Any, final: Any) -> None:
        if len(taken) == 1:
            taken.append("Ctrl-C")
            raise KeyboardInterrupt
        replace(partial, final)
        taken.append(Path(final).name)
        if len(taken) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(atomic_output.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_together(*names)
    assert taken == ["c", "Ctrl-C", "b", "a"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "c"]


def test_an_error_leaves_all_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    missing = tmp_path / "missing" / "b"
    with pytest.raises(Problem, match="the folder"):
        write_together(tmp_path / "a", missing)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_name_that_cannot_be_taken_is_said(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"

    def late() -> None:
        with FileGroup() as group:
            with create_array(target, (1,), group=group) as output:
                output.write(np.zeros(1, np.float32))
            target.mkdir()

    with pytest.raises(SpecError) as caught:
        late()
    (found,) = caught.value.diagnostics
    assert (found.code, found.file) == ("CS120", str(target))
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


def test_what_waits_for_its_name_is_not_swept(tmp_path: Path) -> None:
    with FileGroup() as group:
        with atomic_file(tmp_path / "a", 1, group) as file:
            file.write(b"1")
        sweep(tmp_path)
    assert (tmp_path / "a").read_bytes() == b"1"
