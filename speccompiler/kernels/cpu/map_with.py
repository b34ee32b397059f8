"""An expression of every value and of parameters that stand beside it.

The parameters of a sample repeat with a period, which is the product of the lengths from the
first axis on along which any of them differs: a value for each channel has the period of the
channels.

w: for each parameter its values of one period, and what follows them up to a vector's length
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.expressions.library import named_with_parameters
from speccompiler.expressions.nodes import Expression
from speccompiler.graph import ir
from speccompiler.kernels.axes import parameter_axes
from speccompiler.kernels.cpu.activation import TASK_VALUES
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import activation_text, with_functions
from speccompiler.kernels.cpu.functions import RELU, Functions, functions
from speccompiler.kernels.cpu.kernel import Array, CpuKernel, Given, Wanted, no_values
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """Values of one sample, and the period of the parameters."""

    values: int
    period: int


_WORDS = """
from speccompiler.kernels.cpu.codegen.calls import finish, floor_of, spoiled_by

rectify = v.rectify
"""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: chunks of @TASK values."""
    @GEOMETRY
    pitch, step = period + @LANES, @LANES % period
    last = min(hi * @TASK, n * values)
    whole = last - (last - lo * @TASK) % @LANES
    o = lo * @TASK % period
    floor, spoiled = splat(floor_of(f[@RELU])), splat(spoiled_by(f[@RELU]))
    for i in range(lo * @TASK, whole, @LANES):
        store(y, i, rectify(activate(load(x, i)@GIVEN), floor, spoiled))
        o += step
        if o >= period:
            o -= period
    if whole < last:
        rest = first_lanes(last - whole)
        value = activate(load_where(x, whole, rest)@GIVEN)
        store_where(y, whole, rest, rectify(value, floor, spoiled))
    finish(f, y, lo * @TASK, 1, 0, last - lo * @TASK)
'''


@cache
def source(lanes: int, expression: Expression, parameters: int) -> str:
    """The module's text, for one vector width and expression of so many parameters."""
    given = "".join(f", load(w, {index} * pitch + o)" for index in range(parameters))
    driver = DRIVER.replace("@GIVEN", given)
    return fill(
        HEADER + _WORDS + activation_text(expression, parameters) + with_functions(driver),
        Geometry._fields,
        LANES=lanes,
        TASK=TASK_VALUES,
        RELU=RELU,
    )


class MapWithKernel(CpuKernel):
    """Tasks are chunks of values, as those of an activation."""

    name = "map_with"
    ops = (ir.MapWith,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(prod(shape), prod(shape[parameter_axes(node) :]))

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return -(-n * prod(known(node)) // TASK_VALUES)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The time that tanh takes; other expressions take between half and twice as long."""
        return prod(known(node)) / 1.5

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        """All but those of users' own expressions."""
        return [source(lanes, *named) for named in named_with_parameters()]

    @classmethod
    def texts_for(cls, node: ir.Node, lanes: int) -> Iterable[str]:
        op = op_of(node)
        return [source(lanes, op.activation, len(op.parameters))]

    def text(self, wanted: Wanted) -> str:
        (text,) = self.texts_for(wanted.node, wanted.lanes)
        return text

    def functions(self, wanted: Wanted) -> Functions:
        return functions(op_of(wanted.node).after)

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        first = parameter_axes(node)
        shape = known(node)[first:]
        packed = []
        for parameter in given:
            period = np.broadcast_to(parameter.reshape(parameter.shape[first:]), shape).reshape(-1)
            packed += [period, np.resize(period, lanes)]
        return np.concatenate(packed, dtype=np.float32, casting="same_kind"), no_values()
