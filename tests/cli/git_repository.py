"""A git repository with specs, made by the real git, without anybody's own settings."""

from __future__ import annotations

import subprocess
from pathlib import Path

MODEL = """\
convspec: 1
dim_ordering: tf
input_shape: [8, 8, 1]
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 4, nb_row: 3, nb_col: 3}
  - {type: Flatten, name: flat}
  - {type: Dense, name: fc, output_dim: 3}
"""
WIDER = MODEL.replace("nb_filter: 4", "nb_filter: 6")
# conv1 4*9+4 -> 6*9+6 = 60, fc 144*3+3 -> 216*3+3 = 651: 475 -> 711 parameters, +49.7 %.

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_PAGER": "cat",
    "HOME": "/nonexistent",
}


def git(*arguments: str, cwd: Path | str = ".") -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(message: str = "a change") -> None:
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", message)


def repository(**files: str) -> None:
    """A repository in the current folder whose branch main has these files: a__b is a/b.yaml."""
    git("init", "--quiet", "--initial-branch=main")
    for name, text in files.items():
        path = Path(name.replace("__", "/")).with_suffix(".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    commit("first")
