"""Which cell a step is: the new states as terms, compared with those of each cell.

Cells are those of ``ir.Recurrent``: simple, lstm, gru, and gru that resets after its product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Cell, CellActivation, Operand
from speccompiler.lowering.onnx.cell_terms import Term, X


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a kernel, from ``first`` to before ``last``."""

    operand: Operand
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class FoundCell:
    """A cell, and the columns of kernels and of biases that its gates read, in their order."""

    kind: Cell
    activation: CellActivation
    gate_activation: CellActivation
    kernels: tuple[Columns, ...]
    biases: tuple[Columns, ...] = ()


@dataclass(frozen=True, slots=True)
class _Gate:
    """What is added up before an activation: the input's part, a product, perhaps a bias."""

    activation: CellActivation
    product: Term
    bias: Term | None = None

    @property
    def columns(self) -> Columns:
        return _columns(self.product)


def cell_of(new: Sequence[Term], units: int) -> FoundCell | None:
    """The cell whose new states these are; ``units`` is the number of channels of a state."""
    if len(new) == 2:
        return _lstm(new[0], new[1], units)
    (h,) = new
    return _simple(h, units) or _gru(h, units)


def _columns(term: Term) -> Columns:
    operand: Operand = term.what  # type: ignore[assignment]  # of a product or a bias
    return Columns(operand, term.first, term.last)


def _pairs(term: Term, kind: str) -> Iterator[tuple[Term, Term]]:
    """Both orders of the two parts of a sum or a product."""
    if term.kind == kind:
        one, other = term.parts
        yield one, other
        yield other, one


def _made(term: Term) -> tuple[CellActivation, Term]:
    if term.kind != "made":
        return X, term
    activation: CellActivation = term.what  # type: ignore[assignment]  # of what is "made"
    return activation, term.parts[0]


def _leaves(term: Term) -> list[Term]:
    if term.kind != "sum":
        return [term]
    return [leaf for part in term.parts for leaf in _leaves(part)]


def _state(term: Term, number: int, units: int) -> bool:
    return (term.kind, term.what, term.first, term.last) == ("state", number, 0, units)


def _gate(term: Term, place: int, units: int, *, biased: bool = False) -> _Gate | None:
    """``activation(x + product [+ bias])`` with the input's part of this place."""
    activation, inner = _made(term)
    by_kind = {leaf.kind: leaf for leaf in _leaves(inner)}
    wanted = {"x", "product", "bias"} if biased else {"x", "product"}
    if set(by_kind) != wanted or len(_leaves(inner)) != len(wanted):
        return None
    x, product = by_kind["x"], by_kind["product"]
    if (x.first, x.last) != (place * units, (place + 1) * units):
        return None
    return _Gate(activation, product, by_kind.get("bias"))


def _of_state(gate: _Gate | None, units: int) -> bool:
    return gate is not None and _state(gate.product.parts[0], 0, units)


def _simple(h: Term, units: int) -> FoundCell | None:
    gate = _gate(h, 0, units)
    if gate is None or not _of_state(gate, units):
        return None
    return FoundCell("simple", gate.activation, X, (gate.columns,))


def _lstm(h: Term, c: Term, units: int) -> FoundCell | None:
    """``c' = f * c + i * own(..)``, ``h' = o * own(c')``; gates i, f, c, o."""
    for kept, added in _pairs(c, "sum"):
        for of_f, old in _pairs(kept, "mul"):
            for of_i, of_c in _pairs(added, "mul"):
                for of_o, out in _pairs(h, "mul"):
                    gates = [_gate(t, k, units) for k, t in enumerate((of_i, of_f, of_c, of_o))]
                    found = [gate for gate in gates if gate is not None]
                    activation, inner = _made(out)
                    if len(found) < 4 or not _state(old, 1, units) or inner != c:
                        continue
                    i, f, own, o = found
                    alike = i.activation == f.activation == o.activation
                    if alike and own.activation == activation and all(
                        _of_state(gate, units) for gate in found
                    ):  # fmt: skip
                        columns = tuple(gate.columns for gate in found)
                        return FoundCell("lstm", activation, i.activation, columns)
    return None


def _gru(h: Term, units: int) -> FoundCell | None:
    """``h' = new + z * (h - new)``; gates z, r, h."""
    for new, moved in _pairs(h, "sum"):
        for of_z, left in _pairs(moved, "mul"):
            if left.kind != "difference" or left.parts[1] != new:
                continue
            if not _state(left.parts[0], 0, units):
                continue
            found = _reset_before(new, of_z, units) or _reset_after(new, of_z, units)
            if found is not None:
                return found
    return None


def _reset_before(new: Term, of_z: Term, units: int) -> FoundCell | None:
    """``new = own(x + product(r * h))``."""
    z, own = _gate(of_z, 0, units), _gate(new, 2, units)
    if z is None or own is None or not _of_state(z, units):
        return None
    for of_r, state in _pairs(own.product.parts[0], "mul"):
        r = _gate(of_r, 1, units)
        if r is None or not _of_state(r, units) or not _state(state, 0, units):
            continue
        if r.activation == z.activation:
            columns = (z.columns, r.columns, own.columns)
            return FoundCell("gru", own.activation, z.activation, columns)
    return None


def _reset_after(new: Term, of_z: Term, units: int) -> FoundCell | None:
    """``new = own(x + r * (product(h) + bias))``."""
    activation, inner = _made(new)
    for x, reset in _pairs(inner, "sum"):
        if (x.kind, x.first, x.last) != ("x", 2 * units, 3 * units):
            continue
        for of_r, added in _pairs(reset, "mul"):
            leaves = {leaf.kind: leaf for leaf in _leaves(added)}
            biased = "bias" in leaves
            kinds = {"product", "bias"} if biased else {"product"}
            if set(leaves) != kinds or len(_leaves(added)) != len(kinds):
                continue
            gates = [_gate(t, k, units, biased=biased) for k, t in enumerate((of_z, of_r))]
            z, r = gates
            own = _Gate(activation, leaves["product"], leaves.get("bias"))
            if z is None or r is None or z.activation != r.activation:
                continue
            every = (z, r, own)
            if all(_of_state(gate, units) for gate in every):
                return FoundCell(
                    "gru_reset_after",
                    activation,
                    z.activation,
                    tuple(gate.columns for gate in every),
                    tuple(_columns(gate.bias) for gate in every if gate.bias is not None),
                )
    return None
