"""The elementwise activations of Keras, written in the expression grammar.

Source: keras/activations.py of 1.2.2. ``softmax`` and ``log_softmax`` look along an axis and are
not elementwise. Each expression of ``ACTIVATIONS`` is also what the function of the same name
means inside other expressions, so it uses only functions that are not here (``tanh`` is the
function itself).

NaN stays NaN in all of them: ``max`` and ``clip`` propagate it. Infinities go through
each formula as it is written: softsign of one is NaN, as in Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product

from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Expression,
    Negate,
    Number,
    Parameter,
    Variable,
    Where,
    substitute,
)


def _parse(text: str) -> Expression:
    """The grammar is imported by a model that needs it: most have no formula but ``relu``."""
    from speccompiler.expressions.grammar import parse

    return parse(text)


class _Parsed(Mapping[str, Expression]):
    """Expressions by name, each parsed when it is first asked for: a model has one or two.

    ``ready`` are those that most models have, parsed already: these need no grammar.
    """

    def __init__(self, texts: Mapping[str, str], ready: Mapping[str, Expression]) -> None:
        self.texts = texts
        self._parsed = dict(ready)

    def __getitem__(self, name: str) -> Expression:
        if name not in self._parsed:
            self._parsed[name] = _parse(self.texts[name])
        return self._parsed[name]

    def __contains__(self, name: object) -> bool:
        return name in self.texts

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)


ACTIVATIONS = _Parsed(
    {
        "elu": "where(x > 0, x, expm1(x))",
        # log(1 + exp(x)) without its overflow.
        "softplus": "max(x, 0) + log1p(exp(-abs(x)))",
        "softsign": "x / (1 + abs(x))",
        "relu": "max(x, 0)",
        "tanh": "tanh(x)",
        # exp overflows to infinity for very negative x, and 1 / infinity is 0.
        "sigmoid": "1 / (1 + exp(-x))",
        "hard_sigmoid": "clip(0.2 * x + 0.5, 0, 1)",
        "linear": "x",
    },
    {"relu": Call("max", (Variable(), Number(0.0))), "tanh": Call("tanh", (Variable(),))},
)


LATER_ACTIVATIONS = _Parsed(
    {
        "selu": "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * expm1(x))",
        "exponential": "exp(x)",
        "swish": "x / (1 + exp(-x))",
        "silu": "x / (1 + exp(-x))",
        "gelu": "0.5 * x * (1 + erf(0.7071067811865476 * x))",
        "gelu_tanh": "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))",
        "mish": "x * tanh(max(x, 0) + log1p(exp(-abs(x))))",
        "hard_silu": "x * clip(x / 6 + 0.5, 0, 1)",
        # What Keras 3 calls hard_sigmoid; before it was the one above.
        "hard_sigmoid_3": "clip(x / 6 + 0.5, 0, 1)",
        "leaky_relu": "where(x > 0, x, 0.2 * x)",
        "relu6": "clip(x, 0, 6)",
    },
    {},
)
"""Those of Keras 2 and 3 (keras/src/activations/activations.py of 3.15), no functions of the
grammar."""


def named_activation(name: str) -> Expression:
    """The expression that a name says."""
    return (ACTIVATIONS if name in ACTIVATIONS else LATER_ACTIVATIONS)[name]


@cache
def theano_relu() -> Expression:
    """Theano's ``relu``, which is ``0.5 * (x + abs(x))`` (0.8 and 0.9, tensor/nnet/nnet.py).

    Of a finite value that is the larger of it and +0; of -infinity it is NaN. Written so that
    nothing overflows where the sum would.
    """
    return _parse("where(x > 0, x, 0 * abs(x))")


def leaky_relu(alpha: float) -> Expression:
    """``LeakyReLU``: the slope ``alpha`` below 0, as TensorFlow's backend has it."""
    return _parse(f"where(x > 0, x, {alpha!r} * x)")


def theano_leaky_relu(x: Expression, alpha: Expression) -> Expression:
    """Theano's ``relu(x, alpha)``: ``0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * |x|``."""
    half, one = Number(0.5), Number(1.0)
    line = Binary("*", Binary("*", half, Binary("+", one, alpha)), x)
    bend = Binary("*", Binary("*", half, Binary("-", one, alpha)), Call("abs", (x,)))
    return Binary("+", line, bend)


def elu(alpha: float) -> Expression:
    """``ELU``: ``alpha * (exp(x) - 1)`` below 0."""
    return _parse(f"where(x > 0, x, {alpha!r} * expm1(x))")


def thresholded_relu(theta: float) -> Expression:
    """``ThresholdedReLU``: 0 up to ``theta``, by a product with 0, so that -infinity and NaN
    become NaN as in Keras."""
    return _parse(f"where(x > {theta!r}, x, 0 * x)")


def bounded_relu(max_value: float | None, slope: float, threshold: float) -> Expression:
    """``ReLU`` with arguments: what lies above ``threshold``, up to ``max_value``, and a slope
    below it (Keras 2.2.4 backend/tensorflow_backend.py, ``relu``)."""
    above = "x" if max_value is None else f"clip(x, 0, {max_value!r})"
    if slope == threshold == 0:
        return _parse(above)
    return _parse(f"where(x > {threshold!r}, {above}, {slope!r} * (x - ({threshold!r})))")


X, ZERO = Variable(), Number(0.0)
SCALED = Binary("+", Binary("*", X, Parameter(0)), Parameter(1))
"""A normalisation, with its statistics in the scale and the shift."""


def prelu(relu: Expression) -> Expression:
    """``PReLU``: a slope below 0 for every value, beside the backend's ``relu``.

    Keras adds ``alphas * (x - |x|) * 0.5`` to ``relu(x)``, which is NaN at infinity. Half the
    difference is written in a way that does not overflow.
    """
    below = Where(Compare(">", X, ZERO), Binary("-", X, X), X)
    return Binary("+", relu, Binary("*", Parameter(0), below))


def parametric_softplus() -> Expression:
    """``ParametricSoftplus``: ``alpha * softplus(beta * x)``."""
    inner = Call("softplus", (Binary("*", Parameter(1), X),))
    return Binary("*", Parameter(0), inner)


def srelu(relu: Expression, *, theano: bool) -> Expression:
    """``SReLU``: slopes beyond two thresholds, of which the right is |t_right| above the left.

    Keras cuts the part left of the right threshold off at the distance of the two, by ``relu``
    with ``max_value``. Theano's cuts both lines of that part, TensorFlow's only the middle one,
    which makes a difference for a negative left slope.
    """
    t_left, a_left, t_right, a_right = map(Parameter, range(4))
    distance = Call("abs", (t_right,))
    inside = Binary("-", X, t_left)
    middle: Expression
    if theano:
        middle = Call("min", (theano_leaky_relu(inside, a_left), distance))
    else:
        cut, left = Call("min", (inside, distance)), Binary("*", a_left, inside)
        middle = Where(Compare(">", inside, ZERO), cut, left)
    beyond = substitute(relu, Binary("-", X, Binary("+", t_left, distance)))
    return Binary("+", Binary("+", t_left, middle), Binary("*", beyond, a_right))


def named_with_parameters() -> tuple[tuple[Expression, int], ...]:
    """The expressions of layers with parameters beside the values, and how many these are."""
    relus = ACTIVATIONS["relu"], theano_relu()
    return (
        (SCALED, 2),
        *((prelu(relu), 1) for relu in relus),
        (parametric_softplus(), 2),
        *((srelu(relu, theano=theano), 4) for relu, theano in product(relus, (False, True))),
    )


COMPLEMENT = Binary("-", Number(1.0), X)
"""The share of its input that a Highway lets through."""
COSINE_NORM = Call("max", (Call("sqrt", (Call("max", (X, ZERO)),)), Number(1e-7)))
"""What a merge by ``cos`` divides by; x is the product of two sums of squares. Keras's square root
takes negative values as 0, and its fuzz factor (1e-7 unless keras.json has another) is the smallest
divisor."""


def response_square(scale: float) -> Expression:
    """The square of ``scale * x``, for ``LRN2D``."""
    scaled = X if scale == 1 else Binary("*", Number(scale), X)
    return Binary("*", scaled, scaled)


def response_share(k: float, weight: float, beta: float) -> Expression:
    """``(k + weight * x)**-beta``, by square roots where they give it."""
    base = Binary("+", Number(k), Binary("*", Number(weight), X))
    if not is_root(beta):
        return Binary("**", base, Negate(Number(beta)))
    root = Call("sqrt", (base,))
    below: dict[float, Expression] = {
        0.25: Call("sqrt", (root,)),
        0.5: root,
        0.75: Binary("*", root, Call("sqrt", (root,))),
        1.0: base,
    }
    return Binary("/", Number(1.0), below[beta])


def is_root(beta: float) -> bool:
    """Whether square roots give the power ``beta``."""
    return 4 * beta in {1, 2, 3, 4}


def response_back(scale: float) -> Expression:
    """``x * scale``."""
    return Binary("*", X, Number(scale))


def named_activations() -> tuple[Expression, ...]:
    """One of each form that a layer's own arguments can ask for, whatever their constants."""
    leaky = leaky_relu(0.3), theano_leaky_relu(X, Number(0.3))
    shares = [response_share(1.0, 1.0, beta) for beta in (0.25, 0.5, 0.75, 1.0, 0.6, 0.0, 2.0, 3.0)]
    responses = (response_square(1.0), response_square(0.5), *shares, response_back(0.5))
    return (
        *ACTIVATIONS.values(),
        *LATER_ACTIVATIONS.values(),
        *(theano_relu(), *leaky, elu(1.0), thresholded_relu(1.0)),
        *(bounded_relu(6.0, 0.0, 0.0), bounded_relu(6.0, 0.1, 1.0), bounded_relu(None, 0.1, 1.0)),
        *(COMPLEMENT, COSINE_NORM, *responses),
    )
