"""What NaN, infinities and -0 give: one table for every target, each row worked by hand.

The formulas are those of Keras 1.2.2's backends (``backend/theano_backend.py`` and
``backend/tensorflow_backend.py``, ``layers/advanced_activations.py``, ``engine/topology.py``)
and of what they call. They differ at infinity:

* Theano's ``relu(x)`` is ``0.5 * (x + |x|)``, and ``relu(x, a)`` is ``0.5 * (1 + a) * x
  + 0.5 * (1 - a) * |x|``: of -infinity both are NaN.
* TensorFlow's ``relu(x, a)`` is ``relu(x) - a * relu(-x)``.

Where a maximum or minimum meets a NaN, the originals disagree among their own kernels
(``tf.nn.max_pool`` most of all); here it is NaN everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

NAN, INF = np.nan, np.inf
X = (NAN, INF, -INF, -0.0, 2.0, -2.0)
"""What every activation is asked."""


@dataclass(frozen=True)
class Law:
    """Layers, what they are given and what they give, by backend where they differ."""

    name: str
    layers: list[dict[str, Any]]
    tensorflow: Any
    theano: Any = None
    x: Any = (X,)
    """One sample for each input."""
    signs: bool = True
    """Whether the formula says which zero a zero is."""

    def want(self, semantics: str) -> np.ndarray:
        """By hand."""
        given = self.tensorflow if self.theano is None or semantics == "tensorflow" else self.theano
        return np.asarray(given, np.float32)


def activation(name: Any) -> list[dict[str, Any]]:
    return [{"type": "Activation", "activation": name}]


def expr(text: str) -> list[dict[str, Any]]:
    return activation({"expr": text})


def parametric(kind: str, *parameters: float) -> list[dict[str, Any]]:
    return [{"type": kind, "weights": [[p] * len(X) for p in parameters]}]


def merged(mode: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"type": "Merge", "mode": mode, "inputs": ["a", "b"], **arguments}]


A, B = (NAN, INF, INF, -0.0, -0.0, -INF), (1.0, -INF, 0.0, 0.0, -0.0, 1.0)

LAWS = [
    Law("linear", activation("linear"), X),
    Law(
        "relu",
        activation("relu"),
        (NAN, INF, 0.0, 0.0, 2.0, 0.0),
        (NAN, INF, NAN, 0.0, 2.0, 0.0),
        signs=False,
    ),
    Law("elu", activation("elu"), (NAN, INF, -1.0, 0.0, 2.0, -0.8646647), signs=False),
    Law("softplus", activation("softplus"), (NAN, INF, 0.0, 0.6931472, 2.126928, 0.126928)),
    # infinity / (1 + infinity)
    Law("softsign", activation("softsign"), (NAN, NAN, NAN, -0.0, 0.6666667, -0.6666667)),
    Law("tanh", activation("tanh"), (NAN, 1.0, -1.0, -0.0, 0.9640276, -0.9640276)),
    Law("sigmoid", activation("sigmoid"), (NAN, 1.0, 0.0, 0.5, 0.8807971, 0.1192029)),
    Law("hard_sigmoid", activation("hard_sigmoid"), (NAN, 1.0, 0.0, 0.5, 0.9, 0.1)),
    # The largest value is subtracted first: infinity less infinity.
    Law("softmax of NaN", activation("softmax"), (NAN, NAN, NAN), x=((1.0, NAN, 2.0),)),
    Law("softmax of infinity", activation("softmax"), (NAN, NAN, NAN), x=((1.0, INF, 2.0),)),
    Law("softmax of -infinity", activation("softmax"), (0.5, 0.0, 0.5), x=((1.0, -INF, 1.0),)),
    Law("softmax of -infinities", activation("softmax"), (NAN, NAN), x=((-INF, -INF),)),
    Law(
        "LeakyReLU",
        [{"type": "LeakyReLU", "alpha": 0.5}],
        (NAN, INF, -INF, 0.0, 2.0, -1.0),
        (NAN, INF, NAN, 0.0, 2.0, -1.0),
        signs=False,
    ),
    Law(
        "LeakyReLU without a slope",
        [{"type": "LeakyReLU", "alpha": 0.0}],
        (NAN, INF, 0.0, 0.0, 2.0, 0.0),
        (NAN, INF, NAN, 0.0, 2.0, 0.0),
        signs=False,
    ),
    # 1.5 x - 0.5 |x|
    Law(
        "LeakyReLU of a steep slope",
        [{"type": "LeakyReLU", "alpha": 2.0}],
        (NAN, INF, -INF, 0.0, 2.0, -4.0),
        (NAN, NAN, -INF, 0.0, 2.0, -4.0),
        signs=False,
    ),
    Law(
        "ELU",
        [{"type": "ELU", "alpha": 0.5}],
        (NAN, INF, -0.5, 0.0, 2.0, -0.4323324),
        signs=False,
    ),
    # x * (x > theta)
    Law("ThresholdedReLU", [{"type": "ThresholdedReLU"}], (NAN, INF, NAN, -0.0, 2.0, -0.0)),
    Law(
        "ThresholdedReLU below 0",
        [{"type": "ThresholdedReLU", "theta": -1.0}],
        (NAN, INF, NAN, -0.0, 2.0, -0.0),
    ),
    # relu(x) + a * (x - |x|) * 0.5
    Law(
        "PReLU",
        parametric("PReLU", 0.5),
        (NAN, NAN, -INF, 0.0, 2.0, -1.0),
        (NAN, NAN, NAN, 0.0, 2.0, -1.0),
        signs=False,
    ),
    Law(
        "PReLU without a slope",
        parametric("PReLU", 0.0),
        (NAN, NAN, NAN, 0.0, 2.0, 0.0),
        signs=False,
    ),
    # 2 * softplus(3 x)
    Law(
        "ParametricSoftplus",
        parametric("ParametricSoftplus", 2.0, 3.0),
        (NAN, INF, 0.0, 1.3862944, 12.004951, 0.0049513723),
    ),
    # Thresholds -1 and 1: -1 + relu(x + 1, 0.5, 2) + 2 * relu(x - 1)
    Law(
        "SReLU",
        parametric("SReLU", -1.0, 0.5, 2.0, 2.0),
        (NAN, INF, -INF, 0.0, 3.0, -1.5),
        (NAN, INF, NAN, 0.0, 3.0, -1.5),
        signs=False,
    ),
    Law(
        "SReLU that ends flat",
        parametric("SReLU", -1.0, 0.5, 2.0, 0.0),
        (NAN, NAN, -INF, 0.0, 1.0, -1.5),
        (NAN, NAN, NAN, 0.0, 1.0, -1.5),
        signs=False,
    ),
    Law(
        "Masking",
        [{"type": "Masking"}],
        ((NAN, 0.0), (0.0, 0.0), (INF, 0.0)),
        x=(((NAN, 0.0), (0.0, -0.0), (INF, 0.0)),),
        signs=False,
    ),
    # With a NaN every comparison but != is false.
    Law("x > 0", expr("where(x > 0, 1, 5)"), (5, 1, 5, 5, 1, 5)),
    Law("not x > 0", expr("where(not (x > 0), 1, 5)"), (1, 5, 1, 1, 5, 1)),
    Law("x >= 0", expr("where(x >= 0, 1, 5)"), (5, 1, 5, 1, 1, 5)),
    Law("x < 0", expr("where(x < 0, 1, 5)"), (5, 5, 1, 5, 5, 1)),
    Law("x <= 0", expr("where(x <= 0, 1, 5)"), (5, 5, 1, 1, 5, 1)),
    Law("x == x", expr("where(x == x, 1, 5)"), (5, 1, 1, 1, 1, 1)),
    Law("x != x", expr("where(x != x, 1, 5)"), (1, 5, 5, 5, 5, 5)),
    Law("not x != 2", expr("where(not (x != 2), 1, 5)"), (5, 5, 5, 5, 1, 5)),
    Law("x < 0 or x > 1", expr("where(x < 0 or x > 1, 1, 5)"), (5, 1, 1, 5, 1, 1)),
    Law("what is not chosen", expr("where(x > 0, 1, x)"), (NAN, 1, -INF, -0.0, 1, -2)),
    Law("sign", expr("sign(x)"), (NAN, 1, -1, -0.0, 1, -1)),
    Law("abs", expr("abs(x)"), (NAN, INF, INF, 0.0, 2, 2)),
    Law("max", expr("max(x, 1)"), (NAN, INF, 1, 1, 2, 1)),
    Law("max of two", expr("max(x, 1 / x)"), (NAN, INF, -0.0, -0.0, 2, -0.5)),
    Law("min", expr("min(1, x)"), (NAN, 1, -INF, -0.0, 1, -2)),
    Law("clip", expr("clip(x, -1, 1)"), (NAN, 1, -1, -0.0, 1, -1)),
    Law("floor", expr("floor(x / 4)"), (NAN, INF, -INF, -0.0, 0.0, -1)),
    Law("sqrt", expr("sqrt(x)"), (NAN, INF, NAN, -0.0, 1.4142135, NAN)),
    Law("log", expr("log(x)"), (NAN, INF, NAN, -INF, 0.6931472, NAN)),
    Law("exp", expr("exp(x)"), (NAN, INF, 0.0, 1, 7.389056, 0.13533528)),
    Law("1 / x", expr("1 / x"), (NAN, 0.0, -0.0, -INF, 0.5, -0.5)),
    Law("x * 0", expr("0 * x"), (NAN, NAN, NAN, -0.0, 0.0, -0.0)),
    Law("x ** 0", expr("x ** 0"), (1, 1, 1, 1, 1, 1)),
    Law("x ** 3", expr("x ** 3"), (NAN, INF, -INF, -0.0, 8, -8)),
    Law("pow of infinity", expr("pow(x, 0.5)"), (NAN, INF, INF, 0.0, 1.4142135, NAN)),
    # An expression means the same on every backend: max(x, 0).
    Law("relu in an expression", expr("relu(x)"), (NAN, INF, 0.0, 0.0, 2, 0.0), signs=False),
    Law(
        "MaxPooling1D",
        [{"type": "MaxPooling1D"}],
        ((NAN,), (NAN,), (-INF,), (INF,), (-0.0,)),
        x=(np.reshape((NAN, 1, 1, NAN, -INF, -INF, INF, -INF, -0.0, -0.0), (10, 1)),),
    ),
    Law(
        "AveragePooling1D",
        [{"type": "AveragePooling1D"}],
        ((NAN,), (NAN,), (-INF,), (NAN,), (INF,)),
        x=(np.reshape((NAN, 1, 1, NAN, -INF, -INF, INF, -INF, 1, INF), (10, 1)),),
    ),
    Law(
        "GlobalMaxPooling1D",
        [{"type": "GlobalMaxPooling1D"}],
        (NAN, INF, -INF),
        x=(((1, 2, -INF), (NAN, -INF, -INF), (3, INF, -INF)),),
    ),
    Law(
        "GlobalAveragePooling1D",
        [{"type": "GlobalAveragePooling1D"}],
        (NAN, NAN, -INF, INF),
        x=(((1, -INF, -INF, 5), (NAN, 2, -INF, INF), (3, INF, 7, INF)),),
    ),
    Law("sum", merged("sum"), (NAN, NAN, INF, 0.0, -0.0, -INF), x=(A, B)),
    Law("mul", merged("mul"), (NAN, -INF, NAN, -0.0, 0.0, -INF), x=(A, B)),
    Law("ave", merged("ave"), (NAN, NAN, INF, 0.0, -0.0, -INF), x=(A, B)),
    Law("max of values", merged("max"), (NAN, INF, INF, 0.0, -0.0, 1.0), x=(A, B), signs=False),
    Law("max of NaN second", merged("max"), (NAN, NAN), x=((1.0, -INF), (NAN, NAN))),
    Law("concat", merged("concat"), (*A, *B), x=(A, B)),
    Law("dot with NaN", merged("dot", dot_axes=1), (NAN,), x=((1, NAN), (1, 0))),
    Law("dot of infinity and 0", merged("dot", dot_axes=1), (NAN,), x=((INF, 1), (0, 1))),
    Law("dot of infinity", merged("dot", dot_axes=1), (-INF,), x=((INF, 1), (-1, 1))),
    # dot / max(sqrt(a a * b b), 1e-7): infinity over infinity.
    Law("cos of NaN", merged("cos", dot_axes=1), ((NAN,),), x=((1, NAN), (1, 0))),
    Law("cos of infinity", merged("cos", dot_axes=1), ((NAN,),), x=((INF, 1), (1, 1))),
    Law("cos of nothing", merged("cos", dot_axes=1), ((0.0,),), x=((0, 0), (1, 1))),
    # Fused into the product: every value by itself, times 1.
    Law(
        "relu of a product",
        [{"type": "Dense", "output_dim": 1, "activation": "relu", "weights": [[[1.0]], [0.0]]}],
        ((NAN,), (INF,), (0.0,), (0.0,), (2.0,), (0.0,)),
        ((NAN,), (INF,), (NAN,), (0.0,), (2.0,), (0.0,)),
        x=(np.reshape(X, (6, 1)),),
        signs=False,
    ),
]


def model_of(law: Law, semantics: str) -> tuple[Any, list[np.ndarray]]:
    """The model, and its inputs as a batch of two equal samples."""
    from tests.cases import build

    x = [np.asarray([sample, sample], np.float32) for sample in law.x]
    if len(x) == 1:
        return build(law.layers, x[0].shape[1:], semantics=semantics), x
    inputs = {name: list(v.shape[1:]) for name, v in zip("ab", x, strict=True)}
    return build(law.layers, inputs=inputs, semantics=semantics), x


def check(y: np.ndarray, law: Law, semantics: str) -> None:
    """Both samples, and the signs of zeros where the formula gives them."""
    want = law.want(semantics)
    for sample in y:
        np.testing.assert_allclose(sample, want, rtol=1e-6, atol=1e-9)
        if law.signs:
            zero = want == 0
            assert np.array_equal(np.signbit(sample[zero]), np.signbit(want[zero]))
