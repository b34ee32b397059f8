"""The wheel: one package under two names, whole, and deaf to other people's folders."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.places import ROOT

TREES = {
    "speccompiler": "speccompiler",
    "schemas": "speccompiler.schemas",
    "cli": "speccompiler.cli",
    "convspec": "convspec",
}
"""Folders of the repository, and what they are installed as."""

SPEC = """\
convspec: 1
dim_ordering: tf
input_shape: [8, 8, 1]
seed: 1
layers:
  - {type: Convolution2D, nb_filter: 2, nb_row: 3, nb_col: 3, activation: relu}
"""


def source_packages() -> dict[str, Path]:
    """Every folder that holds Python files, by the name it is installed under."""
    found = {}
    for folder, package in TREES.items():
        for file in (ROOT / folder).rglob("*.py"):
            parts = file.parent.relative_to(ROOT / folder).parts
            found[".".join((package, *parts))] = file.parent
    return found


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: an old build folder in the source tree must not leak into it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in TREES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    built = run(
        sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation",
        "--quiet", "--wheel-dir", folder, cwd=source,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and finds the dependencies in this one's folder.

    A .pth file adds a folder without reading the .pth files in it, so an editable
    install of this environment stays invisible.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    made = run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    paths = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    lines = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (site / "dependencies.pth").write_text("\n".join(lines) + "\n")
    put = run(
        sys.executable, "-m", "pip", "--python", folder, "install", "--no-deps", "--no-index",
        "--force-reinstall", "--quiet", wheel, cwd=ROOT,
    )  # fmt: skip
    assert put.returncode == 0, put.stdout + put.stderr
    return Path(sysconfig.get_path("scripts", "venv", paths))


def test_pyproject_lists_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(source_packages())


def test_every_package_has_an_init() -> None:
    bare = [name for name, path in source_packages().items() if not (path / "__init__.py").exists()]
    assert bare == []


def test_the_wheel_holds_no_other_top_level_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"convspec", "speccompiler"}


def test_the_wheel_holds_every_source_file(wheel: Path) -> None:
    wanted = {
        "/".join((*package.split("."), file.name))
        for package, folder in source_packages().items()
        for file in folder.glob("*.py")
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    # Kernels are read as text at run time; py.typed tells type checkers to look.
    assert wanted | {"convspec/py.typed", "speccompiler/py.typed"} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_command_runs_where_folders_have_the_same_names(
    installed: Path, tmp_path: Path
) -> None:
    for name in ("schemas", "cli", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    (tmp_path / "model.yaml").write_text(SPEC)
    convspec = installed / "convspec"

    version = run(convspec, "--version", cwd=tmp_path)
    assert (version.returncode, version.stdout) == (0, "convspec 0.1.0\n"), version.stderr

    checked = run(convspec, "validate", "model.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    # As a library, with the current folder first on the path.
    code = (
        "import numpy, speccompiler, speccompiler.schemas, speccompiler.cli\n"
        "print(speccompiler.__file__)\n"
        "x = numpy.ones((2, 8, 8, 1), 'float32')\n"
        "print(speccompiler.load('model.yaml').compile('reference').run(x).shape)\n"
    )
    imported = run(installed / "python", "-c", code, cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    file, shape = imported.stdout.splitlines()
    assert Path(file).is_relative_to(installed.parent)
    assert shape == "(2, 6, 6, 2)"
