"""The pre-commit hook: which of a repository's files are specs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from speccompiler.cli.main import COMMANDS
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


def _git(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree as a repository that pre-commit can clone."""
    place = tmp_path_factory.mktemp("hooks") / "convspec"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", ".nox", ".*_cache", ".hypothesis", "build", "dist", "out", "__pycache__",
        "*.egg-info", "docs", "tests", "benchmarks",
    )  # fmt: skip
    shutil.copytree(ROOT, place, ignore=ignored)
    _git("init", "-q", cwd=place)
    _git("add", "-A", cwd=place)
    _git("commit", "-q", "-m", "all", cwd=place)
    return place


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pre-commit installs with: the packages of these tests instead of an index."""
    packages = tmp_path_factory.mktemp("packages")
    for entry in Path(pytest.__file__).parents[1].iterdir():
        if "convspec" not in entry.name:
            (packages / entry.name).symlink_to(entry)
    return {
        **os.environ,
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "PYTHONPATH": str(packages),
        # pip reads the value as that of build-isolation.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }


def _run(hook: str, folder: Path, hooks: Path, environment: dict[str, str]) -> tuple[int, str]:
    """The hook on every file of a repository, by pre-commit itself."""
    revision = _git("rev-parse", "HEAD", cwd=hooks)
    config = {"repos": [{"repo": hooks.as_uri(), "rev": revision, "hooks": [{"id": hook}]}]}
    (folder / ".pre-commit-config.yaml").write_text(json.dumps(config))
    if not (folder / ".git").exists():
        _git("init", "-q", cwd=folder)
    _git("add", "-A", cwd=folder)
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    return done.returncode, done.stdout + done.stderr


def test_pre_commit_validates(tmp_path: Path, hooks: Path, environment: dict[str, str]) -> None:
    _spec_files(tmp_path)
    status, log = _run("convspec-validate", tmp_path, hooks, environment)
    assert status == 1, log
    assert "- hook id: convspec-validate\n- exit code: 1\n" in log
    assert "unknown layer type 'Flaten'" in log
    assert "spec.yaml: ok, 2 layers\n" in log
    assert "ci.yml" not in log
    (tmp_path / "broken.json").unlink()
    status, log = _run("convspec-validate", tmp_path, hooks, environment)
    assert (status, log.split(".")[0], log.strip()[-6:]) == (0, "convspec validate", "Passed")


@pytest.mark.skipif("fmt" not in COMMANDS, reason="no such command yet")
def test_pre_commit_formats(tmp_path: Path, hooks: Path, environment: dict[str, str]) -> None:
    spec, other = tmp_path / "spec.yaml", tmp_path / "ci.yml"
    spec.write_text("layers: [ {type:   Flatten} ]\ninput_shape: [2,3]\nconvspec: 1 # why\n")
    other.write_text("on:   push\n")
    status, log = _run("convspec-fmt", tmp_path, hooks, environment)
    assert status == 1, log
    assert "- files were modified by this hook" in log
    assert spec.read_text().startswith("convspec: 1")
    assert "# why" in spec.read_text()
    assert other.read_text() == "on:   push\n"
    status, log = _run("convspec-fmt", tmp_path, hooks, environment)
    assert (status, log.strip()[-6:]) == (0, "Passed")
