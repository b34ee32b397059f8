"""How a symbolic dimension is written for a reader: ``16*ceil(H/2)*W``."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from speccompiler.graph.dims import (
    Atom,
    CeilDiv,
    Dim,
    Expr,
    Max,
    Symbol,
    atom_symbols,
    format_dim,
    of_atom,
    terms_of,
)

_AtomKey: TypeAlias = tuple[tuple[str, ...], str]


def polynomial_text(expr: Expr) -> str:
    """Terms by falling degree, then by name; the constant last."""
    ordered: list[tuple[int, list[_AtomKey], str, int]] = []
    for monomial, coefficient in _legible(expr).terms:
        factors = sorted((_atom_key(atom), power) for atom, power in monomial)
        texts = [key[1] if power == 1 else f"{key[1]}**{power}" for key, power in factors]
        if abs(coefficient) != 1 or not texts:
            texts.insert(0, str(abs(coefficient)))
        names = [key for key, power in factors for _ in range(power)]
        ordered.append((-len(names), names, "*".join(texts), coefficient))
    (_, _, first, coefficient), *others = sorted(ordered)
    text = first if coefficient > 0 else f"-{first}"
    for _, _, term, coefficient in others:
        text += f" + {term}" if coefficient > 0 else f" - {term}"
    return text


# Without the cache each level of nesting would write the level below it twice.
@lru_cache(maxsize=4096)
def _atom_key(atom: Atom) -> _AtomKey:
    """An atom's place, by the symbols it holds (H before W), and its text."""
    match atom:
        case Symbol(name):
            text = name
        case CeilDiv(numerator, divisor):
            inner = format_dim(numerator)
            one_term = len(_legible(numerator).terms) == 1
            text = f"ceil({inner}/{divisor})" if one_term else f"ceil(({inner})/{divisor})"
        case Max(operand, lower):
            text = f"max({format_dim(operand)}, {lower})"
    return tuple(sorted(atom_symbols(atom))), text


def _legible(expr: Expr) -> Expr:
    """A constant that a ceiling can absorb goes inside it; for text only.

    ``ceil(T/2) - 1`` -> ``ceil((T - 2)/2)``: what a window of 3 with stride 2
    computes. Done when it leaves fewer terms and only subtracts inside, since
    ``ceil(T/2) + 1`` reads well as it is.
    """
    atoms = {atom for monomial, _ in expr.terms for atom, _ in monomial}
    for ceiling in sorted((a for a in atoms if isinstance(a, CeilDiv)), key=_atom_key):
        for shift in _absorbable(expr, ceiling):
            numerator = ceiling.numerator - shift * ceiling.divisor
            assert isinstance(numerator, Expr), "a ceiling's numerator is not a constant"
            absorbed = of_atom(CeilDiv(numerator, ceiling.divisor)) + shift
            candidate = _substitute(expr, ceiling, absorbed)
            if isinstance(candidate, Expr) and len(candidate.terms) < len(expr.terms):
                expr = candidate
                break
    return expr


def _absorbable(expr: Expr, ceiling: CeilDiv) -> list[int]:
    """The numbers > 0 for which ``c*m*ceiling`` comes with ``-number*c*m``."""
    terms = terms_of(expr)
    shifts: set[int] = set()
    for monomial, coefficient in terms.items():
        if (ceiling, 1) in monomial:
            partner = terms.get(monomial - {(ceiling, 1)}, 0)
            shift, remainder = divmod(-partner, coefficient)
            if remainder == 0 and shift > 0:
                shifts.add(shift)
    return sorted(shifts)


def _substitute(expr: Expr, atom: Atom, value: Dim) -> Dim:
    total: Dim = 0
    for monomial, coefficient in expr.terms:
        term: Dim = coefficient
        for factor, power in monomial:
            for _ in range(power):
                term = term * (value if factor == atom else of_atom(factor))
        total = total + term
    return total
