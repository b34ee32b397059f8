"""Packages that only some inputs and outputs need."""

from __future__ import annotations

from importlib.util import find_spec

from speccompiler.diagnostics.core import Problem


def needs(package: str, extra: str, what: str) -> None:
    """CS104 where a package of an extra is not installed; ``what`` ends in "need" or "needs"."""
    try:
        found = find_spec(package) is not None
    except ValueError:  # it was imported, and has been taken away since
        found = False
    if not found:
        raise Problem(
            "CS104",
            f"{what} the package {package}, which is not installed",
            f'pip install "convspec[{extra}]"',
        )
