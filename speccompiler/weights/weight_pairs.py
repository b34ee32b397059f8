"""Whether a spec and its weights file belong together, by the digest ``weights_sha256``.

``convspec convert`` writes two files, and no file system replaces two in one step. Where it is
interrupted between them, a spec stands beside the weights of another conversion; the digest in
the spec tells, whichever of the two is the older one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.schemas.model import ModelSpec

if TYPE_CHECKING:
    from speccompiler.weights.files.weight_file import WeightFile


def check_pair(file: WeightFile, expected: str) -> None:
    """Raise CS127 unless the file holds these tensors.

    A file that convspec wrote holds its own digest; the tensors of any other are read.
    """
    if (file.sha256 or file.computed_digest()) != expected:
        raise _another(file)


def check_other(file: WeightFile, expected: str) -> Diagnostic | None:
    """CS128 for a file that was given in place of the spec's own, and is of another conversion."""
    if file.sha256 in {None, expected}:
        return None
    return Diagnostic(
        "CS128",
        "these tensors were converted for another spec, and may be laid out in another way",
        Severity.WARNING,
        file=str(file.path),
        hint="give the spec that was converted with them, or weights as Keras saved them together "
        "with the Keras file",
    )


def content_problem(spec: ModelSpec, folder: Path) -> Diagnostic | None:
    """CS127 where the values in the weights file of a spec are not those it was written with.

    Reads every tensor. ``folder`` is the one that the spec lies in.
    """
    expected, named = spec.weights_sha256, spec.weights
    if expected is None or named is None:
        return None
    from speccompiler.weights.files.weight_file import open_weights

    path = folder / named
    try:
        file = open_weights(path)
        if file.computed_digest() != expected:
            raise _another(file) if file.sha256 != expected else _damaged(file)
    except Problem as problem:
        return problem.at(file=str(path))
    return None


def _another(file: WeightFile) -> Problem:
    return Problem(
        "CS127",
        f"'{file.path.name}' does not hold the tensors that this spec was written with "
        "(weights_sha256)",
        "one of the two files is of another conversion, or convert was interrupted between them: "
        "convert the model again; take weights_sha256 out where other weights are meant",
    )


def _damaged(file: WeightFile) -> Problem:
    return Problem(
        "CS127",
        f"'{file.path.name}' was changed or damaged after it was written: its tensors are not "
        "those of weights_sha256",
        "convert the model again, or copy the file again",
    )
