"""A Merge whose mode is Python code: recognised, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speccompiler.diagnostics.core import Problem

CODE = {"lambda": "a lambda, stored as byte code", "function": "a Python function"}


def check_no_code(layer_type: str, data: Mapping[str, Any]) -> None:
    """CS064 for a mode that Keras 1.x would unmarshal or look up and call."""
    kind = data.get("mode_type")
    if layer_type == "Merge" and isinstance(kind, str) and kind in CODE:
        raise Problem(
            "CS064",
            f"the mode of this Merge is {CODE[kind]}; nothing from a file is executed",
            _hint(data.get("name")),
            argument="mode",
        )


def _hint(name: object) -> str:
    """What to write: a named mode that does the same."""
    from speccompiler.loading.replacement.option import option

    modes = "sum, mul, concat, ave, cos, dot or max"
    if not isinstance(name, str) or not name.strip():
        return f"write the model with a named mode: {modes}"
    answer = option(name, "{type: Merge, mode: sum}")
    return f"say it by a named mode, for example {answer}: {modes}"
