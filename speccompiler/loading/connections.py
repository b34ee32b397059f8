"""What each call of a layer reads: names to calls in order, or why there is no such order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, Span, did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.loading.call_order import circle, computable
from speccompiler.loading.layer_names import next_call_name
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.loading.written_spec import WrittenLayer, WrittenSpec
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import OWN_PLACE, Call, CallPlace
from speccompiler.schemas.registry import LAYERS, aliases
from speccompiler.source.findings import MAX_FINDINGS
from speccompiler.source.tree import Sequence as Sequence_

if TYPE_CHECKING:
    from speccompiler.loading.layer_names import Item


@dataclass(frozen=True, slots=True)
class Connections:
    """The calls, each after those that it reads; which of them are inputs, and which outputs.

    ``places`` maps a call's name to the layer as it was written.
    """

    calls: tuple[Call, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    places: dict[str, WrittenLayer]


@dataclass(frozen=True, slots=True)
class _Open:
    """A call that is still numbers: ``layer`` is that of an item, ``reads`` are those of calls."""

    name: str
    layer: int
    reads: tuple[int, ...]
    place: CallPlace = OWN_PLACE


def connect(
    written: WrittenSpec, items: Sequence[Item], names: Sequence[str], outputs: Sequence[str] | None
) -> tuple[Connections | None, list[Diagnostic]]:
    """The model's calls, or None, and what was found: CS060 to CS062, CS065.

    ``items`` and ``names`` belong to ``written.layers``; ``outputs`` is what a header says.
    """
    found: list[Diagnostic] = []
    if written.calls is not None:
        calls = _called(written, names)
        given = list(dict.fromkeys(written.outputs))
    else:
        calls = _native(written, items, names, found)
        given = [] if found else _outputs(written, items, calls, outputs, found)
    if found:
        return None, found
    found += [d for call in calls if (d := _wrong_number(calls, call, items[call.layer]))]
    reads = [call.reads for call in calls]
    order = computable(reads)
    if len(order) < len(calls):
        left = sorted({*range(len(calls))} - set(order))
        found.append(circle(reads, left, [call.name for call in calls]).at())
    if found:
        return None, found
    connections = Connections(
        tuple(_call(calls, calls[index], names) for index in order),
        tuple(call.name for call in calls if not call.reads),
        tuple(calls[index].name for index in given),
        {c.name: written.layers[_written(written, i, c)] for i, c in enumerate(calls)},
    )
    return connections, _unused(calls, given)


def _call(calls: Sequence[_Open], call: _Open, names: Sequence[str]) -> Call:
    reads = tuple(calls[read].name for read in call.reads)
    return Call(call.name, names[call.layer], reads, call.place)


def _written(written: WrittenSpec, index: int, call: _Open) -> int:
    """The number of the written layer that a call comes from; natively each call has its own."""
    return index if written.calls is None else call.layer


def _called(written: WrittenSpec, names: Sequence[str]) -> list[_Open]:
    """Keras's calls: the first of a layer has its name, the next are ``name@2`` and so on."""
    taken = set(names)
    seen: Counter[str] = Counter()
    calls = []
    for entry in written.calls or ():
        name = layer = names[entry.layer]
        if layer in seen:
            name = next_call_name(layer, seen, taken)
        else:
            seen[layer] = 1
        calls.append(_Open(name, entry.layer, entry.reads, entry.place))
    return calls


def unknown_reads(written: WrittenSpec, names: Sequence[str]) -> list[Diagnostic]:
    """CS061 and CS062 for a native model in which some layers are wrong in themselves.

    Only where all names are known: the automatic name of a layer hangs on its type, which may be
    what is wrong.
    """
    known = {"Shared", *LAYERS, *aliases()}
    named = (e.type in known or "name" in e.arguments.entries for e in written.layers)
    if not written.native or not all(named):
        return []
    numbers = {name: number for number, name in enumerate(names)}
    found: list[Diagnostic] = []
    for number, name in enumerate(names[:MAX_FINDINGS]):
        try:
            _reads(written, number, numbers)
        except ProblemAt as stop:
            found.append(stop.problem.at(layer=name, span=stop.span))
    return found


def _native(
    written: WrittenSpec, items: Sequence[Item], names: Sequence[str], found: list[Diagnostic]
) -> list[_Open]:
    """A call for each layer: it reads what its ``inputs`` name, or the layer before it."""
    numbers = {name: number for number, name in enumerate(names)}
    calls: list[_Open] = []
    for number, name in enumerate(names):
        if len(found) == MAX_FINDINGS:  # each looks at every name for one that may be meant
            message = f"reading stopped after {MAX_FINDINGS} findings; more may follow"
            found.append(Diagnostic("CS014", message, Severity.NOTE))
            break
        try:
            reads = _reads(written, number, numbers)
            calls.append(_Open(name, _layer(written, items, number, numbers), reads))
        except ProblemAt as stop:
            found.append(stop.problem.at(layer=name, span=stop.span))
    return calls


def _reads(written: WrittenSpec, number: int, numbers: dict[str, int]) -> tuple[int, ...]:
    entry = written.layers[number]
    if entry.reads is not None:
        return tuple(_number(name, span, numbers) for name, span in entry.reads)
    if number == 0 or entry.type == "InputLayer":
        return ()
    if number == written.header_inputs > 1:
        raise ProblemAt(
            entry.type_span,
            Problem(
                "CS062",
                f"the model has {number} inputs, and its first layer does not say what it reads",
                f"give it inputs: and one of {', '.join(list(numbers)[:number])}",
            ),
        )
    return (number - 1,)


def _number(name: str, span: Span | None, numbers: dict[str, int], apart: int | None = None) -> int:
    """The number of the layer of a name; CS061 where there is none, or it is number ``apart``."""
    if numbers.get(name, apart) == apart:
        from speccompiler.loading.schema_errors.meant_values import spelt_value

        others = [other for other, number in numbers.items() if number != apart]
        raise ProblemAt(
            span,
            Problem(
                "CS061",
                f"no layer of the model is named '{shown(name)}'",
                did_you_mean(name, others) or "name a layer, or one of the header's inputs",
                remedy=spelt_value(name, others),
            ),
        )
    return numbers[name]


def _layer(
    written: WrittenSpec, items: Sequence[Item], number: int, numbers: dict[str, int]
) -> int:
    """The number of the layer that an item calls: its own, or the one it shares."""
    item = items[number]
    if isinstance(item, Layer):
        return number
    span = written.layers[number].arguments.entries["layer"].value.span
    target = _number(item.layer, span, numbers, apart=number)
    called = items[target]
    if not isinstance(called, Layer):
        raise ProblemAt(
            span,
            Problem(
                "CS061",
                f"'{shown(item.layer)}' is a call of a layer, and not the layer itself",
                f"name the layer: {called.layer}",
            ),
        )
    return target


def _outputs(
    written: WrittenSpec,
    items: Sequence[Item],
    calls: Sequence[_Open],
    named: Sequence[str] | None,
    found: list[Diagnostic],
) -> list[int]:
    """The outputs that the header names; else all calls that no other reads, but for inputs."""
    numbers = {call.name: number for number, call in enumerate(calls)}
    if named is not None:
        try:
            places = _output_places(written, len(named))
            return [*dict.fromkeys(map(_number, named, places, repeat(numbers)))]
        except ProblemAt as stop:
            found.append(stop.problem.at(span=stop.span))
            return []
    read = {number for call in calls for number in call.reads}
    ends = [number for number in range(len(calls)) if number not in read]
    inputs = {n for n in ends if getattr(items[n], "class_name", None) == "InputLayer"}
    return [n for n in ends if n not in inputs] or ends


OF_TWO = frozenset({"dot", "cos", "sub"})
"""The modes of a Merge that take two inputs and no more."""


def takes(layer: Layer, count: int) -> bool:
    """Whether a layer takes so many inputs; one that reads the model's input has none here."""
    inner = layer.inner
    if not inner.merges:
        return count <= 1 or count == 1 + layer.first_states
    pair = getattr(inner, "mode", None) in OF_TWO
    return count == 2 or (count > 2 and not pair)


def _output_places(written: WrittenSpec, count: int) -> list[Span | None]:
    """Where the header names each output."""
    if written.header is None:
        return [None] * count
    node = written.header.entries["outputs"].value
    items = node.items if isinstance(node, Sequence_) else (node,)
    return [item.span for item in items]


def _wrong_number(calls: Sequence[_Open], call: _Open, item: Item) -> Diagnostic | None:
    """CS062 for a layer that reads more or fewer values than it takes."""
    count = len(call.reads)
    assert isinstance(item, Layer), "calls are of layers"
    if takes(item, count):
        return None
    layer_type, inner = item.class_name, item.inner
    wanted = "one input"
    if inner.merges:
        mode = getattr(inner, "mode", None)
        pair = mode in OF_TWO
        wanted = "2 inputs" if pair else "2 inputs or more"
        layer_type = f"{layer_type} in mode '{mode}'" if pair else layer_type
    elif item.first_states:
        wanted = f"one input, or that and the {item.first_states} states that it begins with"
        if item.first_states == 1:
            wanted = "one input, or that and the state that it begins with"
    names = ", ".join(f"'{shown(calls[read].name)}'" for read in call.reads) or "none"
    return Problem(
        "CS062",
        f"{layer_type} takes {wanted}; here it has {count}: {names}",
        "name them with inputs: [a, b]" if inner.merges else "a Merge makes one of several",
    ).at(layer=call.name)


def _unused(calls: Sequence[_Open], outputs: Sequence[int]) -> list[Diagnostic]:
    """CS065 for calls that no output depends on."""
    needed: set[int] = set()
    waiting = list(outputs)
    while waiting:
        number = waiting.pop()
        if number not in needed:
            needed.add(number)
            waiting += calls[number].reads
    return [
        Diagnostic(
            "CS065",
            "no output of the model depends on this layer",
            Severity.WARNING,
            layer=call.name,
            hint="let another layer read it, or name it in outputs",
        )
        for number, call in enumerate(calls)
        if number not in needed
    ]
