"""Lengths that only a run knows, as tensors of int64: Shape of an input, then arithmetic.

The formulas are those of ``graph/dims.py``: sums of products of symbols, rounded-up quotients and
maxima.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from speccompiler.graph.dims import (
    Atom,
    CeilDiv,
    Dim,
    Expr,
    Max,
    Monomial,
    Symbol,
    format_dim,
    of_terms,
)
from speccompiler.graph.rounding import lower_bound

if TYPE_CHECKING:
    from speccompiler.convert.onnx.builder import Builder


def length(b: Builder, dim: Dim) -> str:
    """A tensor of shape (1,) with the length."""
    if isinstance(dim, int):
        return b.constant(np.array([dim], np.int64))
    if dim not in b.lengths:
        b.lengths[dim] = _polynomial(b, dim)
    return b.lengths[dim]


def vector(b: Builder, dims: Sequence[Dim | str]) -> str:
    """A tensor of all lengths, one after the other; a text is one that has been made."""
    numbers = [dim for dim in dims if isinstance(dim, int)]
    if len(numbers) == len(dims):
        return b.constant(np.array(numbers, np.int64))
    parts: list[str] = []
    row: list[int] = []
    for dim in dims:
        if isinstance(dim, int):
            row.append(dim)
            continue
        if row:
            parts.append(b.constant(np.array(row, np.int64)))
            row = []
        parts.append(dim if isinstance(dim, str) else length(b, dim))
    if row:
        parts.append(b.constant(np.array(row, np.int64)))
    return parts[0] if len(parts) == 1 else b.emit("Concat", *parts, axis=0)


def _polynomial(b: Builder, expr: Expr) -> str:
    found: str | None = None
    constant = 0
    for monomial, coefficient in sorted(expr.terms, key=lambda term: _text(term[0])):
        if not monomial:
            constant = coefficient
            continue
        ordered = sorted(monomial, key=lambda factor: _text(frozenset({factor})))
        factors = [_atom(b, atom) for atom, power in ordered for _ in range(power)]
        if coefficient != 1:
            factors.append(length(b, coefficient))
        term = factors[0]
        for factor in factors[1:]:
            term = b.emit("Mul", term, factor)
        found = term if found is None else b.emit("Add", found, term)
    assert found is not None, "an expression is not a constant"
    return b.emit("Add", found, length(b, constant)) if constant else found


def _text(monomial: Monomial) -> str:
    """By what factors and terms are put in order, so that a file is the same each time."""
    return format_dim(of_terms({monomial: 1}))


def _atom(b: Builder, atom: Atom) -> str:
    match atom:
        case Symbol(name):
            tensor, axis = b.symbols[name]
            if (tensor, axis) not in b.measured:
                b.measured[tensor, axis] = b.emit("Shape", tensor, start=axis, end=axis + 1)
            return b.measured[tensor, axis]
        case Max(operand, lower):
            return b.emit("Max", length(b, operand), length(b, lower))
        case CeilDiv(numerator, divisor):
            raised, by = length(b, numerator + (divisor - 1)), length(b, divisor)
            smallest = lower_bound(numerator)
            if smallest is None or smallest < 0:
                # Integers are divided towards 0; the remainder has the divisor's sign.
                raised = b.emit("Sub", raised, b.emit("Mod", raised, by))
            return b.emit("Div", raised, by)
