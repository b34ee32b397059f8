"""Git, as a shallow checkout of a workflow has it."""

from __future__ import annotations

import base64
import os
import subprocess

import workflow


def git(*arguments: str, **environment: str) -> str | None:
    """What git prints; None where it fails."""
    done = subprocess.run(
        ["git", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **environment},
    )
    return done.stdout.strip() if done.returncode == 0 else None


def has(commit: str) -> bool:
    """Whether the commit and not only its name is here."""
    return git("cat-file", "-e", f"{commit}^{{commit}}") is not None


def is_shallow() -> bool:
    """Whether older commits are missing."""
    return git("rev-parse", "--is-shallow-repository") == "true"


def parents(commit: str) -> list[str]:
    """The parents that a commit names, though a shallow checkout does not have them."""
    text = git("cat-file", "-p", commit) or ""
    header = text.partition("\n\n")[0]
    return [line.split()[1] for line in header.splitlines() if line.startswith("parent ")]


def fetch(what: str) -> str | None:
    """Fetch a commit or a ref, and give the commit. None where the server has none."""
    if not _fetched(*(["--depth=1"] if is_shallow() else []), "origin", what):
        return None
    return git("rev-parse", "--verify", "FETCH_HEAD^{commit}")


def fetch_history(*what: str) -> None:
    """Fetch all that a shallow checkout lacks of these."""
    _fetched("--unshallow", "origin", *what)


def _fetched(*arguments: str) -> bool:
    """Whether a fetch was right; a checkout without credentials borrows the action's token."""
    command = ("fetch", "--quiet", "--no-tags", *arguments)
    return any(git(*command, **with_token) is not None for with_token in ({}, _credentials()))


def _credentials() -> dict[str, str]:
    """A header for the server, in the environment, where no list of processes shows it."""
    pair = base64.b64encode(f"x-access-token:{workflow.given('TOKEN')}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{workflow.given('GITHUB_SERVER_URL')}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {pair}",
    }
