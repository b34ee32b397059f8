"""Functions among the layers of a functional model, in tf.keras and in Keras 3.

    y = x / 127.5              {"class_name": "TFOpLambda", "config": {"function": "math.truediv"}}
    y = keras.ops.relu(x)      {"class_name": "Relu", "module": "keras.src.ops.nn"}

What is arithmetic of a value and a number, or a function of one value, is an Activation with an
expression; arithmetic of two values is a Merge. ``shape_functions`` has those with arguments.
Anything else is no layer that convspec has.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Table
from typing import Any

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.loading.keras0.tree_building import (
    added,
    class_of,
    mapping,
    scalar,
    sequence,
    tree_of,
)
from speccompiler.loading.keras2.links import history
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.shape_functions import Lengths, layers_of_function
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode, to_data

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
_BARE_LAYERS = frozenset(
    {"Discretization", "Pipeline", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
)
"""The layers of Keras 3 that, like functions, do not say whether they are trainable."""


@dataclass(frozen=True, slots=True)
class _Operand:
    """A link to a value, or a number."""

    link: TreeNode | None = None
    number: float | None = None


def is_operation(node: Mapping) -> bool:
    """Whether a layer is a function of ``keras.ops``: names such as Dot mean others there."""
    module = text_at(node, "module")
    if module is None:  # as in HDF5
        bare = "trainable" not in _config(node)
        return _is_called(node) and bare and text_at(node, "class_name") not in _BARE_LAYERS
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
    if inbound is None:
        return None
    if found is None or _layer(*found, inbound.value.span) is None:
        return _with_arguments(reading, item, container)
    name, operands = found
    links = [operand.link for operand in operands if operand.link is not None]
    at = inbound.value.span
    layer = _layer(name, operands, at)
    assert layer is not None, "it was found to be one"
    kind, config = layer
    own = text_at(item, "name") or text_at(item.entries["config"].value, "name") or name
    config = added(config, name=scalar(reading.unique(own, container), at))
    member = added(class_of(kind, at, config), convspec=scalar(1, at))
    return added(member, name=scalar(own, at), inbound_nodes=sequence(at, [sequence(at, links)]))


def _with_arguments(reading: Reading, item: Mapping, container: str) -> Mapping | None:
    """The member that a function of one value, or of a list of values, with arguments is."""
    call = _call_of(item)
    if call is None:
        return None
    name, links, given, shape = call
    at = item.entries["inbound_nodes"].value.span
    axis = given.get("axis", -1)
    if len(links) > 1 and name in {"concatenate", "concat"} and type(axis) is int and axis:
        layers = [("Merge", {"mode": "concat", "concat_axis": axis})]
    elif len(links) == 1 and name not in {"concatenate", "concat"}:
        found = layers_of_function(name, given, shape)
        if found is None:
            return None
        layers = found
    else:
        return None
    own = text_at(item, "name") or text_at(item.entries["config"].value, "name") or name
    parts = []
    for number, (kind, arguments) in enumerate(layers, 1):
        last = number == len(layers)
        said = reading.unique(own if last else f"{own}_{number}", container if last else "")
        config = tree_of({**arguments, "name": said}, at)
        parts.append(added(class_of(kind, at, config), convspec=scalar(1, at)))
    one = parts[0] if len(parts) == 1 else class_of("Sequential", at, sequence(at, parts))
    inbound = sequence(at, [sequence(at, links)])
    return added(one, name=scalar(own, at), inbound_nodes=inbound)


_Call = tuple[str, list[TreeNode], dict[str, Any], Lengths]


def _call_of(item: Mapping) -> _Call | None:
    """A function that is called once: its name, what it reads, its arguments, the value's shape."""
    config = item.entries["config"].value if "config" in item.entries else None
    inbound = item.entries["inbound_nodes"].value if "inbound_nodes" in item.entries else None
    calls = inbound.items if isinstance(inbound, Sequence) else ()
    if not isinstance(config, Mapping) or len(calls) != 1:
        return None
    kind = text_at(item, "class_name") or ""
    if is_operation(item):
        return _keras_call(kind, config, calls[0])
    if kind in {"TFOpLambda", "SlicingOpLambda"}:
        function = (text_at(config, "function") or "").rpartition(".")[2]
        return _tensorflow_call("getitem" if kind[0] == "S" else function, calls[0])
    return None


def _keras_call(kind: str, config: Mapping, call: TreeNode) -> _Call | None:
    """Keras 3 has the arguments in the config, or behind the value."""
    data = to_data(call)
    entry = call.entries.get("args") if isinstance(call, Mapping) else None
    arguments = None if entry is None else entry.value
    items = arguments.items if isinstance(arguments, Sequence) else ()
    if not items or not isinstance(data, dict) or data.get("kwargs"):
        return None
    first = items[0]
    listed = first.items if isinstance(first, Sequence) else (first,)
    links = [link for item in listed if (link := history(item)) is not None]
    given = to_data(config)
    if len(links) != len(listed) or not isinstance(given, dict):
        return None
    more: list[Any] = [to_data(item) for item in items[1:]]
    if kind == "GetItem" and len(more) == 1 and isinstance(more[0], list):
        given = {**given, "slice_spec": [_cut_of(cut) for cut in more[0]]}
    elif kind == "Power" and len(more) == 1:
        given = {**given, "y": more[0]}
    elif more:
        return None
    tensor = to_data(listed[0])
    described = tensor.get("config") if isinstance(tensor, dict) else None
    shape = described.get("shape") if isinstance(described, dict) else None
    known = isinstance(shape, list) and all(n is None or type(n) is int for n in shape)
    return kind.lower(), links, given, shape if known else None


def _cut_of(said: Any) -> Any:
    """A part of a subscript: ``{"start", "stop", "step"}``, a place, or ``"..."``."""
    if not isinstance(said, dict):
        return said
    if said.get("class_name") == "__ellipsis__":
        return "..."
    return said.get("config") if said.get("class_name") == "__slice__" else None


def _tensorflow_call(name: str, call: TreeNode) -> _Call | None:
    """``[layer, call, output, {arguments}]``, or a list of these with the same arguments."""
    items = call.items if isinstance(call, Sequence) else ()
    reads = items if all(isinstance(item, Sequence) for item in items) else (call,)
    links: list[TreeNode] = []
    said: list[Any] = []
    for read in reads:
        parts = read.items if isinstance(read, Sequence) else ()
        first = parts[0].value if parts and isinstance(parts[0], Scalar) else None
        if len(parts) != 4 or not isinstance(first, str) or first == _CONSTANT:
            return None
        links.append(sequence(read.span, parts[:3]))
        said.append(to_data(parts[3]))
    same = all(given == said[0] for given in said)
    return (name, links, said[0], None) if said and same and isinstance(said[0], dict) else None


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
