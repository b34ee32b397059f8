"""Packages of an extra: a missing one is a finding that names it."""

from __future__ import annotations

from importlib.util import find_spec

from speccompiler.diagnostics.core import Problem


def check_installed(what: str, package: str, extra: str) -> None:
    """CS104 where ``package`` is missing, which ``what`` needs."""
    if find_spec(package) is None:
        raise Problem(
            "CS104",
            f"{what} need the package {package}, which is not installed",
            f'pip install "convspec[{extra}]"',
        )
