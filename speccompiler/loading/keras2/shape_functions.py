"""Functions that reduce, cut, order or clip one value, as the layers that do the same here.

    keras.ops.mean(x, axis=1)      Mean {"axis": 1}            Reduce
    tf.reduce_mean(x, axis=1)      math.reduce_mean            Reduce
    x[:, 0]                        GetItem, SlicingOpLambda    Slice
    keras.ops.transpose(x, ..)     Transpose                   Permute

Axis 0 is that of the samples: what mixes these is no layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Arguments = Mapping[str, Any]
"""What a function is called with beside its value, as plain data."""
Lengths = list[int | None] | None
Layers = list[tuple[str, dict[str, Any]]]
"""Layers one after the other, by their types and arguments."""
_DTYPES = frozenset({"float32", "float64", "float16", "bfloat16"})


def layers_of_function(name: str, given: Arguments, shape: Lengths) -> Layers | None:
    """The layers that a function is; None for one that is none.

    ``shape`` is that of its value, with the axis of the samples, where the file tells it.
    """
    rule = _RULES.get(name)
    try:
        return None if rule is None else rule(given, shape)
    except (
        IndexError,
        KeyError,
        TypeError,
        ValueError,
    ):  # an argument that is missing, or of another kind
        return None


def _expression(text: str) -> Layers:
    return [("Activation", {"activation": {"expr": text}})]


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return f"({float(value)!r})"


def _clip(low: str, high: str) -> Callable[[Arguments, Lengths], Layers | None]:
    def rule(given: Arguments, shape: Lengths) -> Layers | None:
        """Either end of the range as a number."""
        return _expression(f"clip(x, {_number(given[low])}, {_number(given[high])})")

    return rule


def _axes(value: Any) -> list[int]:
    axes = value if isinstance(value, list) else [value]
    if not axes or any(type(axis) is not int or axis == 0 for axis in axes):
        raise ValueError(value)
    return axes


def _reduced(mode: str) -> Callable[[Arguments, Lengths], Layers | None]:
    def rule(given: Arguments, shape: Lengths) -> Layers | None:
        """Without axes all samples would be one."""
        if given.get("initial") is not None:
            return None
        axes = _axes(given["axis"])
        if shape is not None and -len(shape) in axes:
            return None
        keeps = given.get("keepdims") is True
        return [("Reduce", {"axis": axes, "mode": mode, "keepdims": keeps})]

    return rule


def _permuted(given: Arguments, shape: Lengths) -> Layers | None:
    axes = given.get("axes", given.get("perm"))
    if not isinstance(axes, list) or axes[0] != 0:
        return None
    return [("Permute", {"dims": axes[1:]})]


def _swapped(given: Arguments, shape: Lengths) -> Layers | None:
    if shape is None:
        return None
    axes = list(range(len(shape)))
    one, other = given["axis1"], given["axis2"]
    axes[one], axes[other] = axes[other], axes[one]
    return _permuted({"axes": axes}, shape)


def _reshaped(given: Arguments, shape: Lengths) -> Layers | None:
    """The first length is that of the samples, which stays open."""
    wanted = given.get("newshape", given.get("shape"))
    if not isinstance(wanted, list) or len(wanted) < 2 or wanted[0] != -1:
        return None
    if any(type(length) is not int for length in wanted) or -1 in wanted[1:]:
        return None
    return [("Reshape", {"target_shape": wanted[1:]})]


def _with_axis(given: Arguments, shape: Lengths) -> Layers | None:
    if shape is None or type(given["axis"]) is not int:
        return None
    lengths = list(shape)
    lengths.insert(given["axis"] % (len(shape) + 1), 1)
    return _of_lengths(lengths) if lengths[0] is None else None


def _without_axis(given: Arguments, shape: Lengths) -> Layers | None:
    if shape is None:
        return None
    gone = {axis % len(shape) for axis in _axes(given["axis"])}
    return _of_lengths([n for axis, n in enumerate(shape) if axis not in gone])


def _of_lengths(shape: list[int | None]) -> Layers | None:
    """A Reshape to lengths of which one may be open."""
    lengths = [-1 if n is None else n for n in shape[1:]]
    if not lengths or lengths.count(-1) > 1:
        return None
    return [("Reshape", {"target_shape": lengths})]


def _flipped(given: Arguments, shape: Lengths) -> Layers | None:
    axes = _axes(given["axis"])
    return [("Slice", {"axis": axes, "step": [-1] * len(axes)})]


def _softmax(given: Arguments, shape: Lengths) -> Layers | None:
    axis = given.get("axis", -1)
    last = axis in (-1, None) or (shape is not None and axis == len(shape) - 1)
    return [("Activation", {"activation": "softmax_last"})] if last else None


def _log_softmax(given: Arguments, shape: Lengths) -> Layers | None:
    """Over the last axis, as the activation of this name is."""
    return (
        None if _softmax(given, shape) is None else [("Activation", {"activation": "log_softmax"})]
    )


def _smallest(given: Arguments, shape: Lengths) -> Layers | None:
    """The largest of the values with the other sign."""
    found = _reduced("max")(given, shape)
    return None if found is None else [*_expression("-x"), *found, *_expression("-x")]


def _elu(given: Arguments, shape: Lengths) -> Layers | None:
    return _expression(f"where(x > 0, x, {_number(given['alpha'])} * expm1(x))")


def _celu(given: Arguments, shape: Lengths) -> Layers | None:
    alpha = _number(given["alpha"])
    return _expression(f"where(x > 0, x, {alpha} * expm1(x / {alpha}))")


def _leaky(given: Arguments, shape: Lengths) -> Layers | None:
    slope = _number(given.get("negative_slope", given.get("alpha", 0.2)))
    return _expression(f"where(x > 0, x, {slope} * x)")


def _gelu(given: Arguments, shape: Lengths) -> Layers | None:
    """``keras.ops`` always writes what counts, TensorFlow where it is not exact."""
    approximate = given.get("approximate", False)
    if not isinstance(approximate, bool):
        return None
    return [("Activation", {"activation": "gelu_tanh" if approximate else "gelu"})]


def _cast(given: Arguments, shape: Lengths) -> Layers | None:
    return _named("linear")(given, shape) if given.get("dtype") in _DTYPES else None


def _power(given: Arguments, shape: Lengths) -> Layers | None:
    return _expression(f"x ** {_number(given['y'])}")


def _cut(given: Arguments, shape: Lengths) -> Layers | None:
    """Ranges of axes are one Slice, single places of axes another one, which drops them."""
    items = given["slice_spec"]
    ellipses = [at for at, item in enumerate(items) if item == "..."]
    if len(ellipses) == 1 and shape is not None:
        at = ellipses[0]
        items = [*items[:at], *[_WHOLE] * (len(shape) - len(items) + 1), *items[at + 1 :]]
    if not items or items[0] != _WHOLE:
        return None
    parts: dict[bool, list[tuple[int, int | None, int | None, int]]] = {False: [], True: []}
    for axis, item in enumerate(items):
        if type(item) is int:
            parts[True].append((axis, item, None if item == -1 else item + 1, 1))
        elif isinstance(item, dict):
            start, stop, step = (item[key] for key in ("start", "stop", "step"))
            if item != _WHOLE:
                parts[False].append((axis, start, stop, 1 if step is None else step))
        else:
            return None
    found: Layers = []
    for squeeze, cuts in parts.items():
        if cuts:
            axes, starts, stops, steps = (list(column) for column in zip(*cuts, strict=True))
            said = {"axis": axes, "start": starts, "stop": stops, "step": steps}
            found.append(("Slice", {**said, "squeeze": squeeze}))
    return found or _named("linear")(given, shape)


_WHOLE: dict[str, None] = {"start": None, "stop": None, "step": None}


def _named(activation: str) -> Callable[[Arguments, Lengths], Layers | None]:
    return lambda given, shape: [("Activation", {"activation": activation})]


def _formula(text: str) -> Callable[[Arguments, Lengths], Layers | None]:
    return lambda given, shape: _expression(text)


_RULES: Mapping[str, Callable[[Arguments, Lengths], Layers | None]] = {
    "mean": _reduced("mean"),
    "reduce_mean": _reduced("mean"),
    "sum": _reduced("sum"),
    "reduce_sum": _reduced("sum"),
    "max": _reduced("max"),
    "reduce_max": _reduced("max"),
    "amax": _reduced("max"),
    "min": _smallest,
    "amin": _smallest,
    "reduce_min": _smallest,
    "prod": _reduced("prod"),
    "reduce_prod": _reduced("prod"),
    "reshape": _reshaped,
    "transpose": _permuted,
    "swapaxes": _swapped,
    "expanddims": _with_axis,
    "squeeze": _without_axis,
    "flip": _flipped,
    "reverse": _flipped,
    "getitem": _cut,
    "softmax": _softmax,
    "logsoftmax": _log_softmax,
    "log_softmax": _log_softmax,
    "clip": _clip("x_min", "x_max"),
    "clip_by_value": _clip("clip_value_min", "clip_value_max"),
    "leakyrelu": _leaky,
    "leaky_relu": _leaky,
    "gelu": _gelu,
    "elu": _elu,
    "celu": _celu,
    "cast": _cast,
    "power": _power,
    "pow": _power,
    "reciprocal": _formula("1 / x"),
    "rsqrt": _formula("1 / sqrt(x)"),
    "log1p": _formula("log1p(x)"),
    "expm1": _formula("expm1(x)"),
    "sin": _formula("sin(x)"),
    "cos": _formula("cos(x)"),
    "erf": _formula("erf(x)"),
    "sign": _formula("where(x > 0, 1, where(x < 0, -1, x))"),
    "hardsigmoid": _named("hard_sigmoid_3"),
    "hardsilu": _named("hard_silu"),
    "hardtanh": _formula("clip(x, -1, 1)"),
    "logsigmoid": _formula("min(x, 0) - log1p(exp(-abs(x)))"),
    "tanhshrink": _formula("x - tanh(x)"),
    "identity": _named("linear"),
    "stop_gradient": _named("linear"),
    "stopgradient": _named("linear"),
}
