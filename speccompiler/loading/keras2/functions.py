"""Functions among the layers of a functional model, in tf.keras and in Keras 3.

    y = x / 127.5              {"class_name": "TFOpLambda", "config": {"function": "math.truediv"}}
    y = keras.ops.relu(x)      {"class_name": "Relu", "module": "keras.src.ops.nn"}

What is arithmetic of a value and a number, or a function of one value, is an Activation with an
expression; arithmetic of two values is a Merge. Anything else is no layer that convspec has.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Table

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.loading.keras0.tree_building import added, class_of, mapping, scalar, sequence
from speccompiler.loading.keras2.links import history
from speccompiler.loading.keras2.reading import Reading
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

_ARITHMETIC: Table[str, tuple[str, str | None]] = {
    "add": ("{} + {}", "sum"),
    "sub": ("{} - {}", "sub"),
    "mul": ("{} * {}", "mul"),
    "truediv": ("{} / {}", None),
    "maximum": ("max({}, {})", "max"),
    "minimum": ("min({}, {})", "min"),
}
"""An expression of the two operands, and the mode of a Merge of two values."""
_OTHER_NAMES = {"subtract": "sub", "multiply": "mul", "divide": "truediv", "truedivide": "truediv"}
_OF_ONE: Table[str, str] = {
    "abs": "abs(x)",
    "absolute": "abs(x)",
    "exp": "exp(x)",
    "log": "log(x)",
    "negative": "-x",
    "relu6": "min(max(x, 0), 6)",
    "sqrt": "sqrt(x)",
    "square": "x * x",
    **{name: name for name in ("relu", "elu", "selu", "sigmoid", "softplus", "softsign", "tanh")},
    **{name: name for name in ("silu", "swish")},
}  # fmt: skip
"""Functions of one value: a name that activations have, or an expression."""
_NAMED = frozenset(_OF_ONE) - {
    "abs", "absolute", "exp", "log", "negative", "relu6", "sqrt", "square",
}  # fmt: skip
_CONSTANT = "_CONSTANT_VALUE"


@dataclass(frozen=True, slots=True)
class _Operand:
    """A link to a value, or a number."""

    link: TreeNode | None = None
    number: float | None = None


def is_operation(node: Mapping) -> bool:
    """Whether a layer is a function of ``keras.ops``: names such as Dot mean others there."""
    module = text_at(node, "module")
    if module is None:  # as in HDF5
        kind = text_at(node, "class_name") or ""
        bare = "trainable" not in _config(node) and not kind.startswith("SpatialDropout")
        return _is_called(node) and bare
    return ".ops." in f"{module}." and module.startswith("keras")


def _is_called(node: Mapping) -> bool:
    """Whether it is called as Keras 3 writes it."""
    inbound = node.entries["inbound_nodes"].value if "inbound_nodes" in node.entries else None
    calls = inbound.items if isinstance(inbound, Sequence) else ()
    return bool(calls) and all(isinstance(c, Mapping) and "args" in c.entries for c in calls)


def _config(node: Mapping) -> Collection[str]:
    config = node.entries["config"].value if "config" in node.entries else None
    return config.entries if isinstance(config, Mapping) else ()


def function_member(reading: Reading, item: Mapping, container: str) -> Mapping | None:
    """The member of a functional model that a function is; None for one that is not read."""
    found = _called(item)
    inbound = item.entries.get("inbound_nodes")
    if found is None or inbound is None:
        return None
    name, operands = found
    links = [operand.link for operand in operands if operand.link is not None]
    at = inbound.value.span
    layer = _layer(name, operands, at)
    if layer is None:
        return None
    kind, config = layer
    own = text_at(item, "name") or text_at(item.entries["config"].value, "name") or name
    config = added(config, name=scalar(reading.unique(own, container), at))
    member = added(class_of(kind, at, config), convspec=scalar(1, at))
    return added(member, name=scalar(own, at), inbound_nodes=sequence(at, [sequence(at, links)]))


def _layer(name: str, operands: list[_Operand], span: Span) -> tuple[str, Mapping] | None:
    """The layer of a function of one value, or of two operands."""
    if all(operand.link is None for operand in operands):
        return None
    if len(operands) == 1 and name in _OF_ONE:
        said = scalar(_OF_ONE[name], span)
        return "Activation", mapping(
            span, activation=said if name in _NAMED else mapping(span, expr=said)
        )
    if len(operands) != 2 or name not in _ARITHMETIC:
        return None
    form, mode = _ARITHMETIC[name]
    if all(operand.link is not None for operand in operands):
        if mode is None:
            return None
        return "Merge", mapping(span, mode=scalar(mode, span), broadcast=scalar(True, span))
    words = ["x" if o.number is None else f"({o.number!r})" for o in operands]
    expression = mapping(span, expr=scalar(form.format(*words), span))
    return "Activation", mapping(span, activation=expression)


def _called(item: Mapping) -> tuple[str, list[_Operand]] | None:
    """The function of a layer that is called once, and what it is called on."""
    kind = text_at(item, "class_name") or ""
    config = item.entries["config"].value if "config" in item.entries else None
    inbound = item.entries["inbound_nodes"].value if "inbound_nodes" in item.entries else None
    if not isinstance(config, Mapping) or not isinstance(inbound, Sequence):
        return None
    if len(inbound.items) != 1:
        return None
    if is_operation(item):
        plain = config.entries.keys() <= {"name", "trainable", "dtype"}
        operands = _of_keras(inbound.items[0]) if plain else None
        name = kind.lower()
    elif kind == "TFOpLambda":
        operands = _of_tensorflow(inbound.items[0])
        name = (text_at(config, "function") or "").rpartition(".")[2]
    else:
        return None
    return None if operands is None else (_OTHER_NAMES.get(name, name), operands)


def _of_keras(call: TreeNode) -> list[_Operand] | None:
    if not isinstance(call, Mapping) or "args" not in call.entries:
        return None
    keywords = call.entries.get("kwargs")
    if keywords is not None and isinstance(keywords.value, Mapping) and keywords.value.entries:
        return None
    arguments = call.entries["args"].value
    items = arguments.items if isinstance(arguments, Sequence) else ()
    return _all([_operand(history(item), item) for item in items])


def _of_tensorflow(call: TreeNode) -> list[_Operand] | None:
    """``[layer, call, output, {"y": ..}]``, or a number in the place of the output."""
    if isinstance(call, Sequence) and len(call.items) == 1:
        call = call.items[0]
    if not isinstance(call, Sequence) or len(call.items) != 4:
        return None
    first, _, third, keywords = call.items
    if not isinstance(first, Scalar) or not isinstance(keywords, Mapping):
        return None
    constant = first.value == _CONSTANT
    link = None if constant else sequence(call.span, call.items[:3])
    found = [_operand(link, third)]
    for key, entry in keywords.entries.items():
        value = entry.value
        if isinstance(value, Scalar) and (value.value is None or key == "name"):
            continue
        if key != "y":
            return None
        found.append(_operand(value if isinstance(value, Sequence) else None, value))
    return _all(found)


def _operand(link: TreeNode | None, node: TreeNode) -> _Operand | None:
    if link is not None:
        items = link.items[:3] if isinstance(link, Sequence) else ()
        return _Operand(link=sequence(link.span, items)) if len(items) == 3 else None
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _Operand(number=float(value))


def _all(found: list[_Operand | None]) -> list[_Operand] | None:
    whole = [operand for operand in found if operand is not None]
    return whole if whole and len(whole) == len(found) else None
