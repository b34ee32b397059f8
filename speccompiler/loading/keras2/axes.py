"""Where the channels are, and layers over steps that have them first."""

from __future__ import annotations

from speccompiler.loading.keras0.tree_building import added, mapping, plain_list, scalar
from speccompiler.loading.keras2.made import Made
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import value_of, without
from speccompiler.source.tree import Mapping

_ALONG_LAST = ("softmax", "softmax_last", "log_softmax")
_ORDERINGS = {"channels_first": "th", "channels_last": "tf"}


def ordered(config: Mapping) -> Mapping:
    """``data_format`` as ``dim_ordering``: a layer that says none has the channels last."""
    entry = config.entries.get("data_format")
    span = config.span if entry is None else entry.value.span
    ordering = _ORDERINGS.get(str(value_of(config, "data_format")), "tf")
    return added(without(config, "data_format"), dim_ordering=scalar(ordering, span))


def over_steps(kind: str, config: Mapping, *, gives_steps: bool = True) -> list[Made]:
    """A layer over steps; where the channels stand first, between two that swap these axes.

    ``gives_steps`` says that there are steps in what it gives.
    """
    first = value_of(config, "data_format") == "channels_first"
    made = Made(kind, without(config, "data_format"))
    if not first:
        return [made]
    span = config.entries["data_format"].value.span
    swap = mapping(span, dims=plain_list(span, (2, 1)))
    last: list[Made] = []
    if value_of(made.config, "activation") in _ALONG_LAST:
        # Keras takes these along the last axis, which is that of the steps.
        function = made.config.entries["activation"].value
        last = [Made("Activation", mapping(span, activation=function), "activation")]
        made = Made(kind, without(made.config, "activation"))
    before, after = Made("Permute", swap, "channels_last"), Made("Permute", swap, "channels_first")
    return [before, made, after, *last] if gives_steps else [before, made]


def refuse_first(reading: Reading, config: Mapping, what: str) -> None:
    """CS242 where the channels stand first, in what cannot have them there."""
    if value_of(config, "data_format") == "channels_first":
        span = config.entries["data_format"].value.span
        reading.refuse(
            span, "CS242", f"{what} with data_format 'channels_first' is none of Keras's"
        )
