"""A user's script passes strict type checks: README's example, and one of each call.

mypy and pyright come with the dependency group ``check``: ``make check`` runs these tests, and
elsewhere they run where both are installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

INSTALLED = all(map(importlib.util.find_spec, ("mypy", "basedpyright")))

pytestmark = pytest.mark.skipif(
    not INSTALLED and "CONVSPEC_TEST_TYPES" not in os.environ,
    reason="the dependency group 'check' is not installed; make check runs this",
)

SCRIPT = """
from __future__ import annotations

import numpy as np
import numpy.typing as npt

import convspec
import speccompiler
from speccompiler import CompiledModel, LayerReport, Model, ShapeReport, SpecError


def predict(model: Model, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    plan: CompiledModel = model.compile(target="cpu", math="precise", threads=2)
    y = np.empty((len(x), 10), np.float32)
    again: npt.NDArray[np.float32] = plan.run(x, out=y)
    several: list[npt.NDArray[np.float32]] = plan.run({"a": x, "b": x}, out=[y, y])
    by_name: dict[str, npt.NDArray[np.float32]] = plan.run_all([x, x])
    loose: npt.NDArray[np.float32] = plan.run(x)
    return again + several[0] + by_name["a"] + loose + model.run(x)


def widest(report: ShapeReport) -> LayerReport:
    return max(report.layers, key=lambda layer: layer.parameters)


def code_of(text: str) -> str | None:
    try:
        convspec.loads(text, semantics="theano", dim_ordering="th", seed=3)
    except SpecError as error:
        return error.diagnostics[0].code
    return None


print(speccompiler.__version__, str(widest(convspec.load("m.yaml").shapes())), code_of("1"))
"""

WRONG = """
import speccompiler

speccompiler.load("m.yaml", semantics="caffe")
speccompiler.load("m.yaml").compile(math="quick")
speccompiler.load("m.yaml").shapes().no_such_attribute
"""


def readme_script() -> str:
    """The example; the other one is about Pillow, whose types are its own affair."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    scripts = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(scripts[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it lies in the wheel: type checkers follow no editable install."""
    folder = tmp_path_factory.mktemp("types")
    package = folder / "installed" / "speccompiler"
    package.mkdir(parents=True)
    (folder / "installed" / "convspec").symlink_to(ROOT / "convspec")
    for file in (ROOT / "speccompiler").iterdir():
        (package / file.name).symlink_to(file)
    for name in ("schemas", "cli"):
        (package / name).symlink_to(ROOT / name)
    settings = {
        "typeCheckingMode": "strict",
        "extraPaths": ["installed"],
        "ignore": ["installed"],
        "pythonVersion": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return folder


def findings(checker: str, folder: Path, script: str) -> list[str]:
    """The lines that a checker prints about errors in the script."""
    name = f"script_{abs(hash(script))}.py"
    (folder / name).write_text(script)
    command = {
        "mypy": ["mypy", "--strict", "--no-error-summary", "--cache-dir", "mypy", name],
        "pyright": ["basedpyright", "--pythonpath", sys.executable, name],
    }[checker]
    environment = os.environ | {"MYPYPATH": str(folder / "installed")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "error:" in line or "- error" in line]
    return [line for line in lines if name in line]


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
@pytest.mark.parametrize("script", [SCRIPT, readme_script()], ids=["calls", "readme"])
def test_right_scripts_pass(checker: str, script: str, folder: Path) -> None:
    assert findings(checker, folder, script) == []


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_wrong_ones_do_not(checker: str, folder: Path) -> None:
    found = findings(checker, folder, WRONG)
    assert [sum(f":{line}:" in each for each in found) > 0 for line in (4, 5, 6)] == [True] * 3
