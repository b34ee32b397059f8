"""The closed library of kernels: every text that a machine may need, before any model is seen.

Geometry is data, so that a text hangs on the vector width and the algorithm alone. What is not
here is an activation that a user wrote as an expression, unless it has one of the forms that many
write: constants are data too.
"""

from __future__ import annotations

from collections.abc import Iterator

from speccompiler.expressions.grammar import parse
from speccompiler.kernels.cpu.codegen.activation_text import activation_text, activation_texts
from speccompiler.kernels.cpu.codegen.register_tile import product_tile_text, tile_text
from speccompiler.kernels.cpu.kernel import WIDTHS, CpuKernel
from speccompiler.kernels.cpu.plain_copy import CopyKernel
from speccompiler.kernels.cpu.table import KERNELS

Text = tuple[str, str]
"""A kernel's name and its module."""

FORMS = (
    "x * 1", "x + 1", "x / 2 - 1", "x * 2 - 1", "(x - 1) / 2", "(x + 1) / 2", "abs(x)",
    "x * sigmoid(x)", "where(x > 0, x, 0.1 * x)", "0.5 * x * (1 + erf(x / sqrt(2)))",
    "2 * where(x > 0, x, 2 * expm1(x))", "clip(x, 0, 6)", "x * tanh(softplus(x))",
    "x * 2 + 1", "x * 2 + (-1)", "max(sqrt(x), 1)", "1.7 * tanh(0.7 * x)",
    "clip(1.1 * x - 0.1 * sin(12 * pi * x), 0, 1)",
)  # fmt: skip
"""Expressions that specs have instead of a name, each for all constants in its places."""


def library(lanes: int) -> tuple[Text, ...]:
    """All texts for a machine with vectors of ``lanes``, each once.

    Kernels that take narrower vectors where channels are few have theirs for those as well.
    """
    from speccompiler.kernels.cpu.runtime.team import teamwork_text

    found = [*of_width(lanes), teamwork_text()]
    for narrower in WIDTHS:
        if narrower < lanes:
            found += _kernel_texts(narrower, narrowing=True)
    return tuple(dict.fromkeys(found))


def of_width(lanes: int) -> tuple[Text, ...]:
    """The texts for vectors of just so many lanes."""
    found = list(_kernel_texts(lanes))
    found += [("activation", text) for text in activation_texts(lanes)]
    found += [("activation", activation_text(parse(form), lanes)) for form in FORMS]
    found += [("tile", text(lanes)) for text in (tile_text, product_tile_text)]
    return tuple(dict.fromkeys(found))


def _kernel_texts(lanes: int, *, narrowing: bool = False) -> Iterator[Text]:
    """Those of all kernels, or of the kernels that take narrower vectors."""
    kernels: tuple[type[CpuKernel], ...] = (*KERNELS, CopyKernel)
    for kernel in kernels:
        if kernel.narrows or not narrowing:
            yield from ((kernel.name, text) for text in kernel.texts(lanes))
