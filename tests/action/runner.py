"""Runs a composite action as GitHub's runner does, as far as action.yml goes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
_CONDITION = re.compile(r"([\w.-]+) (==|!=) '([^']*)'")


@dataclass
class Ended:
    """A run of the action."""

    status: int
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    uses: list[str] = field(default_factory=list)


@dataclass
class Runner:
    """Where an action runs, and what its workflow is about."""

    action: Path
    workspace: Path
    temp: Path
    event: dict[str, Any]
    variables: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, dict[str, str]] = field(default_factory=dict)
    """Outputs of steps, by their names, that are not run."""

    def run(self, **inputs: str) -> Ended:
        """The action with these inputs, whose names have underscores for hyphens."""
        action = yaml.safe_load((self.action / "action.yml").read_text(encoding="utf-8"))
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= action["inputs"].keys()
        values: dict[str, str] = {
            "github.action_path": str(self.action),
            "github.token": "a-token",
        }
        for name, described in action["inputs"].items():
            values[f"inputs.{name}"] = given.get(name, _filled(described["default"], values))
        ended = Ended(0)
        for step in action["runs"]["steps"]:
            if not _holds(step.get("if"), values):
                continue
            if "uses" in step:
                ended.uses.append(step["uses"])
                continue
            outputs = self.skipped.get(step["name"])
            if outputs is None:
                outputs = self._step(step, values, ended)
            values |= {f"steps.{step.get('id')}.outputs.{k}": v for k, v in outputs.items()}
            if ended.status:
                break
        ended.outputs = {
            name: _filled(described["value"], values)
            for name, described in action["outputs"].items()
        }
        return ended

    def _step(self, step: dict[str, Any], values: dict[str, str], ended: Ended) -> dict[str, str]:
        assert step["shell"] == "bash"
        files = {name: self.temp / name for name in ("output", "summary", "event", "script")}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        files["event"].write_text(json.dumps(self.event), encoding="utf-8")
        files["script"].write_text(step["run"], encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temp),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_PATH": str(files["event"]),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_REPOSITORY": "nets/models",
            "GITHUB_SERVER_URL": "https://github.invalid",
            "GITHUB_SHA": "0" * 40,
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "RUNNER_TEMP": str(self.temp),
            **self.variables,
        }
        environment |= {name: _filled(text, values) for name, text in step.get("env", {}).items()}
        folder = _filled(step.get("working-directory", str(self.workspace)), values)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(files["script"])],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        ended.status = done.returncode
        ended.log += done.stdout
        ended.summary += files["summary"].read_text(encoding="utf-8")
        lines = files["output"].read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


def _filled(text: str, values: dict[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: values.get(found[1], ""), text)


def _holds(condition: str | None, values: dict[str, str]) -> bool:
    if condition is None:
        return True
    parts = _CONDITION.fullmatch(condition)
    assert parts is not None, f"this runner knows no {condition!r}"
    return (values.get(parts[1], "") == parts[3]) == (parts[2] == "==")
