"""Symbolic dimensions: sizes that stay exact while part of a shape is unknown.

A dimension is a plain ``int`` or an :class:`Expr`, a polynomial with integer
coefficients over atoms::

    atom = Symbol(name) | CeilDiv(Expr, divisor) | Max(Expr, lower)

Every symbol is an integer >= 1. Two expressions are equal when their normal
forms are. Equal expressions have equal values; the reverse holds for
polynomials, and for the ceilings that a chain of strided windows makes.
``ceil((T - 2)/2)`` is held as ``ceil(T/2) - 1``, so that both ways to reach it
are equal; :func:`format_dim` writes the first form.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from speccompiler.diagnostics.core import Problem

# Larger sizes cannot be read by anyone, and would recurse and grow without bound.
MAX_NESTING = 50
MAX_FACTORS = 1000


@dataclass(frozen=True, slots=True)
class Symbol:
    """An unknown size, an integer >= 1."""

    name: str


@dataclass(frozen=True, slots=True)
class CeilDiv:
    """``ceil(numerator / divisor)``; the numerator's constant lies in [0, divisor)."""

    numerator: Expr
    divisor: int


@dataclass(frozen=True, slots=True)
class Max:
    """``max(operand, lower)``."""

    operand: Expr
    lower: int


Atom: TypeAlias = Symbol | CeilDiv | Max
Monomial: TypeAlias = frozenset[tuple[Atom, int]]
"""Factors with their powers; the empty product is the constant's."""

CONSTANT: Monomial = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class Expr:
    """A polynomial that is not a constant: its monomials with non-zero coefficients."""

    terms: frozenset[tuple[Monomial, int]]

    def __add__(self, other: Dim) -> Dim:
        return _add(self, other, 1) if isinstance(other, int | Expr) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return _add(self, other, -1) if isinstance(other, int | Expr) else NotImplemented

    def __rsub__(self, other: int) -> Dim:
        return _add(other, self, -1) if isinstance(other, int) else NotImplemented

    def __mul__(self, other: Dim) -> Dim:
        return _multiply(self, other) if isinstance(other, int | Expr) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Dim:
        return _multiply(self, -1)

    def __str__(self) -> str:
        return format_dim(self)

    __repr__ = __str__


Dim: TypeAlias = int | Expr


def symbol(name: str) -> Expr:
    """The unknown size ``name``, an integer >= 1."""
    assert name.isidentifier(), f"a symbol is named by an identifier, not {name!r}"
    return of_atom(Symbol(name))


def is_known(d: Dim) -> TypeGuard[int]:
    """True when the dimension is a number."""
    return isinstance(d, int)


def ceil_div(a: Dim, b: int) -> Dim:
    """``ceil(a / b)`` for b >= 1.

    Uses, for integers: ``ceil((b*q + r)/b) = q + ceil(r/b)``,
    ``ceil(n/(g*b)) = ceil(ceil(n/g)/b)`` and, from the second, that nested
    ceilings are one: ``ceil((ceil(n/a) + r)/b) = ceil((n + a*r)/(a*b))``.

    Raises ``CS033`` for a size over ``MAX_NESTING`` or ``MAX_FACTORS``.
    """
    assert b >= 1, f"a size is divided by a positive number, not {b}"
    if isinstance(a, int):
        return -(-a // b)
    terms = terms_of(a)
    constant = terms.pop(CONSTANT, 0)
    shared = math.gcd(b, *terms.values())
    b //= shared
    constant = -(-constant // shared)
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in terms.items():
        quotient, remainder = divmod(coefficient // shared, b)
        if remainder == 0:
            whole[monomial] = quotient
        else:
            rest[monomial] = coefficient // shared
    if not rest:
        return _dim(whole) + -(-constant // b)
    quotient, rest[CONSTANT] = divmod(constant, b)
    outside = _dim(whole) + quotient
    nested = [m for m, coefficient in rest.items() if coefficient == 1 and _bare_ceiling(m)]
    if len(nested) == 1:
        inner = _bare_ceiling(nested[0])
        assert inner is not None, "the monomial was chosen because it is a ceiling"
        del rest[nested[0]]
        numerator = inner.numerator + inner.divisor * _dim(rest)
        return outside + ceil_div(numerator, inner.divisor * b)
    numerator = _dim(rest)
    assert isinstance(numerator, Expr), "a term that b does not divide is left"
    return outside + of_atom(CeilDiv(_bounded(numerator), b))


def maximum(a: Dim, lower: int) -> Dim:
    """``max(a, lower)``, kept as it is unless the larger one is provable.

    Raises ``CS033`` for a size over ``MAX_NESTING`` or ``MAX_FACTORS``.
    """
    if isinstance(a, int):
        return max(a, lower)
    smallest, largest_negated = lower_bound(a), lower_bound(-a)
    if smallest is not None and smallest >= lower:
        return a
    if largest_negated is not None and -largest_negated <= lower:
        return lower
    if len(a.terms) == 1:
        ((monomial, coefficient),) = a.terms
        match (coefficient, *monomial):
            case (1, (Max(operand, inner), 1)):
                return of_atom(Max(operand, max(inner, lower)))
    return of_atom(Max(_bounded(a), lower))


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of many, in one go: a sum of sums would copy all terms each time."""
    terms: dict[Monomial, int] = {}
    for d in dims:
        for monomial, coefficient in d.terms if isinstance(d, Expr) else ((CONSTANT, d),):
            terms[monomial] = terms.get(monomial, 0) + coefficient
    return _dim(terms)


def evaluate(d: Dim, values: Mapping[str, int]) -> int:
    """The size for given symbol values; raises ``KeyError`` for a missing symbol."""
    if isinstance(d, int):
        return d
    total = 0
    for monomial, coefficient in d.terms:
        for atom, power in monomial:
            coefficient *= _evaluate_atom(atom, values) ** power
        total += coefficient
    return total


def symbols(d: Dim) -> frozenset[str]:
    """The names of the symbols the dimension depends on."""
    if isinstance(d, int):
        return frozenset()
    return frozenset().union(*(atom_symbols(atom) for m, _ in d.terms for atom, _ in m))


def atom_symbols(atom: Atom) -> frozenset[str]:
    """The names of the symbols an atom depends on."""
    match atom:
        case Symbol(name):
            return frozenset((name,))
        case CeilDiv(inner, _) | Max(inner, _):
            return symbols(inner)


def lower_bound(d: Dim) -> int | None:
    """The smallest value over all symbols >= 1, or None when it is not cheaply provable.

    The answer is exact, and reached when every symbol is 1: each atom is written
    as its own smallest value plus something >= 0, and no term may be negative then.
    """
    if isinstance(d, int):
        return d
    shifted: Dim = 0
    for monomial, coefficient in d.terms:
        term: Dim = coefficient
        for atom, power in monomial:
            smallest = _atom_lower_bound(atom)
            if smallest is None:
                return None
            for _ in range(power):
                term = term * (of_atom(atom) + smallest)
        shifted = shifted + term
    terms = terms_of(shifted)
    constant = terms.pop(CONSTANT, 0)
    return constant if all(coefficient > 0 for coefficient in terms.values()) else None


def format_dim(d: Dim) -> str:
    """The dimension for a reader: ``16*ceil(H/2)*W``, ``ceil((T - 2)/2)``.

    Terms stand by falling degree, then by name; the constant is last.
    """
    from speccompiler.graph.dim_text import polynomial_text

    return str(d) if isinstance(d, int) else polynomial_text(d)


def _evaluate_atom(atom: Atom, values: Mapping[str, int]) -> int:
    match atom:
        case Symbol(name):
            return values[name]
        case CeilDiv(numerator, divisor):
            return -(-evaluate(numerator, values) // divisor)
        case Max(operand, lower):
            return max(evaluate(operand, values), lower)


def _atom_lower_bound(atom: Atom) -> int | None:
    match atom:
        case Symbol():
            return 1
        case CeilDiv(numerator, divisor):
            smallest = lower_bound(numerator)
            return None if smallest is None else -(-smallest // divisor)
        case Max(operand, lower):
            at_ones = evaluate(operand, dict.fromkeys(symbols(operand), 1))
            return lower if at_ones <= lower else lower_bound(operand)


def _bounded(expr: Expr) -> Expr:
    """``expr``, which is about to be nested once more; raises ``CS033`` when too large."""
    nesting, factors = _extent(expr)
    if nesting >= MAX_NESTING:
        found = f"nests more than {MAX_NESTING} rounded divisions"
    elif factors > MAX_FACTORS:
        found = f"has more than {MAX_FACTORS} terms"
    else:
        return expr
    hint = "give the unknown input dimensions numbers"
    raise Problem("CS033", f"a size that depends on unknown dimensions {found}", hint)


def _extent(expr: Expr) -> tuple[int, int]:
    """How deep atoms nest, and how many terms and factors there are in all."""
    nesting, factors = 0, len(expr.terms)
    for monomial, _ in expr.terms:
        for atom, _ in monomial:
            factors += 1
            if not isinstance(atom, Symbol):
                inner = atom.numerator if isinstance(atom, CeilDiv) else atom.operand
                inner_nesting, inner_factors = _extent(inner)
                nesting = max(nesting, 1 + inner_nesting)
                factors += inner_factors
    return nesting, factors


def _bare_ceiling(monomial: Monomial) -> CeilDiv | None:
    match tuple(monomial):
        case ((CeilDiv() as atom, 1),):
            return atom
    return None


def of_atom(atom: Atom) -> Expr:
    """The expression that is one atom."""
    return Expr(frozenset({(frozenset({(atom, 1)}), 1)}))


def terms_of(d: Dim) -> dict[Monomial, int]:
    """A new table of monomials and coefficients; the constant's key is ``CONSTANT``."""
    return dict(d.terms) if isinstance(d, Expr) else {CONSTANT: d}


def _dim(terms: Mapping[Monomial, int]) -> Dim:
    """The dimension of a sum of terms: a plain int when nothing else is left."""
    kept = frozenset((m, coefficient) for m, coefficient in terms.items() if coefficient)
    if all(monomial == CONSTANT for monomial, _ in kept):
        return sum(coefficient for _, coefficient in kept)
    return Expr(kept)


def _add(a: Dim, b: Dim, sign: int) -> Dim:
    terms = terms_of(a)
    for monomial, coefficient in terms_of(b).items():
        terms[monomial] = terms.get(monomial, 0) + sign * coefficient
    return _dim(terms)


def _multiply(a: Dim, b: Dim) -> Dim:
    terms: dict[Monomial, int] = {}
    for left, left_coefficient in terms_of(a).items():
        for right, right_coefficient in terms_of(b).items():
            powers = dict(left)
            for atom, power in right:
                powers[atom] = powers.get(atom, 0) + power
            product = frozenset(powers.items())
            terms[product] = terms.get(product, 0) + left_coefficient * right_coefficient
    return _dim(terms)
