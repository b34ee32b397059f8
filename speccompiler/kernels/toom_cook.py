"""Short convolutions with few multiplications: the matrices, and straight-line text for them.

``outputs`` results of a filter with ``taps`` weights need ``outputs + taps - 1``
multiplications instead of ``outputs * taps``: the input and the filter are evaluated at
that many points as polynomials, multiplied point by point, and interpolated (Toom and Cook;
Winograd, "Arithmetic Complexity of Computations", 1980). Exact in rational numbers;
rounding grows with the points' size, so they are the smallest there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from speccompiler.frozen import dataclass

Matrix = tuple[tuple[Fraction, ...], ...]
POINTS = tuple(Fraction(p) for p in ("0", "1", "-1", "2", "-2", "1/2", "-1/2"))
"""Where polynomials are evaluated: the first few of these, and always infinity at the end."""


@dataclass(frozen=True, slots=True)
class ShortConvolution:
    """``y = A^T ((G w) * (B^T x))``: correlation of ``points`` inputs with ``taps`` weights.

    ``input`` is B^T (points, points), ``filter`` is G (points, taps), ``output`` is A^T
    (outputs, points).
    """

    outputs: int
    taps: int
    input: Matrix
    filter: Matrix
    output: Matrix

    @property
    def points(self) -> int:
        """Multiplications, and inputs of one tile."""
        return self.outputs + self.taps - 1


@cache
def short_convolution(outputs: int, taps: int) -> ShortConvolution:
    """The matrices for ``outputs`` results of ``taps`` weights; at most eight points."""
    count = outputs + taps - 1
    assert count <= len(POINTS) + 1, "no points are known for so large a tile"
    if count == 1:
        one: Matrix = ((Fraction(1),),)
        return ShortConvolution(1, 1, one, one, one)
    finite = POINTS[: count - 1]
    evaluate, weigh = [], []
    for point in finite:
        others = [p for p in finite if p != point]
        row = [*_product(others), Fraction(0)]
        # Whole numbers in B^T: the filter's side takes the factor.
        scale = max(value.denominator for value in row)
        norm = scale * _at(_product(others), point)
        evaluate.append(tuple(scale * value for value in row))
        weigh.append(tuple(point**k / norm for k in range(taps)))
    last = _product(finite)
    scale = max(value.denominator for value in last)
    evaluate.append(tuple(scale * value for value in last))
    weigh.append((*(Fraction(0),) * (taps - 1), Fraction(1, scale)))
    combine = tuple(
        (*(point**i for point in finite), Fraction(i == outputs - 1)) for i in range(outputs)
    )
    return ShortConvolution(outputs, taps, tuple(evaluate), tuple(weigh), combine)


def _product(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the polynomial with these roots, constant term first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        scaled = [*(-root * c for c in coefficients), Fraction(0)]
        coefficients = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def _at(coefficients: Sequence[Fraction], point: Fraction) -> Fraction:
    return sum((c * point**k for k, c in enumerate(coefficients)), Fraction(0))


def constant_name(value: Fraction) -> str:
    """The variable that holds a constant in every lane."""
    sign = "m" if value < 0 else "c"
    return f"{sign}{abs(value.numerator)}" + (
        f"_{value.denominator}" if value.denominator > 1 else ""
    )


def constants(*matrices: Matrix) -> dict[str, float]:
    """Every constant that ``lines`` may name for these matrices, with its value."""
    values = {abs(v) for matrix in matrices for row in matrix for v in row} - {0} | {Fraction(1)}
    return {constant_name(s * v): float(s * v) for v in sorted(values) for s in (1, -1)}


def lines(
    matrix: Matrix, inputs: Sequence[str], outputs: Sequence[str], *, fused: bool = True
) -> list[str]:
    """Statements that set ``outputs`` to ``matrix @ inputs``, in vector words.

    The points p and -p give rows (or columns) that differ only in signs: what they share is
    computed once. Without ``fused`` every product is rounded before it is added, as NumPy
    does it. Temporaries are ``e``, ``f``, ``p0``, ``q0`` and so on.
    """
    columns = tuple(zip(*matrix, strict=True))
    pairs = _pairs(columns)
    if pairs:
        return _by_columns(matrix, pairs, inputs, outputs, fused)
    text: list[str] = []
    paired = _pairs(matrix)
    done = {index for pair in paired for index in pair}
    for i, k in paired:
        same = [v if v == o else Fraction(0) for v, o in zip(matrix[i], matrix[k], strict=True)]
        other = [v - s for v, s in zip(matrix[i], same, strict=True)]
        text += [f"e = {_sum(same, inputs, fused)}", f"f = {_sum(other, inputs, fused)}"]
        text += [f"{outputs[i]} = add(e, f)", f"{outputs[k]} = sub(e, f)"]
    return text + [
        f"{outputs[i]} = {_sum(row, inputs, fused)}"
        for i, row in enumerate(matrix)
        if i not in done
    ]


def _by_columns(
    matrix: Matrix,
    pairs: list[tuple[int, int]],
    inputs: Sequence[str],
    outputs: Sequence[str],
    fused: bool,
) -> list[str]:
    """Sums and differences of paired inputs first; every row uses one of the two."""
    text: list[str] = []
    for n, (j, k) in enumerate(pairs):
        text += [f"p{n} = add({inputs[j]}, {inputs[k]})", f"q{n} = sub({inputs[j]}, {inputs[k]})"]
    done = {index for pair in pairs for index in pair}
    for i, row in enumerate(matrix):
        values = [v for j, v in enumerate(row) if j not in done]
        names = [name for j, name in enumerate(inputs) if j not in done]
        for n, (j, k) in enumerate(pairs):
            values.append(row[j])
            names.append(f"p{n}" if row[j] == row[k] else f"q{n}")
        text.append(f"{outputs[i]} = {_sum(values, names, fused)}")
    return text


@cache
def _pairs(vectors: Matrix) -> list[tuple[int, int]]:
    """Indices of vectors that are equal but for some signs, and not all signs."""
    found: list[tuple[int, int]] = []
    for i, a in enumerate(vectors):
        for k in range(i + 1, len(vectors)):
            b = vectors[k]
            equal = [abs(x) == abs(y) for x, y in zip(a, b, strict=True)]
            terms = [(x, y) for x, y in zip(a, b, strict=True) if x]
            if all(equal) and len(terms) > 1 and any(x == y for x, y in terms):
                found.append((i, k))
    return found


def _sum(row: Sequence[Fraction], names: Sequence[str], fused: bool) -> str:
    """The product of a row and the names, as an expression; a factor of all terms comes last."""
    terms = [(value, name) for value, name in zip(row, names, strict=True) if value]
    sizes = {abs(value) for value, _ in terms}
    if len(sizes) == 1 and sizes != {Fraction(1)}:
        factor = constant_name(sizes.pop())
        signs, shared = [v / abs(v) for v, _ in terms], [n for _, n in terms]
        return f"mul({factor}, {_sum(signs, shared, fused)})"
    # A term without a factor comes first: it costs no multiplication.
    terms.sort(key=lambda term: (term[0] != 1, -abs(term[0])))
    first, name = terms[0]
    text = name if first == 1 else f"mul({constant_name(first)}, {name})"
    for value, name in terms[1:]:
        if value == 1:
            text = f"add({text}, {name})"
        elif value == -1:
            text = f"sub({text}, {name})"
        elif fused:
            text = f"fma({constant_name(value)}, {name}, {text})"
        else:
            text = f"add({text}, mul({constant_name(value)}, {name}))"
    return text
