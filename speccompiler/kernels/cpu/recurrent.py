"""The scan over time of a recurrent layer: every cell, dense or convolved (``recurrent_text``).

What the input adds comes from a matrix product over all steps; here is what the state adds, and
all that makes a new state of both. A task is a few sequences, whose states stay in the caches of
the thread that has them, from the first step to the last. Each step reads the weights anew: they
are in L2, and several sequences share what is read.

b: [part of the gates][group][kernel][unit of the state][column of the group], then the state's
   bias in the order of the columns. A group is two vectors of columns, the last one perhaps one.
   Columns are vectors of units, gate by gate: i, f, o, c; z, r and then, as a part of its own, h.
scratch: the tile's arguments, tables of positions, flags, zeros, states, then sums
w: where there are several values to read, their addresses
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import LINE
from speccompiler.kernels.cpu.direct_text import ARGUMENTS, table_values
from speccompiler.kernels.cpu.functions import Finish, Functions, finish
from speccompiler.kernels.cpu.kernel import MOST_LANES, Array, CpuKernel, Given, Wanted, no_values
from speccompiler.kernels.cpu.recurrent_text import (
    CHUNK,
    GRU,
    GRU_RESET_AFTER,
    HARD,
    LEAST_POSITIONS,
    LSTM,
    MOST_POSITIONS,
    ROOM,
    SIMPLE,
    SOFT,
    TASKS,
    source,
)
from speccompiler.planning.candidate import Geometry as Integers
from speccompiler.planning.candidate import KnownShape, op_of, three

if TYPE_CHECKING:
    import numpy.typing as npt


class Geometry(NamedTuple):
    """Lengths of time and of an image; the cell, its window, and what is read and given."""

    steps: int
    depth: int
    height: int
    width: int
    units: int
    cell: int
    kd: int
    kh: int
    kw: int
    pd: int
    ph: int
    pw: int
    reverse: int
    sequences: int
    carried: int
    gives_states: int
    shows_state: int
    """1 where a masked step that no other precedes gives the state."""
    biased: int
    gate_softmax: int
    cell_softmax: int
    usual: int
    """Whether gates and cell have the usual activations: tanh beside which kind of sigmoid."""
    mask_pitch: int
    """Values of the mask for each step: none, one, or one for each place."""


_CELLS = {"simple": SIMPLE, "gru": GRU, "gru_reset_after": GRU_RESET_AFTER, "lstm": LSTM}
_PARTS = {1: ((0,),), 3: ((0, 1), (2,)), 4: ((0, 1, 3, 2),)}
"""Gates whose columns stand together, by how many there are: those of one product."""
_STEPS_A_NANOSECOND = 40
"""Multiply-adds of one sequence: less than a register tile does, for it waits for weights."""


class RecurrentKernel(CpuKernel):
    """Tasks are a few sequences; where the state is convolved, the images of one sample."""

    name = "recurrent"
    ops = (ir.Recurrent,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op: ir.Recurrent = op_of(node)
        spatial = shape[1:-1] if _convolves(op) else (prod(shape[1:-1]),)
        return Geometry(
            shape[0], *three(spatial, 1), op.units, _CELLS[op.cell],
            *three(op.kernel, 1), *three([before for before, _ in op.padding], 0),
            op.reverse, op.sequences, op.carried, op.gives_states,
            op.first_masked == "state", op.state_bias is not None,
            op.gate_activation == "softmax", op.activation == "softmax", _usual(op),
            op.masked,
        )  # fmt: skip

    def with_sources(self, geometry: Integers, shapes: Sequence[KnownShape]) -> Integers:
        known = Geometry(*geometry)
        return known._replace(mask_pitch=prod(shapes[1][1:])) if known.mask_pitch else known

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        if _convolves(op_of(node)):
            return n
        positions = n * prod(shape[1:-1])
        share = max(LEAST_POSITIONS, min(MOST_POSITIONS, -(-positions // TASKS)))
        return -(-positions // share)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """Multiply-adds of the state, then activations, at the rate of ``MapKernel``."""
        op: ir.Recurrent = op_of(node)
        values = prod(shape) + prod(shape[:-1]) * op.units
        return prod(shape[:-1]) * prod(op.weight.shape) / _STEPS_A_NANOSECOND + values / 1.5

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        op: ir.Recurrent = op_of(node)
        filled = -(-op.units // MOST_LANES) * MOST_LANES
        if _convolves(op):
            most = prod(shape[1:-1])
            lengths = zip(shape[1:-1], op.kernel, strict=True)
            image = prod(length + k - 1 for length, k in lengths) * op.units
        else:
            most, image = MOST_POSITIONS, MOST_POSITIONS * filled
        tables = ARGUMENTS + 3 * table_values(most) + 2 * (most + LINE) + 2 * LINE
        sums = max(ROOM, min(most, CHUNK) * filled if _soft(op) else 0) * 4
        return tables + 2 * (image + LINE) + most * filled + sums + ROOM

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, cls.fields)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes, self.fields)

    def functions(self, wanted: Wanted) -> Functions:
        return scan_ends(op_of(wanted.node))

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        """All in the place of the bias: that of the weights may be a table of values."""
        import numpy as np

        weight, *biases = given
        units = weight.shape[-2]
        gates = weight.shape[-1] // units
        rows = weight.reshape(-1, gates, units)
        parts = [_in_groups(_columns(rows, part, lanes), lanes) for part in _PARTS[gates]]
        for bias in biases:
            parts += [_columns(bias.reshape(1, gates, units), p, lanes) for p in _PARTS[gates]]
        flat = [part.reshape(-1) for part in parts]
        return no_values(), np.concatenate(flat, dtype=np.float32, casting="same_kind")


def scan_ends(op: ir.Recurrent) -> Functions:
    """What a scan calls: its gates end as the step's own values, a cell's values as the total."""
    gates = Finish() if op.cell == "simple" else _finish(op.gate_activation)
    return Functions(gates, total=_finish(op.activation), tile=True)


def _convolves(op: ir.Recurrent) -> bool:
    return prod(op.kernel) > 1


def _usual(op: ir.Recurrent) -> int:
    if op.activation != ACTIVATIONS["tanh"] or op.cell == "simple":
        return 0
    kinds = {ACTIVATIONS["sigmoid"]: SOFT, ACTIVATIONS["hard_sigmoid"]: HARD}
    return 0 if op.gate_activation == "softmax" else kinds.get(op.gate_activation, 0)


def _soft(op: ir.Recurrent) -> bool:
    return "softmax" in (op.activation, op.gate_activation)


def _finish(activation: ir.CellActivation) -> Finish:
    return Finish() if activation == "softmax" else finish(activation)


def _columns(rows: npt.NDArray[Any], part: Sequence[int], lanes: int) -> npt.NDArray[Any]:
    """(rows, gates, units) to (rows, columns): vectors of units, with some gates side by side."""
    import numpy as np

    count, _, units = rows.shape
    filled = np.pad(rows[:, part], [(0, 0), (0, 0), (0, -units % lanes)])
    vectors = filled.reshape(count, len(part), -1, lanes)
    return vectors.transpose(0, 2, 1, 3).reshape(count, -1)


def _in_groups(columns: npt.NDArray[Any], lanes: int) -> npt.NDArray[Any]:
    """(rows, columns) to [group of two vectors][row][column of the group], flat."""
    import numpy as np

    width = columns.shape[1]
    groups = [columns[:, first : first + 2 * lanes] for first in range(0, width, 2 * lanes)]
    return np.concatenate([group.reshape(-1) for group in groups])
