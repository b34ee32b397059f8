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

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias, TypeGuard

from speccompiler.frozen import dataclass


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
_AtomKey: TypeAlias = tuple[tuple[str, ...], str]
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


def known(d: Dim) -> int:
    """The dimension as a number, where all symbols are bound."""
    assert isinstance(d, int), f"{d} is open"
    return d


def known_shape(shape: Iterable[Dim]) -> tuple[int, ...]:
    """The shape as numbers, where all symbols are bound."""
    return tuple([d if isinstance(d, int) else known(d) for d in shape])


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of many, in one go: a sum of sums would copy all terms each time."""
    numbers = 0
    terms: dict[Monomial, int] = {}
    for d in dims:
        if isinstance(d, int):
            numbers += d
            continue
        for monomial, coefficient in d.terms:
            terms[monomial] = terms.get(monomial, 0) + coefficient
    if not terms:
        return numbers
    terms[CONSTANT] = terms.get(CONSTANT, 0) + numbers
    return of_terms(terms)


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


def _evaluate_atom(atom: Atom, values: Mapping[str, int]) -> int:
    match atom:
        case Symbol(name):
            return values[name]
        case CeilDiv(numerator, divisor):
            return -(-evaluate(numerator, values) // divisor)
        case Max(operand, lower):
            return max(evaluate(operand, values), lower)


def of_atom(atom: Atom) -> Expr:
    """The expression that is one atom."""
    return Expr(frozenset({(frozenset({(atom, 1)}), 1)}))


def terms_of(d: Dim) -> dict[Monomial, int]:
    """A new table of monomials and coefficients; the constant's key is ``CONSTANT``."""
    return dict(d.terms) if isinstance(d, Expr) else {CONSTANT: d}


def of_terms(terms: Mapping[Monomial, int]) -> Dim:
    """The dimension of a sum of terms: a plain int when nothing else is left."""
    kept = frozenset((m, coefficient) for m, coefficient in terms.items() if coefficient)
    if all(monomial == CONSTANT for monomial, _ in kept):
        return sum(coefficient for _, coefficient in kept)
    return Expr(kept)


def _add(a: Dim, b: Dim, sign: int) -> Dim:
    terms = terms_of(a)
    for monomial, coefficient in terms_of(b).items():
        terms[monomial] = terms.get(monomial, 0) + sign * coefficient
    return of_terms(terms)


def _multiply(a: Dim, b: Dim) -> Dim:
    terms: dict[Monomial, int] = {}
    for left, left_coefficient in terms_of(a).items():
        for right, right_coefficient in terms_of(b).items():
            powers = dict(left)
            for atom, power in right:
                powers[atom] = powers.get(atom, 0) + power
            product = frozenset(powers.items())
            terms[product] = terms.get(product, 0) + left_coefficient * right_coefficient
    return of_terms(terms)


def format_dim(d: Dim) -> str:
    """The dimension for a reader: ``16*ceil(H/2)*W``, ``ceil((T - 2)/2)``.

    Terms stand by falling degree, then by name; the constant is last.
    """
    return str(d) if isinstance(d, int) else _polynomial_text(d)


def _polynomial_text(expr: Expr) -> str:
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
