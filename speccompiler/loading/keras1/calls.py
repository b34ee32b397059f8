"""The calls of a Keras model's layers, in the order in which they are made.

Nested models are unfolded, once for each call.
"""

from __future__ import annotations

from collections import abc

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.loading.keras1.parts import (
    Branches,
    Chain,
    Network,
    OneLayer,
    Part,
    Several,
    Timed,
    WithStates,
    input_count,
    sources,
)
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.loading.written_spec import WrittenCall
from speccompiler.schemas.model import OWN_PLACE, CallPlace

MOST_CALLS = 100_000


class Calls:
    """Collects the calls of a part, as often as it is called."""

    def __init__(self, span: Span) -> None:
        self.calls: list[WrittenCall] = []
        self._span = span
        self._visited = 0
        self._timed = 0
        """How many models of a TimeDistributed the current part is inside of."""
        self._branches = 0
        """How many Merges with branches the current part is inside of."""
        self._made: dict[tuple[int, tuple[int, ...]], int] = {}
        """The calls of their branches, by the layer and what it reads."""

    def of(
        self, part: Part, given: abc.Sequence[int] | None, *, begins: bool = False
    ) -> abc.Sequence[int]:
        """The calls that give the part's outputs; without ``given`` it reads the model's input.

        ``begins`` tells that the part is the first of a Sequential.
        """
        place = CallPlace(begins and given is not None, self._timed > 0)
        if isinstance(part, OneLayer):
            return [self._call(part, tuple(given or ()), place)]
        if isinstance(part, Several):
            whole = self._call(part.layer, tuple(given or ()), place)
            inside = CallPlace(timed=self._timed > 0)
            return [self._call(value, (whole,), inside) for value in part.values]
        if isinstance(part, WithStates):
            whole = self._call(part.layer, tuple(given or ()), place)
            inside = CallPlace(timed=self._timed > 0)
            states = [whole if s is None else self._call(s, (whole,), inside) for s in part.states]
            return [whole, *states]
        if isinstance(part, Chain):
            for index, item in enumerate(part.items):
                given = self.of(item, given, begins=index == 0)
            return given or ()
        if isinstance(part, Timed):
            self._timed += 1
            found = self.of(part.part, given)
            self._timed -= 1
            return found
        if given is not None and len(given) != input_count(part):
            raise ProblemAt(
                self._span,
                Problem(
                    "CS062",
                    f"a nested model with {input_count(part)} inputs is called on {len(given)}",
                ),
            )
        if isinstance(part, Branches):
            return self._merge(part, given)
        return self._network(part, given)

    def _call(self, layer: OneLayer, reads: tuple[int, ...], place: CallPlace = OWN_PLACE) -> int:
        """A layer gives one value for what it reads, however many branches lead to it."""
        self._visited += 1
        if self._visited > MOST_CALLS:
            raise ProblemAt(
                self._span,
                Problem("CS067", f"the model has more than {MOST_CALLS:,} calls of layers"),
            )
        known = self._made.get((layer.number, reads)) if self._branches else None
        if known is not None:
            return known
        number = len(self.calls)
        self.calls.append(WrittenCall(layer.number, reads, place))
        if self._branches:
            self._made[layer.number, reads] = number
        return number

    def _merge(self, part: Branches, given: abc.Sequence[int] | None) -> list[int]:
        values: list[int] = []
        of_source = dict(zip(sources(part), given, strict=True)) if given is not None else {}
        self._branches += 1
        for branch in part.branches:
            mine = None if given is None else [of_source[n] for n in sources(branch)]
            values += self.of(branch, mine, begins=True)
        self._branches -= 1
        return [self._call(part.merge, tuple(values), CallPlace(timed=self._timed > 0))]

    def _network(self, part: Network, given: abc.Sequence[int] | None) -> list[int]:
        values: dict[tuple[str, int], abc.Sequence[int]] = {}
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
