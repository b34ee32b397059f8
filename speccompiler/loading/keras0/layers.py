"""The layers of Keras 0.x by Keras 1.x's names and arguments: one table for each question."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Table
from dataclasses import field
from itertools import count

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.loading.keras0.refusals import answerable
from speccompiler.loading.keras0.release import Age
from speccompiler.loading.keras0.tree_building import (
    added,
    changed,
    class_of,
    mapping,
    own_layer,
    plain_list,
    scalar,
)
from speccompiler.schemas.registry import (
    KERAS_CLASSES,
    LAYERS,
    NATIVE_LAYERS,
    aliases,
)
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

_TYPES = {"UpSample1D": "UpSampling1D", "UpSample2D": "UpSampling2D"}
_RENAMED = {
    "MaxPooling2D": {"poolsize": "pool_size", "stride": "strides"},
    "AveragePooling2D": {"poolsize": "pool_size", "stride": "strides"},
    "ZeroPadding2D": {"pad": "padding"},
    "Reshape": {"dims": "target_shape"},
}
_DROPPED = {
    "Activation": {"target", "beta"},
    "Convolution2D": {"stack_size"},
    "MaxPooling1D": {"ignore_border"},
    "MaxPooling2D": {"ignore_border"},
    **{name: {"truncate_gradient"} for name in ("SimpleRNN", "LSTM", "GRU")},
}
"""Arguments of single layer types; those of all layers are in ``_EVERYWHERE``."""
_EVERYWHERE = {"name", "custom_name", "cache_enabled"}
_OWN_SHAPE = {"BatchNormalization", "PReLU", "ParametricSoftplus"}
"""Layers that took the shape of their input as an argument in 0.1, wherever they stood."""
_KEPT = {"LRN2D", "TimeDistributedMerge"}
"""Layers of Keras 0.x that Keras 1.x has not, and convspec has."""
_ORDERED = {
    "Convolution2D", "MaxPooling2D", "AveragePooling2D", "UpSampling2D", "ZeroPadding2D",
    "Convolution3D", "MaxPooling3D", "AveragePooling3D", "UpSampling3D", "ZeroPadding3D",
}  # fmt: skip


@dataclass(slots=True)
class Reading:
    """What the whole model decides for its layers, and what was found in them."""

    age: Age | None
    orders_itself: bool
    """True where no layer of the file says a ``dim_ordering``: all of them have Theano's."""
    findings: list[tuple[Span, Problem]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    scaled: int = 0
    """How many Dropouts became a factor."""
    asked: bool = False

    def refuse(self, span: Span, problem: Problem) -> None:
        """Note what cannot be read; the rest of the model is read on."""
        self.findings.append((span, problem))

    def unique(self, name: str) -> str:
        """A name that no layer has yet; Keras 0.x did not mind two of one name."""
        number, found = 1, name
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found


def layer(reading: Reading, node: Mapping, *, first: bool, name: str | None = None) -> Mapping:
    """One layer as ``{class_name, config}``; ``name`` is that of a Graph's node."""
    written = node.entries["name"].value
    old_type = text_at(node, "name") or ""
    kind = _TYPES.get(old_type, old_type)
    dropped = _EVERYWHERE | _DROPPED.get(kind, set())
    if kind in _OWN_SHAPE and not first:
        dropped = dropped | {"input_shape"}
    config = changed(node, _RENAMED.get(kind, {}), dropped)
    own = name or _own_name(node, old_type) or _name_to_answer(reading, kind)
    if own is not None:
        config = added(config, name=scalar(reading.unique(own), written.span))
    if kind in _ORDERED and reading.orders_itself and "dim_ordering" not in config.entries:
        config = added(config, dim_ordering=scalar("th", written.span))
    special = _SPECIAL.get(kind)
    if special is not None:
        kind, config = special(reading, node, config, first)
    own_one = old_type in _KEPT and kind in NATIVE_LAYERS
    return (own_layer if own_one else class_of)(kind, written.span, config)


def _name_to_answer(reading: Reading, kind: str) -> str | None:
    """``lambda_1``, as Keras would call it, for what its owner may say by a name."""
    known = kind in {*LAYERS, *aliases(), *KERAS_CLASSES} - NATIVE_LAYERS | _KEPT
    if known or not answerable(kind):
        return None
    return next(
        found for number in count(1) if (found := f"{kind.lower()}_{number}") not in reading.taken
    )


def _own_name(node: Mapping, old_type: str) -> str | None:
    """The name that somebody gave; Keras's own is that of the class, and says nothing."""
    given = text_at(node, "custom_name")
    return None if given is None or given == old_type.lower() or not given.strip() else given


def _convolution2d(
    reading: Reading, node: Mapping, config: Mapping, first: bool
) -> tuple[str, Mapping]:
    """In 0.1 the channels of the input were an argument, and the image's size was not said."""
    channels = node.entries.get("stack_size")
    if first and channels is not None and not _says_shape(config):
        count = channels.value.value if isinstance(channels.value, Scalar) else None
        shape = plain_list(channels.value.span, (count, None, None))
        config = added(config, input_shape=shape)
    return "Convolution2D", config


def _says_shape(config: Mapping) -> bool:
    return not {"input_shape", "batch_input_shape"}.isdisjoint(config.entries)


def _pooling(kind: str) -> _Special:
    def special(
        reading: Reading, node: Mapping, config: Mapping, first: bool
    ) -> tuple[str, Mapping]:
        """``ignore_border=False`` kept the windows that reach over the end."""
        keeps = node.entries.get("ignore_border")
        if keeps is not None and isinstance(keeps.value, Scalar) and keeps.value.value is False:
            config = added(config, border_mode=scalar("partial", keeps.value.span))
        return kind, config

    return special


def _dropout(reading: Reading, node: Mapping, config: Mapping, first: bool) -> tuple[str, Mapping]:
    """Until 0.2 a Dropout multiplied by a factor at test time."""
    share = node.entries.get("p")
    p = share.value.value if share is not None and isinstance(share.value, Scalar) else None
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 < p <= 1:
        return "Dropout", config
    assert share is not None, "it holds the share"
    span = share.value.span
    if reading.age is None and not reading.asked:
        reading.asked = True
        reading.refuse(
            span,
            Problem(
                "CS072",
                "Keras before 0.3 multiplied by 1 - p where a Dropout stands, Keras 0.3 does "
                "not, and nothing in this file tells which of them wrote it",
                'add the release beside "name", as in "keras_version": "0.3.0", or "0.2.0"',
            ),
        )
    if reading.age != "before 0.3":
        return "Dropout", config
    reading.scaled += 1
    expression = mapping(span, expr=scalar(f"x * {1.0 - p!r}", span))
    return "Activation", added(changed(config, {}, {"p"}), activation=expression)


def _batch_normalization(
    reading: Reading, node: Mapping, config: Mapping, first: bool
) -> tuple[str, Mapping]:
    """Without ``axis`` every value of a sample has statistics of its own; 0.3.2 brought the axis.

    The epsilon is what every release but the first of 1.0 had by default.
    """
    span = node.entries["name"].value.span
    if "axis" not in config.entries:
        config = added(config, axis=scalar(None, span))
    if "epsilon" not in config.entries:
        config = added(config, epsilon=scalar(1e-6, span))
    return "BatchNormalization", config


def _embedding(
    reading: Reading, node: Mapping, config: Mapping, first: bool
) -> tuple[str, Mapping]:
    """In 0.2 ``input_shape`` was the size of the table, which is no length of an input."""
    shape, rows = config.entries.get("input_shape"), config.entries.get("input_dim")
    items = shape.value.items if shape and isinstance(shape.value, Sequence) else ()
    wrong = len(items) == 1 and rows is not None and _value(items[0]) == _value(rows.value)
    length = config.entries.get("input_length")
    if wrong and (length is None or _value(length.value) != _value(items[0])):  # pyright: ignore
        config = changed(config, {}, {"input_shape"})
    return "Embedding", config


def _value(node: TreeNode) -> object:
    return node.value if isinstance(node, Scalar) else None


def _time_distributed_merge(
    reading: Reading, node: Mapping, config: Mapping, first: bool
) -> tuple[str, Mapping]:
    """Sum, mean or product over the steps; another mode was refused when the model ran."""
    mode = node.entries.get("mode")
    made = _OVER_STEPS.get(str(_value(mode.value))) if mode is not None else "sum"
    if made is None:
        assert mode is not None, "a mode that is none"
        found = f"'{shown(str(_value(mode.value)))}'"
        problem = Problem(
            "CS023",
            f"TimeDistributedMerge has no mode {found}",
            "'sum', 'ave' and 'mul' are those that Keras 0.x had",
        )
        reading.refuse(mode.value.span, problem)
    span = node.span if mode is None else mode.value.span
    config = changed(config, {}, {"mode"})
    return "Reduce", added(config, axis=scalar(1, span), mode=scalar(made or "sum", span))


def _lrn2d(reading: Reading, node: Mapping, config: Mapping, first: bool) -> tuple[str, Mapping]:
    """Along axis 1, whatever the other layers' ordering is."""
    return "LRN2D", added(config, dim_ordering=scalar("th", node.entries["name"].value.span))


def _thresholded_linear(
    reading: Reading, node: Mapping, config: Mapping, first: bool
) -> tuple[str, Mapping]:
    """0 between -theta and theta."""
    span = node.entries["name"].value.span
    theta = node.entries.get("theta")
    value = _value(theta.value) if theta is not None else 1.0
    if not isinstance(value, int | float):
        return "ThresholdedLinear", config
    expression = mapping(span, expr=scalar(f"where(abs(x) < {float(value)!r}, 0, x)", span))
    return "Activation", added(changed(config, {}, {"theta"}), activation=expression)


_OVER_STEPS = {"sum": "sum", "ave": "mean", "mul": "prod"}
_Special = Callable[[Reading, Mapping, Mapping, bool], tuple[str, Mapping]]
_SPECIAL: Table[str, _Special] = {
    "Convolution2D": _convolution2d,
    "MaxPooling1D": _pooling("MaxPooling1D"),
    "MaxPooling2D": _pooling("MaxPooling2D"),
    "Dropout": _dropout,
    "BatchNormalization": _batch_normalization,
    "Embedding": _embedding,
    "LRN2D": _lrn2d,
    "TimeDistributedMerge": _time_distributed_merge,
    "ThresholdedLinear": _thresholded_linear,
}
"""Layer types that need more than a renaming: each function gives the type and arguments of
Keras 1.x, from those in the file and those that the tables above gave."""
