"""The command ``git``, asked so that nothing in a name or a repository can make it do more.

It is started without a shell, without a terminal to ask at, and without locks: reading never
stops another git from writing. Names go after ``--`` or through standard input.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
}
_SETTINGS = ("-c", "core.quotePath=false", "-c", "core.fsmonitor=false")


class GitFailed(Exception):
    """What git said, in one line; empty where it said nothing."""


class NoGit(GitFailed):
    """There is no command ``git``."""


def git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What ``git ARGUMENTS`` in a folder writes to its output. Raises ``GitFailed``."""
    try:
        done = subprocess.run(
            ["git", *_SETTINGS, *arguments],
            cwd=folder,
            input=given,
            capture_output=True,
            check=False,
            env={**os.environ, **_ENVIRONMENT},
        )
    except FileNotFoundError:
        raise NoGit("the command 'git' is not there") from None
    except OSError as error:
        raise NoGit(f"the command 'git' cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitFailed(said[0].removeprefix("fatal: ").removeprefix("error: ") if said else "")
    return done.stdout
