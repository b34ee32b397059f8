"""Texts that people take for a saved model, and what to save instead."""

from __future__ import annotations

import re

from speccompiler.diagnostics.core import Problem

_LOOKED_AT = 20_000
"""How many characters from the start are searched."""
_SAVE = "in Python: open('model.json', 'w').write(model.to_json())"
_KINDS = (
    (
        re.compile(r"Layer \(type\)\s+(?:Output Shape|Param #)"),
        "this is what model.summary() printed; it leaves out most of what a layer is",
        _SAVE,
    ),
    (
        re.compile(
            r"^(?:from|import) keras\b"
            r"|^[ \t]*model[ \t]*=[ \t]*(?:\w+\.)*(?:Sequential|Graph|Model)\(",
            re.MULTILINE,
        ),
        "this is a Python program, not a saved model; nothing of it was executed",
        f"run it where Keras is, and save the model there; {_SAVE}",
    ),
)


def not_a_model(text: str) -> Problem | None:
    """CS020 for the printed summary of a model and for the program that builds one."""
    for pattern, message, hint in _KINDS:
        if pattern.search(text, 0, _LOOKED_AT):
            return Problem("CS020", message, hint)
    return None
