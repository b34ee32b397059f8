"""Notes on how the tensors of a file were found, where their names alone did not say it."""

from __future__ import annotations

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.weights.files.weight_file import WeightFile
from speccompiler.weights.matching.by_layer_order import NAMES_SHOWN
from speccompiler.weights.matching.wanted_tensors import Matches, joined_name

Matched = tuple[Matches, tuple[Diagnostic, ...]]
"""What was found, and notes on how."""

NAME_HINT = "--weights-by name refuses this"


def matched_note(how: str, found: Matches) -> Diagnostic:
    """CS108: how tensors were matched, and the first of them with their keys in the file."""
    pairs = [f"{joined_name(name)} from {quoted(stored.key)}" for name, stored in found.items()]
    text = f"{how}: {first_few(pairs, NAMES_SHOWN)}"
    return Diagnostic("CS108", text, Severity.NOTE, hint=NAME_HINT)


def folder_notes(file: WeightFile) -> tuple[Diagnostic, ...]:
    """CS084 for a folder: how many of its files were read as one, and which were passed over."""
    if not file.parts:
        return ()
    text = f"the folder's {len(file.parts)} array files were read as one weight file"
    if file.left:
        text += f"; left: {first_few([quoted(name) for name in file.left], NAMES_SHOWN)}"
    return (Diagnostic("CS084", text, Severity.NOTE),)
