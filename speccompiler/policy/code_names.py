"""What is meant by a code that there is not."""

from __future__ import annotations

from speccompiler.diagnostics.codes import CODES
from speccompiler.diagnostics.core import did_you_mean


def code_hint(said: str) -> str:
    """The code that a misspelt one stands for: ``cs12`` and ``CSO12`` are ``CS012``."""
    digits = said.upper().replace("O", "0").removeprefix("CS")
    if f"CS{digits:0>3}" in CODES:
        return f"did you mean 'CS{digits:0>3}'?"
    return did_you_mean(said, CODES) or "'convspec explain' lists the codes"
