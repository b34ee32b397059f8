"""The links of a functional model: which calls and outputs of its layers they name."""

from __future__ import annotations

from collections import abc

from speccompiler.diagnostics.core import Problem, Span, did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.loading.call_order import circle, computable
from speccompiler.loading.keras1.parts import (
    Chain,
    Link,
    Member,
    Network,
    OneLayer,
    Part,
    Several,
    WithStates,
    input_count,
    output_count,
)
from speccompiler.loading.tree_reading import ProblemAt, child, items_of
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

_ENDS = ("input_layers", "output_layers")


def connected(config: Mapping, members: dict[str, Member]) -> Network:
    """The functional model of these layers; ``config`` names its inputs and outputs.

    Raises ``ProblemAt``: CS035, CS060, CS061.
    """
    if not members:
        raise ProblemAt(config.span, Problem("CS035", "the model has no layers"))
    inputs, outputs = (
        tuple(link_of(link) for link in items_of(child(config, key), key)) for key in _ENDS
    )
    for key, links in zip(_ENDS, (inputs, outputs), strict=True):
        if not links:
            problem = Problem("CS061", f"the model has no {key.split('_')[0]}")
            raise ProblemAt(child(config, key).span, problem)
    for link in (*inputs, *outputs):
        _check_link(members, link)
    _check_inputs(members, inputs)
    given = {link.member for link in inputs}
    for name, member in members.items():
        for call in member.calls:
            if not call and name not in given:
                raise ProblemAt(
                    member.span,
                    Problem(
                        "CS061",
                        f"layer '{shown(name)}' reads nothing, and is none of the model's inputs",
                        "name it in input_layers, or give it inbound_nodes",
                    ),
                )
            for link in call:
                _check_link(members, link)
    return Network(members, _in_order(members), inputs, outputs)


def check_nested(part: Part, span: Span, calls: abc.Sequence[tuple[Link, ...]]) -> None:
    """CS062 for a nested model that is called on another number of values."""
    wanted = input_count(part)
    for call in calls:
        if not isinstance(part, OneLayer | Several | WithStates) and len(call) != wanted:
            count = "1 input" if wanted == 1 else f"{wanted} inputs"
            raise ProblemAt(
                span,
                Problem("CS062", f"this nested model has {count}, and is called on {len(call)}"),
            )


def _check_inputs(members: dict[str, Member], inputs: abc.Sequence[Link]) -> None:
    """CS061 for an input that is a layer which reads others, or that is named twice."""
    seen: set[str] = set()
    for link in inputs:
        name, member = shown(link.member), members[link.member]
        if link.member in seen:
            raise ProblemAt(link.span, Problem("CS061", f"'{name}' is listed as an input twice"))
        if member.calls[link.call - member.first]:
            raise ProblemAt(
                link.span,
                Problem("CS061", f"the model's input '{name}' is a layer that reads others"),
            )
        seen.add(link.member)


def link_of(node: TreeNode) -> Link:
    """``[layer, call, tensor]``."""
    items = node.items if isinstance(node, Sequence) else ()
    values = [item.value if isinstance(item, Scalar) else None for item in items]
    name, *numbers = values or [None]
    whole = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
    if not isinstance(name, str) or len(whole) != 2 or len(numbers) != 2:
        raise ProblemAt(
            node.span,
            Problem("CS024", "a link to a layer is [name, number of its call, of its output]"),
        )
    return Link(name, whole[0], whole[1], node.span)


def _check_link(members: dict[str, Member], link: Link) -> None:
    """CS061 where the model has no such layer, or the layer no such call or output."""
    member = members.get(link.member)
    if member is None:
        raise ProblemAt(
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
        raise ProblemAt(
            link.span,
            Problem(
                "CS061",
                f"layer '{shown(link.member)}' is called {count}: there is no call {link.call}",
                f"its calls are numbered from {member.first}",
            ),
        )
    outputs = output_count(member.part)
    if link.tensor >= outputs:
        hint = "outputs are numbered from 0"
        if isinstance(member.part, Chain):
            hint += "; the states of an RNN of several cells are not among them"
        raise ProblemAt(
            link.span,
            Problem(
                "CS061",
                f"layer '{shown(link.member)}' has {outputs} "
                f"output{'s' if outputs > 1 else ''}: there is no output {link.tensor}",
                hint,
            ),
        )


def _in_order(members: dict[str, Member]) -> tuple[tuple[str, int], ...]:
    """Every call after the calls that it reads, and otherwise in the order listed; CS060."""
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
        raise ProblemAt(members[str(problem.layer)].span, problem)
    return tuple(units[index] for index in order)
