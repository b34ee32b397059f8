"""What a step's kernel calls beside its own text, and how its sums end. Imports no numba.

A kernel's text has no activation in it, so that there is no end to models but one to texts. It is
given ``f`` instead: int64 values at the places that are named here. A relu is a number, because
it is done in registers; any other activation is the address of a function over rows of values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from speccompiler.expressions.library import ACTIVATIONS, theano_relu
from speccompiler.expressions.nodes import Call, Expression, Number, Variable
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Combine

RELU, ACTIVATION, CONSTANTS = 0, 1, 2
"""``f[RELU]`` is one of the kinds below; the others are addresses, of a function and its
constants, or 0 where there is no activation but perhaps a relu."""
ADDS, SUM_RELU, SUM_ACTIVATION, SUM_CONSTANTS = 3, 4, 5, 6
"""Whether the result joins what lies where it is written, and what is then done to the sum."""
TILE = 7
"""The address of the register tile, for the kernels that call it."""
TOP = 8
"""The bits of a float32: what values are no more than after a relu."""
LENGTH = 9

NONE, PLAIN, THEANO = 0, 1, 2
"""No relu, the larger of a value and 0, and the same with NaN for -infinity."""
_RELUS: Mapping[Expression, int] = {ACTIVATIONS["relu"]: PLAIN, theano_relu(): THEANO}


@dataclass(frozen=True, slots=True)
class Finish:
    """What becomes of values: a relu in registers, or another activation."""

    relu: int = NONE
    activation: Expression | None = None
    top: float = math.inf
    """What values are no more than after the relu."""


@dataclass(frozen=True, slots=True)
class Functions:
    """What ``f`` holds for one step."""

    own: Finish = Finish()
    """What becomes of the kernel's own values."""
    adds: bool = False
    """Whether these join what lies where they are written."""
    total: Finish = Finish()
    """What becomes of that sum."""
    tile: bool = False
    """Whether the kernel calls the register tile."""
    products: bool = False
    """Whether that is the tile of Winograd's products."""


def finish(activation: Expression | None, *, capped: bool = False) -> Finish:
    """The finish for an activation; ``capped`` where the kernel's relu knows a largest value."""
    if activation is None or activation == ACTIVATIONS["linear"]:
        return Finish()
    relu = _RELUS.get(activation, NONE)
    if relu:
        return Finish(relu)
    top = _cap(activation) if capped else None
    return Finish(activation=activation) if top is None else Finish(PLAIN, top=top)


def _cap(activation: Expression) -> float | None:
    """The largest value of a relu that has one, such as relu6; else None."""
    x, zero = Variable(), Number(0.0)
    match activation:
        case Call("clip", (low, floor, Number(top))) if (low, floor) == (x, zero):
            return top if top >= 0 else None
        case Call("min", (Call("max", inner), Number(top))) | Call(
            "min", (Number(top), Call("max", inner))
        ) if inner in ((x, zero), (zero, x)):
            return top if top >= 0 else None
        case _:
            return None


def functions(
    activation: Expression | None,
    added: Combine | None = None,
    *,
    tile: bool = False,
    capped: bool = False,
) -> Functions:
    """What a kernel calls that ends in an activation, and may take in the sum ``added``."""
    own = finish(activation, capped=capped)
    if added is None:
        return Functions(own, tile=tile)
    return Functions(own, True, finish(added.activation), tile)
