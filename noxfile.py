"""Sessions in environments of their own: `nox --list`, or `make nox SESSION=tests-3.12`.

`make` works in one environment, .venv; here is what needs another: each Python, the lowest
versions that pyproject.toml allows, and the built package.
"""

from __future__ import annotations

import tempfile

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
TESTS = nox.project.dependency_groups(PROJECT, "test")
RELEASE = nox.project.dependency_groups(PROJECT, "release")
PYTHONS = nox.project.python_versions(PROJECT)
"""Those of the classifiers."""


def _pytest(session: nox.Session) -> None:
    # A short path, as users have them: messages cut long names.
    with tempfile.TemporaryDirectory() as folder:
        # A group of tests runs in one process, such as those that share a browser.
        options = ("-n", "auto", "--dist", "loadgroup", f"--basetemp={folder}/t")
        session.run("pytest", *options, *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, with the versions that CI uses."""
    session.install("--constraint", "constraints/ci.txt", "--editable", ".", *TESTS)
    _pytest(session)


@nox.session(python=PYTHONS[0], default=False)
def lowest(session: nox.Session) -> None:
    """The tests, with the lowest versions of each dependency."""
    session.install(
        "--constraint",
        "constraints/lowest.txt",
        "--editable",
        ".[hdf5,onnx,demo,lsp,pictures]",
        *TESTS,
    )
    _pytest(session)


@nox.session(default=False)
def packaging(session: nox.Session) -> None:
    """Build the package, check what it says of itself, and run it where nothing else is."""
    # What convspec needs, to compile what the wheel of this platform brings.
    needed = PROJECT["project"]["dependencies"]
    session.install("--constraint", "constraints/ci.txt", *RELEASE, *needed)
    session.run("python", "scripts/release.py", "--check", *session.posargs)


@nox.session(venv_backend="none", default=False)
def check(session: nox.Session) -> None:
    """`make check`."""
    session.run("make", "check")


@nox.session(venv_backend="none", default=False)
def docs(session: nox.Session) -> None:
    """`make docs`."""
    session.run("make", "docs")
