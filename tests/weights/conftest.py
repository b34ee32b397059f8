"""A folder for each test, with the model of ``saved_by_hand`` in ``m.yaml``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weights.saved_by_hand import SPEC


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(SPEC)
    return tmp_path
