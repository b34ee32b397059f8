"""The pull request of docs/tutorial/review.md: the specs of the page, in a repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.action.fake_github import FakeGitHub, serving
from tests.action.test_action import Hub
from tests.action.test_action import git as hub_git
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "tutorial" / "review.md"
SPEC = "photo.yaml"


def specs() -> tuple[str, str]:
    """The spec on main, and the one on the branch."""
    found = [block.text for block in blocks(PAGE) if block.file == f"photos/{SPEC}"]
    base, branch = found
    return base, branch


def repository(folder: Path) -> Path:
    """A repository with both branches, the changed one checked out."""
    place = folder / "photos"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    for number, text in enumerate(specs()):
        if number:
            git(place, "switch", "-q", "-c", "wider")
        (place / SPEC).write_text(text, encoding="utf-8")
        git(place, "add", SPEC)
        git(place, "commit", "-q", "-m", f"Version {number + 1}")
    return place


def git(place: Path, *arguments: str) -> None:
    """A command of git, which the machine's configuration does not change."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(
        ["git", *identity, *arguments], cwd=place, env={**os.environ, **settings}, check=True
    )


def comment(folder: Path) -> str:
    """What the action writes on the pull request."""
    base, branch = specs()
    with serving(FakeGitHub()) as github:
        hub = Hub(folder, github)
        hub.commit({SPEC: base, "models/digits.yaml": None}, branch="main")
        hub_git("checkout", "-q", "-B", "topic", "main", cwd=hub.clone)
        hub.commit({SPEC: branch})
        ended = hub.run()
        assert ended.status == 1, ended.log
        (made,) = github.comments
    body: str = made["body"]
    return body
