"""The command has no plugins of pydantic, unless its user says which; other programs may."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speccompiler.cli.plugins import LOADER, SWITCH
from tests.places import ROOT

PROGRAM = f"""\
import atexit, sys
from speccompiler.cli.main import main
def tell():
    loader = sys.modules.get({LOADER!r})
    print(getattr(loader, "__file__", None), "importlib.metadata" in sys.modules, file=sys.stderr)
atexit.register(tell)
main()
"""


def told(*before: str, environment: dict[str, str]) -> str:
    """The file of pydantic's loader, and whether importlib.metadata was imported."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*before, PROGRAM]), "validate", "lenet.yaml"],
        cwd=ROOT / "examples" / "specs",
        env={**{k: v for k, v in os.environ.items() if k != SWITCH}, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "lenet.yaml: ok, 8 layers\n"
    return done.stderr.splitlines()[-1]


def test_nothing_looks_for_plugins() -> None:
    assert told(environment={}) == "None False"


@pytest.mark.parametrize("said", ["", "some-plugin"])
def test_who_says_which_plugins_keeps_the_others(said: str) -> None:
    file, imported = told(environment={SWITCH: said}).split()
    assert Path(file).name == "_loader.py"
    assert imported == "True"


def test_a_loader_that_is_there_stays() -> None:
    file, _ = told(f"import {LOADER}", environment={}).split()
    assert Path(file).name == "_loader.py"


def test_what_else_a_pydantic_asks_its_own_loader_answers() -> None:
    program = (
        "import sys\n"
        "from speccompiler.cli.plugins import LOADER, look_for_no_plugins\n"
        "look_for_no_plugins()\n"
        "from pydantic.plugin._loader import PYDANTIC_ENTRY_POINT_GROUP, get_plugins\n"
        "print(PYDANTIC_ENTRY_POINT_GROUP, get_plugins())\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != SWITCH}
    out = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout == "pydantic ()\n"
