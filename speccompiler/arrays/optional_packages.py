"""Packages that only some inputs and outputs need."""

from __future__ import annotations

from importlib import import_module
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


def imported(package: str, extra: str, what: str) -> None:
    """The same, and CS104 where the package is there and cannot be imported."""
    needs(package, extra, what)
    try:
        import_module(package)
    except ImportError as error:
        reason = str(error).split("\n")[0][:200]
        raise Problem(
            "CS104",
            f"{what} the package {package}, which cannot be imported: {reason}",
            f'install it again: pip install --force-reinstall "convspec[{extra}]"',
        ) from None
