"""What a step of a workflow is told, and what it tells: https://docs.github.com/actions."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn


def given(name: str) -> str:
    """A variable of the step's environment, empty where it is not set."""
    return os.environ.get(name, "").strip()


def wanted(name: str) -> bool:
    """An input that is 'true' or 'false'; anything else is refused."""
    said = given(name)
    if said not in ("true", "false"):
        fail(f"{name.lower().replace('_', '-')} is '{said}'; allowed: true, false")
    return said == "true"


def paths() -> list[str]:
    """The files and folders to look at."""
    found = [line.strip() for line in os.environ.get("PATHS", "").splitlines()]
    return [line for line in found if line] or ["."]


def event() -> dict[str, Any]:
    """What started the workflow."""
    file = given("GITHUB_EVENT_PATH")
    found: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
    return found


def pull_request() -> dict[str, Any] | None:
    """The pull request that the workflow is about, if it is about one."""
    return event().get("pull_request")


def output(name: str, value: object) -> None:
    """Set an output of the step; values are of one line."""
    text = str(value)
    assert "\n" not in text, "an output would end early"
    _append("GITHUB_OUTPUT", f"{name}={text}\n")


def summary(text: str) -> None:
    """Add Markdown to the summary of the job."""
    _append("GITHUB_STEP_SUMMARY", text.rstrip("\n") + "\n")


def _append(variable: str, text: str) -> None:
    with open(os.environ[variable], "a", encoding="utf-8") as file:
        file.write(text)


def notice(text: str, level: str = "notice") -> None:
    """An annotation of the run."""
    data = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{level} title=convspec::{data}", flush=True)


def fail(text: str) -> NoReturn:
    """End the step as one that could not do its work."""
    notice(text, "error")
    sys.exit(2)


def log(title: str, text: str) -> None:
    """Show a text in the log; no line of it is taken for a command to the runner."""
    token = secrets.token_hex(16)
    print(
        f"::group::{title}\n::stop-commands::{token}\n{text}\n::{token}::\n::endgroup::", flush=True
    )


def convspec(*arguments: str) -> int:
    """Run a command of convspec and give its exit status; modules of the workspace stay out."""
    command = [sys.executable, "-P", "-m", "speccompiler", *arguments]
    return subprocess.run(command, check=False).returncode


def settings() -> list[str]:
    """The option for the settings, if a file is named."""
    return ["--config", given("CONFIG")] if given("CONFIG") else []
