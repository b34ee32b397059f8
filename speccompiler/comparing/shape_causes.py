"""Which layers a changed shape comes from, so that those which only follow say so."""

from __future__ import annotations

from collections.abc import Iterable

from speccompiler.comparing.lowered_alone import Alone
from speccompiler.comparing.outline import Outline
from speccompiler.comparing.sides import Sides
from speccompiler.frozen import dataclass

MOST_CAUSES = 3


def input_cause(side: Outline, read: int) -> str:
    """How an input of the model is named as a cause: it may have the name of the first layer."""
    inputs = side.spec.inputs
    return "the input" if len(inputs) == 1 else f"the input '{inputs[-1 - read].name}'"


@dataclass(frozen=True, slots=True)
class ShapeCauses:
    """By the numbers of new calls."""

    output: dict[int, tuple[str, ...]]
    """For each call whose output shape changed the layers that changed it, itself among them."""
    upstream: dict[int, tuple[str, ...]]
    """For each call that reads other shapes the layers that changed those."""
    alone: dict[int, Alone | None]
    """What each call whose layer changed is over the old inputs."""

    def own(self, number: int, name: str) -> bool:
        """Whether a call changes the shape of its output itself."""
        return name in self.output.get(number, ())


def shape_causes(sides: Sides) -> ShapeCauses:
    """Follow changed shapes from the inputs to the outputs."""
    return _Search(sides).found()


class _Search:
    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.old, self.new = sides.old.outline, sides.new.outline
        self.causes = ShapeCauses({}, {}, {})
        wiring = sides.alignment.wiring
        self.displaced = wiring.moved | wiring.rewired

    def found(self) -> ShapeCauses:
        to_old = self.sides.alignment.to_old
        for number in range(len(self.new.items)):
            partner = to_old.get(number)
            if partner is None:
                self._inserted(number)
            else:
                self._paired(partner, number)
        return self.causes

    def _inserted(self, number: int) -> None:
        """One that keeps the shape of what it reads passes on the causes of that."""
        reads = self.new.items[number].reads
        if len(reads) == 1 and self.new.shape(reads[0]) == self.new.shape(number):
            found = self._of(reads)
        else:
            found = (self.new.items[number].name,)
        if found:
            self.causes.output[number] = found

    def _paired(self, partner: int, number: int) -> None:
        one, other = self.old.items[partner], self.new.items[number]
        olds, news = self.old.input_shapes(partner), self.new.input_shapes(number)
        if olds != news:
            self.causes.upstream[number] = self._of_inputs(partner, number)
        own = decides = False
        first, second = self.sides.semantics
        if one.said != other.said or first != second:
            alone = self.sides.new_over_old(partner, number)
            self.causes.alone[number] = alone
            own = alone is None or alone.shape != self.old.shape(partner)
            # With the old inputs it would give the same: nothing before it matters.
            decides = own and alone is not None and alone.shape == self.new.shape(number)
        if self.new.shape(number) != self.old.shape(partner):
            upstream = () if decides else self.causes.upstream.get(number, ())
            found = (other.name, *upstream) if own or not upstream else upstream
            self.causes.output[number] = tuple(dict.fromkeys(found))[:MOST_CAUSES]

    def _of(self, reads: Iterable[int]) -> tuple[str, ...]:
        """The causes of what is read; an input of the model is one itself, if it changed."""
        found: dict[str, None] = {}
        for read in reads:
            if read >= 0:
                found |= dict.fromkeys(self.causes.output.get(read, ()))
            elif self._input_changed(read):
                found[input_cause(self.new, read)] = None
        return tuple(found)[:MOST_CAUSES]

    def _input_changed(self, read: int) -> bool:
        inputs = self.sides.alignment.inputs
        partner = next((old for old, new in inputs.items() if new == read), None)
        return partner is None or self.old.shape(partner) != self.new.shape(read)

    def _of_inputs(self, partner: int, number: int) -> tuple[str, ...]:
        """Why a call reads other shapes: what changed them, what is gone, or its own wiring."""
        one, other = self.old.items[partner], self.new.items[number]
        if len(one.reads) != len(other.reads):
            return (other.name,)
        found: dict[str, None] = {}
        for before, after in zip(one.reads, other.reads, strict=True):
            if self.old.shape(before) == self.new.shape(after):
                continue
            causes = self._of((after,))
            if not causes and number not in self.displaced:
                causes = self._gone(before) or self._come(after)
            found |= dict.fromkeys(causes or (other.name,))
        return tuple(found)[:MOST_CAUSES]

    def _gone(self, read: int) -> tuple[str, ...]:
        """The removed or moved layer in front of an old call that gave its input the shape."""
        to_new = self.sides.alignment.to_new
        while read >= 0 and (read not in to_new or to_new[read] in self.displaced):
            reads = self.old.items[read].reads
            if len(reads) != 1 or self.old.shape(reads[0]) != self.old.shape(read):
                return (self.old.items[read].name,)
            read = reads[0]
        return ()

    def _come(self, read: int) -> tuple[str, ...]:
        """The moved or rewired layer in front of a new call: there it gives another shape."""
        return (self.new.items[read].name,) if read in self.displaced else ()
