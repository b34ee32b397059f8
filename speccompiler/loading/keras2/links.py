"""The links of functional models of Keras 2 and 3 as Keras 1.x's ``[layer, call, output]``.

Keras 2 has a list of ``[layer, call, output, arguments]`` for each call; TensorFlow leaves the
list out where there is one input. Keras 3 writes the arguments of the call, with a
``__keras_tensor__`` for each value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import field

from speccompiler.diagnostics.core import Span
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.loading.keras0.tree_building import scalar, sequence
from speccompiler.loading.keras2.reading import Reading
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

_HARMLESS = frozenset({"training", "mask", "name"})
"""Arguments of a call that change nothing where they are no tensor."""


@dataclass(slots=True)
class ReadCall:
    """What a call reads, and where other arguments of it stand."""

    links: list[TreeNode] = field(default_factory=list)
    extras: list[tuple[str, Span]] = field(default_factory=list)
    states: list[TreeNode] = field(default_factory=list)
    """The links of ``initial_state``, which only a recurrent layer reads."""
    extra_states: list[tuple[str, Span]] = field(default_factory=list)
    masks: list[tuple[str, Span]] = field(default_factory=list)
    """Masks that come with the values of the call anyway."""


def ends(node: TreeNode) -> TreeNode:
    """``input_layers`` or ``output_layers`` as a list of links: one stands alone in Keras 3."""
    return sequence(node.span, [_three(link) for link in _links(node)])


def calls(
    reading: Reading,
    name: str,
    node: TreeNode,
    *,
    known: bool,
    steps: bool = False,
    masks: Collection[str] = (),
) -> TreeNode:
    """``inbound_nodes`` in Keras 1.x's form; CS242 for calls of a ``known`` layer with more.

    ``masks`` are functions whose results come with the values anyway. A recurrent layer, which
    ``steps``, may also be called on the states that it begins with.
    """
    if not isinstance(node, Sequence):
        return node
    found = []
    for item in node.items:
        call = _call(item, masks)
        call.links += call.states if steps else ()
        call.extras += () if steps else call.extra_states
        if steps and call.states and reading.writer.line == "Keras 3":
            call.extras += call.masks  # a call on states has none unless it is said
        for what, span in call.extras[:known]:
            reading.refuse(
                span,
                "CS242",
                f"'{shown(name)}' is called with {what}, which is not read",
                "call it on the outputs of layers alone",
            )
        found.append(sequence(item.span, call.links))
    return sequence(node.span, found)


def _call(node: TreeNode, masks: Collection[str]) -> ReadCall:
    call = ReadCall()
    if isinstance(node, Mapping) and "args" in node.entries:
        _arguments(call, node.entries["args"].value)
        keywords = node.entries.get("kwargs")
        if keywords is not None and isinstance(keywords.value, Mapping):
            _keywords(call, keywords.value, masks)
        return call
    for link in _links(node):
        call.links.append(_three(link))
        if isinstance(link, Sequence) and len(link.items) > 3:
            keywords_of = link.items[3]
            if isinstance(keywords_of, Mapping):
                _keywords(call, keywords_of, masks)
    return call


def _arguments(call: ReadCall, node: TreeNode) -> None:
    """The tensors among the positional arguments of Keras 3; anything else is a constant."""
    link = history(node)
    if link is not None:
        call.links.append(_three(link))
    elif isinstance(node, Sequence):
        for item in node.items:
            _arguments(call, item)
    elif isinstance(node, Mapping):
        if text_at(node, "class_name") is not None:
            call.extras.append(("a constant", node.span))
        else:
            for entry in node.entries.values():
                _arguments(call, entry.value)
    elif isinstance(node, Scalar) and node.value is not None:
        call.extras.append((f"the constant {shown(str(node.value))}", node.span))


def _keywords(call: ReadCall, node: Mapping, masks: Collection[str]) -> None:
    for key, entry in node.entries.items():
        value = entry.value
        empty = isinstance(value, Scalar) and value.value is None
        if empty or (isinstance(value, Scalar) and key in _HARMLESS):
            continue
        extra = (f"the argument '{shown(key)}'", entry.key_span)
        if key == "mask" and _all_of(value, masks):
            call.masks.append(extra)
            continue
        if key == "inputs" and history(value) is not None:
            _arguments(call, value)
            continue
        states = _tensors(value) if key == "initial_state" else None
        if states is None:
            call.extras.append(extra)
        else:
            call.states += states
            call.extra_states.append(extra)


def _tensors(node: TreeNode) -> list[TreeNode] | None:
    """The links of one value or of a list of values; None where anything else is among them."""
    link = history(node) or node
    if not isinstance(link, Sequence) or not link.items:
        return None
    if _is_link(link):
        first = link.items[0]
        named = isinstance(first, Scalar) and isinstance(first.value, str)
        return [_three(link)] if named else None
    found: list[TreeNode] = []
    for item in link.items:
        inner = history(item) or item
        one = _tensors(inner) if isinstance(inner, Sequence) and _is_link(inner) else None
        if one is None:
            return None
        found += one
    return found


def _all_of(node: TreeNode, names: Collection[str]) -> bool:
    """Whether a mask, or each of a list of masks, is the result of one of some functions."""
    items = node.items if isinstance(node, Sequence) else (node,)
    links = [history(item) for item in items if not _is_none(item)]
    firsts = [link.items[0] for link in links if isinstance(link, Sequence) and link.items]
    return len(firsts) == len(links) and all(
        isinstance(first, Scalar) and first.value in names for first in firsts
    )


def _is_none(node: TreeNode) -> bool:
    return isinstance(node, Scalar) and node.value is None


def history(node: TreeNode) -> TreeNode | None:
    """The link that a ``__keras_tensor__`` is."""
    if text_at(node, "class_name") != "__keras_tensor__" or not isinstance(node, Mapping):
        return None
    config = node.entries.get("config")
    if config is None or not isinstance(config.value, Mapping):
        return None
    history = config.value.entries.get("keras_history")
    return None if history is None else history.value


def _links(node: TreeNode) -> Iterator[TreeNode]:
    """The links in a list, a list of lists, or a mapping; what is none of these is one itself."""
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from _links(entry.value)
    elif isinstance(node, Sequence) and not _is_link(node):
        for item in node.items:
            yield from _links(item)
    else:
        yield node


def _is_link(node: Sequence) -> bool:
    first = node.items[0] if node.items else None
    return isinstance(first, Scalar)


def _three(link: TreeNode) -> TreeNode:
    """The first three of a link: its fourth holds arguments."""
    return sequence(link.span, link.items[:3]) if isinstance(link, Sequence) else link


def counted_from_one(node: TreeNode, shifts: dict[str, int]) -> TreeNode:
    """Links to the calls of nested models, moved so that these are counted from 1."""
    if not isinstance(node, Sequence):
        return node
    if not _is_link(node):
        return sequence(node.span, [counted_from_one(item, shifts) for item in node.items])
    name = node.items[0]
    by = shifts.get(str(name.value)) if isinstance(name, Scalar) else None
    number = node.items[1] if len(node.items) == 3 else None
    if not by or not isinstance(number, Scalar) or not isinstance(number.value, int):
        return node
    return sequence(
        node.span, [node.items[0], scalar(number.value + by, number.span), node.items[2]]
    )


def numbers_read(node: TreeNode, name: str) -> Iterator[int]:
    """The numbers of the calls of a layer that links read."""
    if not isinstance(node, Sequence):
        return
    if not _is_link(node):
        for item in node.items:
            yield from numbers_read(item, name)
        return
    first, number = node.items[0], node.items[1] if len(node.items) > 1 else None
    value = number.value if isinstance(number, Scalar) else None
    if isinstance(first, Scalar) and first.value == name and isinstance(value, int):
        yield value
