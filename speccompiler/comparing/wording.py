"""Words of a comparison: shapes, names of layers, the reason of what only follows."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.wording import first_few, shown
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.graph.ir import Shape

MOST_NAMES = 4


def shape_text(shape: Shape | Sequence[Dim] | None, *, batch: bool = True) -> str:
    """``(N, 28, 28, 1)`` of a value, ``(3, 3, 1, 32)`` of a tensor."""
    lengths = [*(["N"] if batch else []), *map(format_dim, shape or ())]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def quoted_few(names: Sequence[str]) -> str:
    """Names in quotes; the first where they are many."""
    return first_few([f"'{shown(name)}'" for name in names], MOST_NAMES)


def listed(names: Sequence[str]) -> str:
    """Names as a spec lists them."""
    return f"[{', '.join(names)}]"


def because(causes: Sequence[str]) -> str:
    """``, because of 'conv1'``; nothing where there is no other reason."""
    return f", because of {cause_names(causes)}" if causes else ""


def cause_names(causes: Sequence[str]) -> str:
    """Layers in quotes; an input of the model says what it is."""
    few = [c if c.startswith("the input") else f"'{shown(c)}'" for c in causes]
    return first_few(few, MOST_NAMES)
