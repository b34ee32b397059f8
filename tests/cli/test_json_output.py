"""What ``--format json`` prints stands in one place."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from speccompiler.cli import json_output
from speccompiler.cli.main import COMMANDS, load_command
from tests.places import ROOT


def prints_json(name: str) -> bool:
    command: click.Command = load_command(name)
    styles = [p for p in command.params if p.name == "style"]
    return any("json" in style.type.choices for style in styles)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_function_of_its_name(name: str) -> None:
    assert hasattr(json_output, name) is prints_json(name)


def test_no_other_file_of_the_commands_makes_json() -> None:
    makes = [p.name for p in Path(ROOT, "cli").glob("*.py") if "json.dumps" in p.read_text()]
    assert sorted(makes) == ["json_output.py", "schema.py"]
