"""What the kernels of recurrent layers have in common: their weights, and how gates end.

b: [part of the gates][group][kernel][unit of the state][column of the group], then the state's
   bias in the order of the columns. A group is two vectors of columns, the last one perhaps one.
   Columns are vectors of units, gate by gate: i, f, o, c; z, r and then, as a part of its own, h.
   The last units' gates have no room between them, where gates are usual (``usual_gates``).
w: where there are several values to read, or states that tasks share, their addresses
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph import ir
from speccompiler.kernels.cpu.functions import Finish, Functions, finish
from speccompiler.kernels.cpu.kernel import Array, CpuKernel, Given, Wanted, no_values
from speccompiler.kernels.cpu.recurrent_text import (
    GRU,
    GRU_RESET_AFTER,
    HARD,
    LSTM,
    SIMPLE,
    SOFT,
)
from speccompiler.planning.candidate import Geometry, KnownShape, op_of

if TYPE_CHECKING:
    import numpy.typing as npt

CELLS = {"simple": SIMPLE, "gru": GRU, "gru_reset_after": GRU_RESET_AFTER, "lstm": LSTM}
_PARTS = {1: ((0,),), 3: ((0, 1), (2,)), 4: ((0, 1, 3, 2),)}
"""Gates whose columns stand together, by how many there are: those of one product."""
_MULTIPLY_ADDS = 40
"""In a nanosecond, for one sequence: less than a register tile does, for it waits for weights."""


class Scan(CpuKernel):
    """A kernel of recurrent layers."""

    ops = (ir.Recurrent,)

    def fits(self, node: ir.Node, shape: KnownShape) -> bool:
        return is_convolved(op_of(node)) == self.convolved

    @classmethod
    def texts_for(cls, node: ir.Node, lanes: int) -> Sequence[str]:
        return list(cls.texts(lanes)) if is_convolved(op_of(node)) == cls.convolved else []

    convolved = False
    """Whether it is for states that are images, each value of which sees its neighbours."""

    def with_sources(self, geometry: Geometry, shapes: Sequence[KnownShape]) -> Geometry:
        """With as many values of a mask as it has at each step: one, or one for each place."""
        at = self.fields.index("mask_pitch")
        pitch = prod(shapes[1][1:]) if geometry[at] else 0
        return (*geometry[:at], pitch, *geometry[at + 1 :])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """Multiply-adds of the state, then activations, at the rate of ``MapKernel``."""
        op: ir.Recurrent = op_of(node)
        values = prod(shape) + prod(shape[:-1]) * op.units
        return prod(shape[:-1]) * prod(op.weight.shape) / _MULTIPLY_ADDS + values / 1.5

    def functions(self, wanted: Wanted) -> Functions:
        return scan_ends(op_of(wanted.node))

    def order(self, node: ir.Node) -> str:
        return "close" if usual_gates(op_of(node)) else ""

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        """All in the place of the bias: that of the weights may be a table of addresses."""
        import numpy as np

        weight, *biases = given
        units = weight.shape[-2]
        gates = weight.shape[-1] // units
        rows, close = weight.reshape(-1, gates, units), usual_gates(op_of(node)) != 0
        parts = [_in_groups(_columns(rows, part, lanes, close), lanes) for part in _PARTS[gates]]
        for bias in biases:
            row = bias.reshape(1, gates, units)
            parts += [_columns(row, part, lanes, close) for part in _PARTS[gates]]
        flat = [part.reshape(-1) for part in parts]
        return no_values(), np.concatenate(flat, dtype=np.float32, casting="same_kind")


def is_convolved(op: ir.Recurrent) -> bool:
    """Whether a new state sees neighbours of the old one."""
    return prod(op.kernel) > 1


def is_soft(op: ir.Recurrent) -> bool:
    """Whether an activation looks at all units."""
    return "softmax" in (op.activation, op.gate_activation)


def usual_gates(op: ir.Recurrent) -> int:
    """Which kind of sigmoid there is beside tanh; 0 where the activations are others."""
    if op.activation != ACTIVATIONS["tanh"] or op.cell == "simple":
        return 0
    kinds = {ACTIVATIONS["sigmoid"]: SOFT, ACTIVATIONS["hard_sigmoid"]: HARD}
    return 0 if op.gate_activation == "softmax" else kinds.get(op.gate_activation, 0)


def scan_ends(op: ir.Recurrent) -> Functions:
    """What a scan calls: its gates end as the step's own values, a cell's values as the total."""
    gates = Finish() if op.cell == "simple" else _finish(op.gate_activation)
    return Functions(gates, total=_finish(op.activation), tile=True)


def _finish(activation: ir.CellActivation) -> Finish:
    return Finish() if activation == "softmax" else finish(activation)


def _columns(
    rows: npt.NDArray[Any], part: Sequence[int], lanes: int, close: bool
) -> npt.NDArray[Any]:
    """(rows, gates, units) to (rows, columns): vectors of units, with some gates side by side.

    Of the last units, which may not fill a vector, gates are so close that they share vectors.
    """
    import numpy as np

    count, _, units = rows.shape
    whole, taken = units // lanes * lanes, rows[:, part]
    vectors = taken[:, :, :whole].reshape(count, len(part), -1, lanes)
    last = taken[:, :, whole:]
    if not close:
        last = np.pad(last, [(0, 0), (0, 0), (0, -last.shape[2] % lanes)])
    last = last.reshape(count, -1)
    last = np.pad(last, [(0, 0), (0, -last.shape[1] % lanes)])
    return np.concatenate([vectors.transpose(0, 2, 1, 3).reshape(count, -1), last], axis=1)


def _in_groups(columns: npt.NDArray[Any], lanes: int) -> npt.NDArray[Any]:
    """(rows, columns) to [group of two vectors][row][column of the group], flat."""
    import numpy as np

    width = columns.shape[1]
    groups = [columns[:, first : first + 2 * lanes] for first in range(0, width, 2 * lanes)]
    return np.concatenate([group.reshape(-1) for group in groups])
