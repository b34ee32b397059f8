"""Activations: of values, and of the cells that ONNX's recurrent operations have."""

from __future__ import annotations

from speccompiler.convert.named_formulas import named
from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.expressions import write
from speccompiler.convert.onnx.moving import Result
from speccompiler.convert.onnx.values import Value
from speccompiler.expressions.nodes import Call, Expression, Variable
from speccompiler.frozen import dataclass
from speccompiler.graph import ir


def activated(b: Builder, tensor: str, activation: Expression | None) -> str:
    """The tensor with an activation; as it is where there is none."""
    if activation is None or isinstance(activation, Variable):
        return tensor
    return write(b, activation, tensor)


def map_values(b: Builder, node: ir.Node, op: ir.Map, x: Value) -> Result:
    layout = x.layout
    return activated(b, b.read(x, layout), op.activation), layout


@dataclass(frozen=True, slots=True)
class CellFunction:
    """An activation as an attribute of LSTM, GRU and RNN names it."""

    name: str
    alpha: tuple[float, ...] = ()
    beta: tuple[float, ...] = ()


_OF_CELLS = frozenset(
    {"Relu", "Tanh", "Sigmoid", "HardSigmoid", "Elu", "LeakyRelu", "ThresholdedRelu", "Softsign",
     "Softplus"}
)  # fmt: skip


def cell_function(activation: ir.CellActivation) -> CellFunction | None:
    """The name that ONNX's recurrent operations have for an activation; None for none."""
    if activation == "softmax":
        return None
    assert not isinstance(activation, str), "only softmax is a text"
    if isinstance(activation, Variable):
        return CellFunction("Affine", (1.0,), (0.0,))
    if activation == Call("tanh", (Variable(),)):
        return CellFunction("Tanh")
    found = named(activation, in_cell=True)
    if found is None or not isinstance(found.x, Variable) or found.kind not in _OF_CELLS:
        return None
    alpha, beta = (
        tuple(v for k, v in found.attributes.items() if k == name) for name in ("alpha", "beta")
    )
    return CellFunction(found.kind, alpha, beta)
