"""The layers of a model inside TimeDistributed, each applied to every step by itself."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.loading.written_spec import UNKNOWN_MARK, WrittenLayer
from speccompiler.source.tree import Entry, Mapping, Scalar, find

MODELS = {"Sequential", "Model", "Container"}
INPUTS = ("batch_input_shape", "input_shape", "input_dtype")


def in_steps(entry: WrittenLayer, frozen: Entry | None) -> WrittenLayer:
    """One layer of the model, wrapped. An InputLayer passes all steps on and stays as it is.

    ``frozen`` is the entry ``trainable: false`` of the outer TimeDistributed, if it has one.
    """
    own = entry.arguments.entries
    if entry.type in {"InputLayer", "Layer"}:
        kept = {key: value for key, value in own.items() if key not in INPUTS}
        return replace(entry, arguments=Mapping(kept, entry.arguments.span))
    kind = Entry(entry.type_span, Scalar(entry.type, entry.type_span))
    described = {"class_name": kind, "config": Entry(entry.type_span, entry.arguments)}
    if entry.unknown:
        described["convspec"] = Entry(entry.type_span, Scalar(UNKNOWN_MARK, entry.type_span))
    if entry.own:
        described = {**own, "type": kind}
    layer = Mapping(described, entry.type_span)
    outer: dict[str, Entry] = {"layer": Entry(entry.type_span, layer)}
    outer |= {key: own[key] for key in ("name", "trainable") if key in own}
    if frozen is not None:
        outer["trainable"] = frozen
    arguments = Mapping(outer, entry.arguments.span)
    return WrittenLayer("TimeDistributed", entry.type_span, arguments)


def holds_model(node: Mapping) -> bool:
    """Whether this is a model, or a model inside of one TimeDistributed or more."""
    kind = node.entries["class_name"].value if "class_name" in node.entries else None
    if not isinstance(kind, Scalar) or kind.value != "TimeDistributed":
        return isinstance(kind, Scalar) and kind.value in MODELS
    inner = find(node, ("config", "layer"))
    return isinstance(inner, Mapping) and holds_model(inner)
