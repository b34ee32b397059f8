"""The Graph of Keras 0.x, and of the legacy module of Keras 1.0, as a functional model.

``input_config``, ``node_config`` and ``output_config`` are the arguments of ``add_input``,
``add_node`` and ``add_output`` in the order of the calls; ``nodes`` has the layers by name. A node
with several ``inputs`` merges them first, and so does an output. A shared layer is a node of the
class Siamese; without a ``merge_mode`` its outputs are nodes of the class SiameseHead.
"""

from __future__ import annotations

from collections.abc import Callable

from speccompiler.diagnostics.core import Problem, Span, did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.layers import Reading
from speccompiler.loading.keras0.merging import merge_config
from speccompiler.loading.keras0.tree_building import (
    class_of,
    mapping,
    plain_list,
    scalar,
    sequence,
)
from speccompiler.loading.tree_reading import ProblemAt, child, items_of, text
from speccompiler.source.saved_models import MODEL_CLASSES, text_at
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

Part = Callable[..., list[TreeNode]]
MOST_AXES = 16
_SAID_BY = {"Convolution2D": ("stack_size", 0), "Embedding": ("input_length", -1)}
"""Which argument of a layer is a length of its input, and of which axis; else ``input_dim``."""
Links = list[TreeNode]
"""What a name stands for: ``[member, call, output]``; several for a shared layer's outputs."""


def network(reading: Reading, node: Mapping, part: Part) -> Mapping:
    """The whole Graph as ``{class_name: Model, config}``; raises ``ProblemAt``."""
    return _Graph(reading, node, part).whole()


class _Graph:
    """One Graph while it is read."""

    def __init__(self, reading: Reading, node: Mapping, part: Part) -> None:
        self._reading = reading
        self._node = node
        self._part = part
        self._members: list[TreeNode] = []
        self._links: dict[str, Links] = {}

    def whole(self) -> Mapping:
        node, inputs = self._node, self._items("input_config")
        records = self._items("node_config")
        given = {name: self._input(name, item, records) for name, item in inputs}
        layers = child(node, "nodes")
        if not isinstance(layers, Mapping):
            raise ProblemAt(
                layers.span, Problem("CS024", "'nodes' is a mapping from names to layers")
            )
        for name, record in records:
            self._node_of(name, record, child(layers, name))
        ends = {name: self._end(name, item) for name, item in self._items("output_config")}
        config = mapping(
            node.span,
            layers=sequence(node.span, self._members),
            input_layers=sequence(node.span, self._ordered("input_order", given)),
            output_layers=sequence(node.span, self._ordered("output_order", ends)),
        )
        return class_of("Model", node.span, config)

    def _items(self, key: str) -> list[tuple[str, Mapping]]:
        found = []
        for item in items_of(child(self._node, key), key):
            if not isinstance(item, Mapping):
                raise ProblemAt(item.span, Problem("CS024", f"an entry of '{key}' is a mapping"))
            found.append((text(child(item, "name"), "name"), item))
        return found

    def _ordered(self, key: str, ends: dict[str, TreeNode]) -> list[TreeNode]:
        """The inputs or outputs in the order that the file says, each once."""
        order = self._node.entries.get(key)
        names = (
            [n.value for n in order.value.items if isinstance(n, Scalar)]
            if (order is not None and isinstance(order.value, Sequence))
            else []
        )
        first = [name for name in dict.fromkeys(names) if isinstance(name, str) and name in ends]
        return [ends[name] for name in dict.fromkeys([*first, *ends])]

    def _member(self, name: str, layer: TreeNode, calls: list[Links], span: Span) -> Links:
        """One more layer, called on each of ``calls``; the links to what the calls give."""
        inbound = sequence(span, (sequence(span, call) for call in calls))
        entries = dict(layer.entries) if isinstance(layer, Mapping) else {}
        for key, value in (("name", scalar(name, span)), ("inbound_nodes", inbound)):
            entries[key] = Entry(span, value)
        self._members.append(Mapping(entries, layer.span))
        first = 1 if text_at(layer, "class_name") in MODEL_CLASSES else 0
        count = max(1, len(calls))
        return [plain_list(span, (name, first + call, 0)) for call in range(count)]

    def _input(self, name: str, item: Mapping, records: list[tuple[str, Mapping]]) -> TreeNode:
        span = item.entries["name"].value.span
        config = mapping(span, name=scalar(self._reading.unique(name), span))
        for key in ("input_shape", "batch_input_shape"):
            shape = item.entries.get(key)
            if shape is not None and isinstance(shape.value, Sequence):
                config.entries[key] = shape
        if (
            len(config.entries) == 1
            and (shape_said := self._shape(name, item, records)) is not None
        ):
            config.entries["input_shape"] = Entry(span, shape_said)
        if text_at(item, "dtype") == "int":
            config.entries["input_dtype"] = Entry(span, scalar("int32", span))
        (link,) = self._member(name, class_of("InputLayer", span, config), [], span)
        self._links[name] = [link]
        return link

    def _shape(
        self, name: str, item: Mapping, records: list[tuple[str, Mapping]]
    ) -> TreeNode | None:
        """In 0.1 an input had a number of axes alone; the layer that reads it says its channels.

        None where neither is said: a Graph inside of another model takes what it is given.
        """
        span = item.entries["name"].value.span
        axes = item.entries.get("ndim")
        count = axes.value.value if axes is not None and isinstance(axes.value, Scalar) else 2
        lengths: list[int | None] = [None] * (
            min(count, MOST_AXES) - 1 if isinstance(count, int) else 1
        )
        nodes = self._node.entries.get("nodes")
        for reader, record in records:
            if text_at(record, "input") != name or nodes is None:
                continue
            layer = nodes.value.entries.get(reader) if isinstance(nodes.value, Mapping) else None
            if layer is None or not isinstance(layer.value, Mapping):
                continue
            argument, at = _SAID_BY.get(text_at(layer.value, "name") or "", ("input_dim", -1))
            said = layer.value.entries.get(argument)
            value = (
                said.value.value if said is not None and isinstance(said.value, Scalar) else None
            )
            if isinstance(value, int) and 0 < len(lengths) <= MOST_AXES:
                lengths[at] = value
        if axes is None and not any(lengths):
            return None
        return plain_list(span, lengths[:MOST_AXES] or [None])

    def _node_of(self, name: str, record: Mapping, written: TreeNode) -> None:
        span = record.entries["name"].value.span
        reads = self._reads(record)
        kind = text_at(written, "name") if isinstance(written, Mapping) else None
        if kind == "SiameseHead":
            self._links[name] = [self._head(written, reads)]
            return
        if kind == "Siamese" and isinstance(written, Mapping):
            (layer, *rest) = self._part(self._reading, child(written, "layer"), name=name)
            self._links[name] = self._member(name, layer, [[link] for link in reads], span)
            mode = record.entries.get("merge_mode")
            if mode is not None and _is_text(mode.value):
                self._links[name] = [self._merged(name, record, self._links[name])]
            reads = [*self._links[name]]
            self._follow(name, rest, reads, span)
            return
        if len(reads) > 1:
            reads = [self._merged(name, record, reads)]
        layer, *rest = self._part(self._reading, written, name=name)
        self._links[name] = self._member(name, layer, [reads], span)
        self._follow(name, rest, self._links[name], span)

    def _follow(self, name: str, layers: list[TreeNode], reads: Links, span: Span) -> None:
        """The layers that a node is made of, beside the first."""
        for number, layer in enumerate(layers, 2):
            reads = self._member(f"{name}#{number}", layer, [reads], span)
            self._links[name] = reads

    def _head(self, written: TreeNode, reads: Links) -> TreeNode:
        head = written.entries.get("head") if isinstance(written, Mapping) else None
        number = head.value.value if head is not None and isinstance(head.value, Scalar) else None
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(reads):
            raise ProblemAt(written.span, Problem("CS024", "'head' is the number of an input"))
        return reads[number]

    def _reads(self, record: Mapping) -> Links:
        """What the names in ``input`` or ``inputs`` stand for; CS061."""
        names: list[TreeNode] = []
        for key in ("input", "inputs"):
            entry = record.entries.get(key)
            if entry is not None and isinstance(entry.value, Sequence):
                names = list(entry.value.items) or names
            elif entry is not None and _is_text(entry.value):
                names = [entry.value]
        if not names:
            raise ProblemAt(record.span, Problem("CS061", "this node of the Graph reads nothing"))
        found: Links = []
        for node in names:
            name = text(node, "inputs")
            if name not in self._links:
                raise ProblemAt(
                    node.span,
                    Problem(
                        "CS061",
                        f"no node before this one is named '{shown(name)}'",
                        did_you_mean(name, self._links),
                    ),
                )
            found += self._links[name]
        return found

    def _merged(self, name: str, record: Mapping, reads: Links) -> TreeNode:
        """The Merge that stands before a node, after a shared layer or at an output."""
        span = record.entries["name"].value.span
        mode = record.entries.get("merge_mode")
        config = mapping(span, name=scalar(self._reading.unique(f"{name}_merge"), span))
        config.entries["mode"] = mode or Entry(span, scalar("concat", span))
        for key in ("concat_axis", "dot_axes"):
            if key in record.entries:
                config.entries[key] = record.entries[key]
        merge = class_of("Merge", span, merge_config(self._reading, config))
        (link,) = self._member(f"{name}#merge", merge, [reads], span)
        if text_at(config, "mode") == "cos":
            flat = class_of("Flatten", span, mapping(span))
            (link,) = self._member(f"{name}#flat", flat, [[link]], span)
        return link

    def _end(self, name: str, record: Mapping) -> TreeNode:
        reads = self._reads(record)
        return reads[0] if len(reads) == 1 else self._merged(name, record, reads)


def _is_text(node: TreeNode) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str)
