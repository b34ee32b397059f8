"""The text of an activation: a function that brings rows of values to their place.

Kernels call it through ``f``, most of them on rows that they have just written, which are still
in L1. Its constants are given with each call: one text serves every slope of a LeakyReLU.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from speccompiler.expressions.library import named_activations
from speccompiler.expressions.nodes import Expression
from speccompiler.expressions.source import lifted_source
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions

_DRIVER = '''

@jit
def activation(x, y, rows, x_pitch, y_pitch, count, constants):
    """``rows`` of ``count`` values, which may lie where they are written."""
    @CONSTANTS
    whole = count // @LANES * @LANES
    rest = first_lanes(count - whole)
    at = to = 0
    for _ in range(rows):
        for i in range(0, whole, @LANES):
            store(y, to + i, activate(load(x, at + i)@GIVEN))
        if whole < count:
            store_where(y, to + whole, rest, activate(load_where(x, at + whole, rest)@GIVEN))
        at += x_pitch
        to += y_pitch
'''


@cache
def activation_text(expression: Expression, lanes: int) -> str:
    """The module's text, for one vector width."""
    function, constants = lifted_source(expression)
    names = [f"p{index}" for index in range(len(constants))]
    splats = [f"{name} = broadcast(constants, {index})" for index, name in enumerate(names)]
    text = with_functions(f"\n@as_written\n{function}{_DRIVER}")
    return fill(
        HEADER + text,
        (),
        LANES=lanes,
        CONSTANTS="\n    ".join(splats),
        GIVEN="".join(f", {name}" for name in names),
    )


def constants_of(expression: Expression) -> tuple[float, ...]:
    """What the text is given as ``constants``."""
    return lifted_source(expression)[1]


def activation_texts(lanes: int) -> Iterable[str]:
    """All but those of users' own expressions."""
    return dict.fromkeys(activation_text(one, lanes) for one in named_activations())
