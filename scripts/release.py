"""Make a release: `make release VERSION=1.2.3`, or with `--check` build and check what is there.

A release writes the version into speccompiler/__init__.py, from where everything else reads it,
and the files of changes/ into CHANGELOG.md. Both build the sdist, and from that the wheel, in
dist/; check their texts; and run the wheel in an environment that holds nothing else, as it is
and as the wheel of this platform (scripts/wheel.py), which compiles nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = Path("speccompiler", "__init__.py")
"""The file that holds the version."""
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")
ALL_THERE = re.compile(r"kernels: all \d+ were there\n")
"""What ``convspec compile --all`` says where a wheel brought every kernel."""
EXAMPLE = Path("examples", "specs", "lenet.yaml")


class Refused(Exception):
    """What keeps a release from being made."""


def version_of(root: Path) -> str:
    """The version that the source says."""
    found = VERSION.search((root / HOME).read_text(encoding="utf-8"))
    assert found, f"{HOME} has no __version__"
    return found[1]


def write_version(root: Path, version: str) -> None:
    """Write the version of the next release, which no earlier one may have had.

    The version in the source is that of the last release, or already the next one's: then the
    changelog has no heading for it yet.
    """
    new, old = (NUMBERS.fullmatch(text) for text in (version, version_of(root)))
    if not new or not old:
        raise Refused(f"a version is three numbers, as 1.2.3, and not '{version}'")
    if [int(part) for part in new.groups()] < [int(part) for part in old.groups()]:
        raise Refused(f"{version} comes before {old[0]}, which the source is at")
    if f"## [{version}]" in (root / "CHANGELOG.md").read_text(encoding="utf-8"):
        raise Refused(f"CHANGELOG.md has {version} already")
    file = root / HOME
    text = VERSION.sub(f'__version__ = "{version}"', file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it has to succeed."""
    print("$", *command, flush=True)
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise Refused(f"{done.stdout}exit status {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout


def write_changelog(root: Path, version: str) -> None:
    """Move what changes/ holds under a heading of CHANGELOG.md."""
    run(sys.executable, "-m", "towncrier", "build", "--yes", "--version", version, cwd=root)


def build(root: Path) -> list[Path]:
    """The sdist, and the wheel that is built from it, in an empty dist/."""
    folder = root / "dist"
    for old in folder.glob("*"):
        old.unlink()
    run(sys.executable, "-m", "build", "--outdir", folder, root, cwd=root)
    return sorted(folder.iterdir())


def check(built: list[Path], version: str) -> None:
    """Texts and names of both; the wheel alone in an environment tells its version and works."""
    names = [file.name for file in built]
    if names != [f"convspec-{version}-py3-none-any.whl", f"convspec-{version}.tar.gz"]:
        raise Refused(f"built were {', '.join(names)}")
    run(sys.executable, "-m", "twine", "check", "--strict", *built, cwd=ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        run(programs / "python", "-m", "pip", "install", "--quiet", built[0], cwd=folder)
        said = run(programs / "convspec", "--version", cwd=folder)
        if said != f"convspec {version}\n":
            raise Refused(f"convspec --version says {said!r}")
        print(run(programs / "convspec", "validate", ROOT / EXAMPLE, cwd=folder), end="")
        # The wheels of the platforms are made of this one, each on its own.
        run(sys.executable, ROOT / "scripts" / "wheel.py", built[0], "--into", folder, cwd=folder)
        (made,) = folder.glob("*.whl")
        run(programs / "python", "-m", "pip", "install", "--quiet", "--no-deps",
            "--force-reinstall", made, cwd=folder)  # fmt: skip
        said = run(programs / "convspec", "compile", "--all", cwd=folder)
        if not ALL_THERE.fullmatch(said):
            raise Refused(f"with {made.name}, convspec compile --all says {said!r}")


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", nargs="?", help="the version to release, as 1.2.3")
    parser.add_argument("--check", action="store_true", help="only build and check")
    parser.add_argument("--tag", help="with --check: the tag that has to be the version's")
    given = parser.parse_args()
    if given.check == bool(given.version):
        parser.error("name a version, or say --check")
    try:
        if given.version:
            write_version(ROOT, given.version)
            write_changelog(ROOT, given.version)
        version = version_of(ROOT)
        if given.tag not in (None, f"v{version}"):
            raise Refused(f"the tag is {given.tag}, and the version {version}")
        check(build(ROOT), version)
    except Refused as problem:
        sys.exit(f"release: {problem}")
    if given.version:
        print(f"Now: git commit -am 'Version {version}' && git tag v{version}, and push both.")


if __name__ == "__main__":
    main()
