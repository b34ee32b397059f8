"""What becomes of a convolution's finished sums: activation, a value that is added, the way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from speccompiler.expressions.library import ACTIVATIONS, THEANO_RELU
from speccompiler.expressions.nodes import Expression
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Combine
from speccompiler.kernels.cpu.codegen.text import LINE
from speccompiler.kernels.cpu.codegen.vector_math import activation_text

Relu = Literal["", "plain", "theano"]
"""Which relu ends the sums, if one does: Theano's makes a NaN of -infinity."""
_RELUS: Mapping[Expression, Relu] = {ACTIVATIONS["relu"]: "plain", THEANO_RELU: "theano"}


@dataclass(frozen=True, slots=True)
class Ending:
    """What is done to a sum: a ``relu`` in registers, or another activation, then a sum."""

    relu: Relu = ""
    activation: str | None = None
    """The text of ``activate``, over vectors; None where there is none, or a relu."""
    added: str | None = None
    """The text of ``joined(sums, there)``, over vectors: how sums join what lies at their place."""


def ending(activation: Expression | None, added: Combine | None = None) -> Ending:
    """The ending of a convolution with this activation, which may take in the sum ``added``."""
    relu: Relu = "" if activation is None else _RELUS.get(activation, "")
    other = None if activation is None or relu else activation_text(activation)
    return Ending(relu, other, None if added is None else _joined(added.activation))


_JOINED = """

@jit
def joined(sums, there):
    return @JOINED
"""


def _joined(activation: Expression | None) -> str:
    if activation is None:
        return _JOINED.replace("@JOINED", "add(sums, there)")
    # The convolution's own activation is called ``activate`` already.
    text = activation_text(activation).replace("activate(", "activate_sum(")
    return text + _JOINED.replace("@JOINED", "activate_sum(add(sums, there))")


COPY_OUT = '''

@jit
def copy_out(made, at, y, to, pitch, used, count, width):
    """Copy some positions of a tile, some of its filters."""
    for t in range(used):
        for j in range(0, count, @LANES):
            place = to + t * pitch + j
            value = load(made, at + t * width + j)
            if j + @LANES <= count:
                store(y, place, @WHOLE)
            else:
                some = first_lanes(count - j)
                store_where(y, place, some, @PART)
'''


def rectifier(relu: Relu) -> str:
    """The text of ``rectify``, which ``rectified`` calls for Theano's relu."""
    if relu != "theano":
        return ""
    return (
        "\n\nsmaller = v.minimum\n\n\n@jit\ndef rectify(floor, value):\n"
        "    zero = splat(np.float32(0))\n"
        # The product is 0, or NaN for -infinity.
        "    return fma(smaller(value, zero), zero, maximum(floor, value))\n"
    )


def rectified(relu: Relu, floor: str, value: str) -> str:
    """The text of a value after its relu; ``floor`` is 0, or -infinity while none is due yet."""
    if not relu:
        return value
    return f"{'rectify' if relu == 'theano' else 'maximum'}({floor}, {value})"


def epilogue(columns: int, activation: str | None) -> str:
    """The text of ``finish``: the activation of a tile that was just written and is still in L1.

    ``activation`` is as in ``Ending``. Whole vectors are written: either ``count`` fills them,
    or ``pitch`` leaves room behind it.
    """
    if activation is None:
        return "\n\n@jit\ndef finish(y, at, pitch, count):\n    pass\n"
    return (
        f"{activation}\n\n@jit\ndef finish(y, at, pitch, count):\n"
        f"    for t in range({columns}):\n"
        "        for j in range(0, count, @LANES):\n"
        "            p = at + t * pitch + j\n"
        "            store(y, p, activate(load(y, p)))\n"
    )


def asking_for(added: str | None) -> str:
    """The text of ``ask_for``, which prefetches what a tile's sums will be added to."""
    if added is None:
        return "\n\n@jit\ndef ask_for(y, at, pitch, positions, count):\n    pass\n"
    return (
        f"\n\n@jit\ndef ask_for(y, at, pitch, positions, count):\n"
        "    for t in range(positions):\n"
        f"        for j in range(0, count, {LINE}):\n"
        "            prefetch_near(y, at + t * pitch + j)\n"
    )


def copying_out(added: str | None) -> str:
    """The text of ``copy_out``, which brings a tile from scratch to its place.

    ``added`` is as in ``Ending``. Where it is given, all tiles go through scratch.
    """
    if added is None:
        return asking_for(added) + COPY_OUT.replace("@WHOLE", "value").replace("@PART", "value")
    text = COPY_OUT.replace("@WHOLE", "joined(value, load(y, place))")
    return (
        asking_for(added)
        + added
        + text.replace("@PART", "joined(value, load_where(y, place, some))")
    )
