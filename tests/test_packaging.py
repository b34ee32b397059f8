"""The package: one version, whole, under two names, and deaf to other people's folders."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

import speccompiler
from scripts import release
from scripts import wheel as platform_wheels
from tests.completeness import assert_rows
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


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


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
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked. It is built from a copy, into which no old build folder leaks."""
    folder = tmp_path_factory.mktemp("sdist")
    ignored = shutil.ignore_patterns(
        ".git", ".venv", ".nox", ".*_cache", ".hypothesis", "build", "dist", "out", "__pycache__",
        "*.egg-info",
    )  # fmt: skip
    shutil.copytree(ROOT, folder / "source", ignore=ignored)
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    built = run(sys.executable, "-c", code, folder, cwd=folder / "source")
    assert built.returncode == 0, built.stdout + built.stderr
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.glob("convspec-*[0-9]")
    return unpacked


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as a release is."""
    folder = tmp_path_factory.mktemp("wheel")
    built = run(
        sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation",
        "--quiet", "--wheel-dir", folder, cwd=sdist,
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
    listed = pyproject()["tool"]["setuptools"]["packages"]
    assert_rows("packages (pyproject.toml, [tool.setuptools])", listed, source_packages())
    assert len(set(listed)) == len(listed)


def test_every_package_has_an_init() -> None:
    bare = [name for name, path in source_packages().items() if not (path / "__init__.py").exists()]
    assert bare == []


def test_the_sdist_holds_the_repository(sdist: Path) -> None:
    """Its tests, checks and docs run from it: every file that git knows is there."""
    listed = run("git", "ls-files", cwd=ROOT)
    if listed.returncode:
        pytest.skip("this is no clone of the repository")
    names = [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    assert [name for name in names if not (sdist / name).exists()] == []


def test_the_wheel_says_what_pyproject_does(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        said = message_from_string(archive.read(name).decode())
    project = pyproject()["project"]
    assert said["Version"] == speccompiler.__version__
    assert said["License-Expression"] == project["license"]
    assert said.get_all("Classifier") == project["classifiers"]
    assert set(said.get_all("Provides-Extra") or ()) == set(project["optional-dependencies"])
    needed = said.get_all("Requires-Dist") or []
    assert [each for each in needed if "extra ==" not in each] == project["dependencies"]


def pinned(name: str) -> dict[str, Version]:
    """The versions of a file of constraints, by package."""
    text = (ROOT / "constraints" / name).read_text()
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    return {package: Version(version) for package, version in found}


def test_the_lowest_versions_are_those_that_pyproject_allows() -> None:
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["hdf5"], *extras["demo"]]
    bounds = {name: Version(bound) for name, bound in (each.split(">=") for each in asked)}
    lowest, newest = pinned("lowest.txt"), pinned("ci.txt")
    assert {name: lowest[name] for name in bounds} == bounds
    assert bounds.keys() <= newest.keys()


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.3.0", None),
        ("1.10.0", None),
        ("2.0.0", None),
        ("1.2.0", "1.2.0 comes before 1.3.0, which the source is at"),
        ("1.4.0", "CHANGELOG.md has 1.4.0 already"),
        ("1.3", "a version is three numbers, as 1.2.3, and not '1.3'"),
        ("1.4.0rc1", "a version is three numbers, as 1.2.3, and not '1.4.0rc1'"),
    ],
)
def test_a_release_writes_its_version(version: str, message: str | None, tmp_path: Path) -> None:
    file = tmp_path / "speccompiler" / "__init__.py"
    file.parent.mkdir()
    file.write_text('"""One."""\n\n__version__ = "1.3.0"\n__all__ = []\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.4.0] - 2026-01-01\n")
    if message is None:
        release.write_version(tmp_path, version)
        assert release.version_of(tmp_path) == version
        assert file.read_text() == f'"""One."""\n\n__version__ = "{version}"\n__all__ = []\n'
    else:
        with pytest.raises(release.Refused, match=re.escape(message)):
            release.write_version(tmp_path, version)
        assert release.version_of(tmp_path) == "1.3.0"


def test_a_release_finds_this_version() -> None:
    assert release.version_of(ROOT) == speccompiler.__version__


def test_files_of_changes_have_the_names_that_a_release_reads() -> None:
    kinds = [kind["directory"] for kind in pyproject()["tool"]["towncrier"]["type"]]
    name = re.compile(rf"(\d+|\+[\w-]+)(\.({'|'.join(kinds)}))(\.\d+)?\.md")
    files = [file.name for file in (ROOT / "changes").iterdir() if file.name != "README.md"]
    assert [each for each in files if not name.fullmatch(each)] == []


def test_the_changelog_has_the_line_above_which_a_release_writes() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    above, line, below = text.partition(pyproject()["tool"]["towncrier"]["start_string"])
    assert "\n## [" not in above
    assert line
    assert below.lstrip().startswith("## [")


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
    # What pages are made of, and the schemas of what is printed as JSON.
    for folder in ("speccompiler/drawing/page", "speccompiler/reports/json_schemas"):
        wanted |= {f"{folder}/{file.name}" for file in (ROOT / folder).iterdir()}
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
    assert (version.returncode, version.stdout) == (0, f"convspec {speccompiler.__version__}\n"), (
        version.stderr
    )

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


def test_the_wheel_of_a_platform_is_the_pure_one_and_machine_code(
    wheel: Path, tmp_path: Path
) -> None:
    """As scripts/wheel.py packs it, once the code is compiled."""
    tree = tmp_path / "tree"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tree)
        names = archive.namelist()
    brought = f"{platform_wheels.PLACE}/some.kernels"
    (tree / brought).parent.mkdir()
    (tree / brought).write_bytes(b"code")
    tag = f"py3-none-{platform_wheels.platform_tag()}"
    made = tmp_path / wheel.name.replace(platform_wheels.PURE, tag)
    platform_wheels._packed(tree, [brought, *names], tag, made)
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(made) as other:
        assert sorted(other.namelist()) == sorted([brought, *names])
        different = [name for name in names if archive.read(name) != other.read(name)]
        assert {name.rpartition("/")[2] for name in different} == {"WHEEL", "RECORD"}
        (about,) = (name for name in different if name.endswith("WHEEL"))
        assert f"\nTag: {tag}\n" in other.read(about).decode()
    # The tag is one of this machine's, and the record agrees with what is there.
    target = tmp_path / "target"
    put = run(
        sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet",
        "--target", target, made, cwd=tmp_path,
    )  # fmt: skip
    assert put.returncode == 0, put.stdout + put.stderr
    assert (target / brought).read_bytes() == b"code"


def test_only_a_pure_wheel_becomes_one_of_a_platform(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is not a wheel for every platform"):
        platform_wheels.platform_wheel(Path("a-1-py3-none-win_amd64.whl"), tmp_path, 1)


def test_library_files_lie_where_an_installation_looks() -> None:
    from speccompiler.kernels.cpu.runtime import prebuilt

    assert prebuilt.FOLDER.relative_to(prebuilt.PACKAGE.parent) == Path(platform_wheels.PLACE)
