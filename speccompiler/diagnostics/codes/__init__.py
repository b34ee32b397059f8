"""Every diagnostic code: its title, why it is a problem, and what to do.

``convspec explain CODE`` shows one entry; ``docs/diagnostics.md`` shows all. The text of a code
is in the module that is named after the first code in it: CS045 is in ``cs040_meaning``.
Codes are stable: a retired code is never given another meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from speccompiler.diagnostics.codes import (
    cs000_text,
    cs020_specs,
    cs040_meaning,
    cs060_models,
    cs090_weights,
    cs110_arrays,
    cs130_running,
    cs160_policy,
    cs180_tiling,
    cs185_inputs,
    cs190_outputs,
    cs195_resuming,
    cs200_cluster,
    cs210_masks,
    cs235_layers,
    cs240_later_keras,
    cs250_export,
    cs260_onnx,
)
from speccompiler.diagnostics.codes.code import Code, Kind
from speccompiler.diagnostics.core import Diagnostic, has_errors

CODES: Mapping[str, Code] = MappingProxyType(
    {
        **cs000_text.CODES,
        **cs020_specs.CODES,
        **cs040_meaning.CODES,
        **cs060_models.CODES,
        **cs090_weights.CODES,
        **cs110_arrays.CODES,
        **cs130_running.CODES,
        **cs160_policy.CODES,
        **cs180_tiling.CODES,
        **cs185_inputs.CODES,
        **cs190_outputs.CODES,
        **cs195_resuming.CODES,
        **cs200_cluster.CODES,
        **cs210_masks.CODES,
        **cs235_layers.CODES,
        **cs240_later_keras.CODES,
        **cs250_export.CODES,
        **cs260_onnx.CODES,
    }
)


def is_of_the_gpu(code: str) -> bool:
    """Whether a code is about the GPU, and not about a file."""
    return CODES[code].kind is Kind.GPU


def exit_status(found: Iterable[Diagnostic]) -> int:
    """How a command ends that found this: 0 clean, 1 findings, 2 usage or I/O error.

    A warning or a note counts only where its code is about I/O.
    """
    found = tuple(found)
    if any(CODES[d.code].kind is not Kind.INPUT for d in found):
        return 2
    return 1 if has_errors(found) else 0


def as_markdown() -> str:
    """The page ``docs/diagnostics.md``."""
    lines = [
        "# Diagnostics",
        "",
        "Every finding has a stable code. `convspec explain CS012` shows one entry of this page.",
        "Errors make a command fail; warnings and notes do not.",
        "",
    ]
    for name, code in CODES.items():
        lines += [f"## {name}: {code.title}", "", code.why, "", f"**What to do:** {code.fix}", ""]
    return "\n".join(lines)
