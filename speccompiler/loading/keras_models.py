"""Keras's models as layers and their calls: nested ones unfolded, once for each call.

A Sequential is a chain; its first layer may be a Merge that holds its branches. A functional
model says for each call of a layer what it reads, ``[layer, call, tensor]``, counting the calls
of a layer from 0 and those of a nested model from 1 (Keras 1.2.2 engine/topology.py:2475-2541).
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass, field

from speccompiler.diagnostics import Problem, Span, did_you_mean
from speccompiler.source.findings import shown
from speccompiler.source.tree import Mapping, Node, Scalar, Sequence

from .ordering import circle, computable
from .schema_errors import describe
from .tree_reading import Stop, child, listed, text

MODELS = {"Sequential", "Model", "Container"}
MOST_CALLS = 100_000


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer as written: its type, and the mapping that holds its arguments.

    ``reads`` are the names in a native layer's ``inputs``; None where it has none. ``answer`` is
    what the owner said instead of a layer that is code, by the name of the text it stands in.
    """

    type: str
    type_span: Span
    arguments: Mapping
    reads: tuple[tuple[str, Span], ...] | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class CallEntry:
    """A layer at one place, by its number, and the numbers of the calls that it reads."""

    layer: int
    reads: tuple[int, ...]


@dataclass(slots=True)
class KerasModel:
    """What was read; ``findings`` are of single layers."""

    layers: list[LayerEntry] = field(default_factory=list)
    calls: list[CallEntry] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    findings: list[tuple[Span, Problem]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Layer:
    number: int


@dataclass(frozen=True, slots=True)
class _Chain:
    items: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Branches:
    """A Merge that holds what it merges."""

    branches: tuple[_Part, ...]
    merge: _Layer


@dataclass(frozen=True, slots=True)
class _Link:
    member: str
    call: int
    tensor: int
    span: Span


@dataclass(frozen=True, slots=True)
class _Member:
    """A layer of a functional model, and what each of its calls reads."""

    part: _Part
    first: int
    calls: tuple[tuple[_Link, ...], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class _Network:
    """``order`` are the calls, each after what it reads."""

    members: dict[str, _Member]
    order: tuple[tuple[str, int], ...]
    inputs: tuple[_Link, ...]
    outputs: tuple[_Link, ...]


_Part = _Layer | _Chain | _Branches | _Network


def read_model(found: KerasModel, root: Mapping) -> None:
    """The layers and calls of a whole model; raises ``Stop`` for what ends the reading."""
    part = _model(found, root)
    if not found.findings:
        found.outputs = list(_Calls(found, root.span).of(part, None))


def _model(found: KerasModel, node: Mapping) -> _Part:
    class_node = child(node, "class_name")
    class_name = text(class_node, "class_name")
    config = child(node, "config")
    if class_name == "Sequential":
        return _sequential(found, config)
    if class_name in MODELS:
        if not isinstance(config, Mapping):
            raise Stop(config.span, Problem("CS024", "the config of a Model is a mapping"))
        return _network(found, config)
    raise Stop(
        class_node.span,
        Problem("CS028", f"a model is Sequential or Model, not {describe(class_name)}"),
    )


def _sequential(found: KerasModel, config: Node) -> _Part:
    if isinstance(config, Mapping):
        raise Stop(
            config.span,
            Problem(
                "CS040",
                "the config of a Sequential is a mapping: Keras 2.2.3 or later wrote this",
                "convspec reads what Keras 1.0 to 1.2.2 wrote",
            ),
        )
    items = config.items if isinstance(config, Sequence) else ()
    if not items:
        raise Stop(config.span, Problem("CS035", "the model has no layers"))
    return _Chain(tuple(_part(found, item, first=index == 0) for index, item in enumerate(items)))


def _part(found: KerasModel, item: Node, *, first: bool = False) -> _Part:
    """A layer or a nested model; what cannot be read is reported, and nothing is called then."""
    if not isinstance(item, Mapping):
        problem = Problem("CS026", "a layer is a mapping with class_name and config")
        found.findings.append((item.span, problem))
        return _Layer(-1)
    class_node = child(item, "class_name")
    class_name = text(class_node, "class_name")
    if class_name in MODELS:
        return _model(found, item)
    config = child(item, "config")
    if not isinstance(config, Mapping):
        problem = Problem("CS024", "the config of a layer is a mapping")
        found.findings.append((config.span, problem))
        return _Layer(-1)
    branches = None
    if class_name == "Merge" and first and "layers" in config.entries:
        branches = listed(config.entries["layers"].value, "layers")
        config = Mapping({k: v for k, v in config.entries.items() if k != "layers"}, config.span)
    parts = tuple(_part(found, branch, first=True) for branch in branches or ())
    found.layers.append(LayerEntry(class_name, class_node.span, config))
    layer = _Layer(len(found.layers) - 1)
    if branches is None:
        return layer
    return _Branches(parts, layer)


def _network(found: KerasModel, config: Mapping) -> _Part:
    members: dict[str, _Member] = {}
    for item in listed(child(config, "layers"), "layers"):
        if not isinstance(item, Mapping):
            raise Stop(item.span, Problem("CS024", "a layer is a mapping"))
        name_node = child(item, "name")
        name = text(name_node, "name")
        if name in members:
            raise Stop(
                name_node.span,
                Problem(
                    "CS029",
                    f"two layers are named '{shown(name)}'; the first is on line "
                    f"{members[name].span.line}",
                    "weights and reports find a layer by its name: give each its own",
                ),
            )
        inbound = child(item, "inbound_nodes")
        calls = tuple(
            tuple(_link(link) for link in listed(call, "inbound_nodes"))
            for call in listed(inbound, "inbound_nodes")
        )
        part = _part(found, item)
        _check_nested(part, name_node.span, calls)
        first = 0 if isinstance(part, _Layer) else 1
        members[name] = _Member(part, first, calls or ((),), name_node.span)
    if not members:
        raise Stop(config.span, Problem("CS035", "the model has no layers"))
    ends = [
        tuple(_link(link) for link in listed(child(config, key), key))
        for key in ("input_layers", "output_layers")
    ]
    for key, links in zip(("input_layers", "output_layers"), ends, strict=True):
        if not links:
            raise Stop(
                child(config, key).span, Problem("CS061", f"the model has no {key.split('_')[0]}")
            )
    for link in (*ends[0], *ends[1]):
        _check_link(members, link)
    _check_inputs(members, ends[0])
    given = {link.member for link in ends[0]}
    for name, member in members.items():
        for call in member.calls:
            if not call and name not in given:
                raise Stop(
                    member.span,
                    Problem(
                        "CS061",
                        f"layer '{shown(name)}' reads nothing, and is none of the model's inputs",
                        "name it in input_layers, or give it inbound_nodes",
                    ),
                )
            for link in call:
                _check_link(members, link)
    return _Network(members, _in_order(members), *ends)


def _check_nested(part: _Part, span: Span, calls: Several[tuple[_Link, ...]]) -> None:
    """CS062 for a nested model that is called on another number of values."""
    wanted = _input_count(part)
    for call in calls:
        if not isinstance(part, _Layer) and len(call) != wanted:
            count = "1 input" if wanted == 1 else f"{wanted} inputs"
            raise Stop(
                span,
                Problem("CS062", f"this nested model has {count}, and is called on {len(call)}"),
            )


def _check_inputs(members: dict[str, _Member], inputs: Several[_Link]) -> None:
    """CS061 for an input that reads other layers, or is named twice."""
    seen: set[str] = set()
    for link in inputs:
        name, member = shown(link.member), members[link.member]
        if link.member in seen:
            raise Stop(link.span, Problem("CS061", f"'{name}' is listed as an input twice"))
        if member.calls[link.call - member.first]:
            raise Stop(
                link.span,
                Problem("CS061", f"the model's input '{name}' is a layer that reads others"),
            )
        seen.add(link.member)


def _link(node: Node) -> _Link:
    """``[layer, call, tensor]``."""
    items = node.items if isinstance(node, Sequence) else ()
    values = [item.value if isinstance(item, Scalar) else None for item in items]
    name, *numbers = values or [None]
    whole = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
    if not isinstance(name, str) or len(whole) != 2 or len(numbers) != 2:
        raise Stop(
            node.span,
            Problem("CS024", "a link to a layer is [name, number of its call, of its output]"),
        )
    return _Link(name, whole[0], whole[1], node.span)


def _check_link(members: dict[str, _Member], link: _Link) -> None:
    """CS061 unless there is such a layer, with such a call and such an output."""
    member = members.get(link.member)
    if member is None:
        raise Stop(
            link.span,
            Problem(
                "CS061",
                f"no layer of the model is named '{shown(link.member)}'",
                did_you_mean(link.member, members),
            ),
        )
    calls = len(member.calls)
    if not member.first <= link.call < member.first + calls:
        count = "once" if calls == 1 else f"{calls} times"
        raise Stop(
            link.span,
            Problem(
                "CS061",
                f"layer '{shown(link.member)}' is called {count}: there is no call {link.call}",
                f"its calls are numbered from {member.first}",
            ),
        )
    outputs = _output_count(member.part)
    if link.tensor >= outputs:
        raise Stop(
            link.span,
            Problem(
                "CS061",
                f"layer '{shown(link.member)}' has {outputs} "
                f"output{'s' if outputs > 1 else ''}: there is no output {link.tensor}",
                "outputs are numbered from 0",
            ),
        )


def _output_count(part: _Part) -> int:
    if isinstance(part, _Chain):
        return _output_count(part.items[-1]) if part.items else 1
    return len(part.outputs) if isinstance(part, _Network) else 1


def _input_count(part: _Part) -> int:
    if isinstance(part, _Chain):
        return _input_count(part.items[0]) if part.items else 1
    if isinstance(part, _Branches):
        return sum(map(_input_count, part.branches))
    return len(part.inputs) if isinstance(part, _Network) else 1


def _in_order(members: dict[str, _Member]) -> tuple[tuple[str, int], ...]:
    """Every call after those that it reads, else as listed; CS060."""
    units = [(name, k) for name, member in members.items() for k in range(len(member.calls))]
    number = {unit: index for index, unit in enumerate(units)}
    reads = [
        [number[r.member, r.call - members[r.member].first] for r in members[name].calls[k]]
        for name, k in units
    ]
    order = computable(reads)
    if len(order) < len(units):
        left = sorted({*range(len(units))} - set(order))
        problem = circle(reads, left, [name for name, _ in units])
        raise Stop(members[str(problem.layer)].span, problem)
    return tuple(units[index] for index in order)


class _Calls:
    """Appends the calls of a part to a model, as often as it is called."""

    def __init__(self, found: KerasModel, span: Span) -> None:
        self._found = found
        self._span = span

    def of(self, part: _Part, given: Several[int] | None) -> Several[int]:
        """The calls that give the part's outputs; without ``given`` it reads the model's input."""
        if isinstance(part, _Layer):
            return [self._call(part, tuple(given or ()))]
        if isinstance(part, _Chain):
            for item in part.items:
                given = self.of(item, given)
            return given or ()
        if given is not None and len(given) != _input_count(part):
            raise Stop(
                self._span,
                Problem(
                    "CS062",
                    f"a nested model with {_input_count(part)} inputs is called on {len(given)}",
                ),
            )
        if isinstance(part, _Branches):
            return self._merge(part, given)
        return self._network(part, given)

    def _call(self, layer: _Layer, reads: tuple[int, ...]) -> int:
        if len(self._found.calls) == MOST_CALLS:
            raise Stop(
                self._span,
                Problem("CS067", f"the model has more than {MOST_CALLS:,} calls of layers"),
            )
        self._found.calls.append(CallEntry(layer.number, reads))
        return len(self._found.calls) - 1

    def _merge(self, part: _Branches, given: Several[int] | None) -> list[int]:
        values: list[int] = []
        start = 0
        for branch in part.branches:
            count = _input_count(branch)
            mine = None if given is None else given[start : start + count]
            values += self.of(branch, mine)
            start += count
        return [self._call(part.merge, tuple(values))]

    def _network(self, part: _Network, given: Several[int] | None) -> list[int]:
        values: dict[tuple[str, int], Several[int]] = {}
        for index, link in enumerate(part.inputs):
            source = None if given is None else given[index : index + 1]
            values[link.member, link.call] = self.of(part.members[link.member].part, source)
        for name, k in part.order:
            member = part.members[name]
            place = name, member.first + k
            if place not in values:
                read = [values[r.member, r.call][r.tensor] for r in member.calls[k]]
                values[place] = self.of(member.part, read)
        return [values[link.member, link.call][link.tensor] for link in part.outputs]
