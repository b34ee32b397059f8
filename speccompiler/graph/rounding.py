"""Division with rounding up, maximum and lower bound of symbolic dimensions.

Windows and strides need no more than these. Results have one normal form, so that a size is equal
to itself however it was computed.
"""

from __future__ import annotations

import math

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import (
    CONSTANT,
    Atom,
    CeilDiv,
    Dim,
    Expr,
    Max,
    Monomial,
    Symbol,
    evaluate,
    of_atom,
    of_terms,
    symbols,
    terms_of,
)

# Larger sizes cannot be read by anyone, and would recurse and grow without bound.
MAX_NESTING = 50
MAX_FACTORS = 1000


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
        return of_terms(whole) + -(-constant // b)
    quotient, rest[CONSTANT] = divmod(constant, b)
    outside = of_terms(whole) + quotient
    nested = [m for m, coefficient in rest.items() if coefficient == 1 and _bare_ceiling(m)]
    if len(nested) == 1:
        inner = _bare_ceiling(nested[0])
        assert inner is not None, "the monomial was chosen because it is a ceiling"
        del rest[nested[0]]
        numerator = inner.numerator + inner.divisor * of_terms(rest)
        return outside + ceil_div(numerator, inner.divisor * b)
    numerator = of_terms(rest)
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
