"""The pre-commit hook: which of a repository's files are specs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.models import FIXED
from tests.places import ROOT


def _spec_files(folder: Path) -> list[str]:
    (folder / "spec.yaml").write_text(FIXED)
    (folder / "broken.json").write_text('{"convspec": 1, "layers": [{"type": "Flaten"}]}')
    (folder / "ci.yml").write_text("on: push\n")
    (folder / "package.json").write_text(json.dumps({"layers": 3}))
    return sorted(str(file) for file in folder.iterdir())


def test_the_hook_knows_specs_by_their_content(tmp_path):
    files = _spec_files(tmp_path)
    command = [sys.executable, "-m", "speccompiler", "validate", "--specs-only"]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 1
    assert "unknown layer type 'Flaten'" in done.stdout
    assert f"{tmp_path / 'spec.yaml'}: ok, 2 layers" in done.stdout
    assert "ci.yml" not in done.stdout
    others = [file for file in files if Path(file).name in ("ci.yml", "package.json")]
    done = subprocess.run([*command, *others], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "entry: convspec validate --specs-only\n" in hook
