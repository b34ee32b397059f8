"""Elementwise functions of whole vectors, as text for generated kernels.

Polynomials on a reduced range, after Cephes (S. L. Moshier, netlib.org/cephes, single
precision): a relative error of at most 3e-7, right for infinities, NaN, overflow and
subnormal results. The bits of a lane depend on that lane alone. Rare functions are computed
lane by lane, by the C library.
"""

from __future__ import annotations

import re
from functools import cache

from speccompiler.expressions.nodes import Expression
from speccompiler.expressions.source import vector_source

# The words of ``simd.vectors`` that functions use. Each multiply-add that may be fused is written
# as ``fma``, so that the bits are the same wherever a function's text stands.
WORDS = (
    "add", "sub", "mul", "div", "neg", "fma", "minimum", "maximum", "largest", "absolute",
    "copysign", "sqrt", "floor", "ceil", "nearest", "less", "less_equal", "equal", "not_equal",
    "both", "either", "opposite", "select", "power_of_two", "scaled", "exponent", "mantissa",
    "lane", "with_lane", "splat", "zip_low", "zip_high", "first_lanes", "load_where", "store_where",
    "load_every", "store_every", "even", "odd", "unordered", "in_order", "transpose",
)  # fmt: skip

EXP_REDUCED = '''
def exp_reduced(x, n):
    """exp(x - n ln 2) - 1, of at most 0.35 in size; ln 2 in two parts, the first exact."""
    r = fma(n, splat(np.float32(-0.693359375)), x)
    r = fma(n, splat(np.float32(2.12194440e-4)), r)
    p = splat(np.float32(1.9875691500e-4))
    p = fma(p, r, splat(np.float32(1.3981999507e-3)))
    p = fma(p, r, splat(np.float32(8.3334519073e-3)))
    p = fma(p, r, splat(np.float32(4.1665795894e-2)))
    p = fma(p, r, splat(np.float32(1.6666665459e-1)))
    p = fma(p, r, splat(np.float32(5.0000001201e-1)))
    return fma(mul(r, r), p, r)
'''

EXP = '''
def exp(x):
    """Infinity above 88.7, subnormal below -87.3, 0 below -103.9; NaN stays NaN."""
    x = minimum(splat(np.float32(89)), maximum(splat(np.float32(-105)), x))
    n = nearest(mul(x, splat(np.float32(1.44269504))))
    return scaled(add(exp_reduced(x, n), splat(np.float32(1))), n)
'''

EXPM1 = '''
def expm1(x):
    """Nothing is lost near 0; exactly -1 below -18."""
    y = minimum(splat(np.float32(89)), maximum(splat(np.float32(-20)), x))
    n = nearest(mul(y, splat(np.float32(1.44269504))))
    # 2**n (e + 1) - 1 with half of 2**n, which may be 2**128.
    half = power_of_two(sub(n, splat(np.float32(1))))
    e = fma(half, exp_reduced(y, n), sub(half, splat(np.float32(0.5))))
    # Tiny values are their own result, -0 among them.
    tiny = less(absolute(x), splat(np.float32(1e-10)))
    return select(tiny, x, add(e, e))
'''

TANH = '''
def tanh(x):
    """From expm1(-2 |x|), which neither overflows nor cancels, and is exactly -1 below -18."""
    y = maximum(splat(np.float32(-20)), mul(absolute(x), splat(np.float32(-2))))
    n = nearest(mul(y, splat(np.float32(1.44269504))))
    whole = power_of_two(n)
    e = fma(whole, exp_reduced(y, n), sub(whole, splat(np.float32(1))))
    return copysign(div(e, add(e, splat(np.float32(2)))), x)
'''

LOG = '''
def log(x):
    """-infinity for 0, NaN below; subnormal arguments are scaled up first."""
    tiny = less(x, splat(np.float32(1.17549435e-38)))
    m = select(tiny, mul(x, splat(np.float32(8388608))), x)
    n = sub(exponent(m), select(tiny, splat(np.float32(23)), splat(np.float32(0))))
    m = mantissa(m)
    large = less(splat(np.float32(1.41421356)), m)
    n = add(n, select(large, splat(np.float32(1)), splat(np.float32(0))))
    m = select(large, mul(m, splat(np.float32(0.5))), m)
    f = sub(m, splat(np.float32(1)))
    p = splat(np.float32(7.0376836292e-2))
    p = fma(p, f, splat(np.float32(-1.1514610310e-1)))
    p = fma(p, f, splat(np.float32(1.1676998740e-1)))
    p = fma(p, f, splat(np.float32(-1.2420140846e-1)))
    p = fma(p, f, splat(np.float32(1.4249322787e-1)))
    p = fma(p, f, splat(np.float32(-1.6668057665e-1)))
    p = fma(p, f, splat(np.float32(2.0000714765e-1)))
    p = fma(p, f, splat(np.float32(-2.4999993993e-1)))
    p = fma(p, f, splat(np.float32(3.3333331174e-1)))
    z = mul(f, f)
    y = mul(mul(z, f), p)
    y = fma(n, splat(np.float32(-2.12194440e-4)), y)
    y = add(fma(z, splat(np.float32(-0.5)), y), f)
    y = fma(n, splat(np.float32(0.693359375)), y)
    zero, infinity = splat(np.float32(0)), splat(np.float32(np.inf))
    y = select(less(x, infinity), y, x)
    other = select(equal(x, zero), neg(infinity), splat(np.float32(np.nan)))
    return select(less(zero, x), y, other)
'''

LOG1P = '''
def log1p(x):
    """log(u) for u = 1 + x as rounded, and what the rounding left out, over u."""
    u = add(x, splat(np.float32(1)))
    rest = div(sub(x, sub(u, splat(np.float32(1)))), u)
    # Undefined at -1 and infinity, where the logarithm says all.
    rest = select(equal(rest, rest), rest, splat(np.float32(0)))
    y = add(log(u), rest)
    return select(less(absolute(x), splat(np.float32(1e-10))), x, y)
'''

BY_LANE = '''
def {name}(x):
    """Lane by lane."""
    y = x
    for i in range(@LANES):
        y = with_lane(y, i, np.float32(math.{name}(lane(x, i))))
    return y
'''

POWER = '''
def power(x, y):
    """Lane by lane."""
    z = x
    for i in range(@LANES):
        z = with_lane(z, i, np.float32(lane(x, i) ** lane(y, i)))
    return z
'''

FUNCTIONS = {
    "exp_reduced": EXP_REDUCED,
    "exp": EXP,
    "expm1": EXPM1,
    "tanh": TANH,
    "log": LOG,
    "log1p": LOG1P,
    **{f: BY_LANE.format(name=f) for f in ("sin", "cos", "tan", "sinh", "cosh", "atan", "erf")},
    "power": POWER,
}
"""Each function stands after those that it calls."""


_CALL = re.compile(r"(?<![\w.])(\w+)\(")


def with_functions(text: str) -> str:
    """Text over vectors, behind definitions of the words and functions that it calls.

    It needs the names that ``text.HEADER`` defines.
    """
    parts: list[str] = []
    for name in reversed(FUNCTIONS):
        if any(name in _called(part) for part in (text, *parts)):
            parts.insert(0, f"\n\n@as_written{FUNCTIONS[name]}")
    called = frozenset().union(*map(_called, (text, *parts)))
    used = [word for word in WORDS if word in called]
    bindings = [f"{word} = v.{word}" for word in used]
    return "\n".join(["", *bindings, *parts, "", text])


def activation_text(activation: Expression, parameters: int = 0) -> str:
    """The text of ``activate``, a function of a vector and those of its parameters."""
    return with_functions(f"\n@as_written\n{vector_source(activation, parameters=parameters)}")


@cache
def _called(text: str) -> frozenset[str]:
    """The names that a text calls, but for methods."""
    return frozenset(_CALL.findall(text))
