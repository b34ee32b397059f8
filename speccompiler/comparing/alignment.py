"""Which layers of two models are the same.

Names decide where somebody gave them. Names that are a type and a number do not: they shift when
a layer is inserted. There the graph decides, in steps from the surest to the least sure::

    names        both models have the name
    equal parts  all that leads to a layer is equal, or all that follows it
    sequence     what is left says the same in the same order
    gaps         what is left between two pairs, by how alike it is
    neighbours   what is left beside a pair, wherever the file lists it
    uniqueness   a layer that says what no other does has moved

Whether numbered names are to be trusted cannot be known beforehand, so that the models are aligned
with and without them, and the alignment with the fewest changes is taken.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Mapping

from speccompiler.comparing.outline import Item, Outline, is_numbered
from speccompiler.comparing.rewiring import Rewiring, rewiring
from speccompiler.comparing.sequence_alignment import common, rising
from speccompiler.comparing.similarity import LEAST, NAME, PLACE, likeness
from speccompiler.frozen import dataclass

MOST_CELLS = 40_000
"""The most pairs of layers that are looked at one by one."""
MOST_NEIGHBOURS = 16


@dataclass(frozen=True, slots=True)
class Alignment:
    """Pairs of calls by their numbers; a call without a partner is in none."""

    to_old: Mapping[int, int]
    to_new: Mapping[int, int]
    inputs: Mapping[int, int]
    """The model's inputs, as ``reads`` has them: from old to new."""
    wiring: Rewiring


def align(old: Outline, new: Outline) -> Alignment:
    """The alignment with the fewest changes."""
    best: tuple[float, Alignment] | None = None
    for trusted in _ways(old, new):
        alignment = _Search(old, new, trusted).alignment()
        price = _price(old, new, alignment)
        if best is None or price < best[0]:
            best = price, alignment
        if price == 0:
            break
    assert best is not None, "names are trusted at least once"
    return best[1]


Trusted = Callable[[Item], bool]


def _ways(old: Outline, new: Outline) -> Iterable[Trusted]:
    """Which names are trusted: all, those that are not made, those that hold no number."""
    yield lambda item: True
    both = {item.name for item in old.items} & {item.name for item in new.items}
    items = [item for item in new.items if item.name in both]
    if any(item.generated for item in items):
        yield lambda item: not item.generated
    if any(is_numbered(item.name) and not item.generated for item in items):
        yield lambda item: not is_numbered(item.name)


def _price(old: Outline, new: Outline, alignment: Alignment) -> float:
    """What a reviewer would have to read: 2 for a changed layer, less for a name that was made."""
    price = 1.5 * (len(new.items) + len(old.items) - 2 * len(alignment.to_old))
    price += len(alignment.wiring.moved) + len(alignment.wiring.rewired)
    for number, partner in alignment.to_old.items():
        one, other = old.items[partner], new.items[number]
        price += 2 * (one.said != other.said)
        if one.name != other.name:
            price += 0.01 if one.generated and other.generated else 1
    return price


class _Search:
    """An alignment while it is made."""

    def __init__(self, old: Outline, new: Outline, trusted: Trusted) -> None:
        self.old, self.new, self.trusted = old, new, trusted
        self.to_old: dict[int, int] = {}
        self.to_new: dict[int, int] = {}
        self.inputs = _paired_inputs(old, new)
        self.cells = MOST_CELLS
        self.alike: dict[tuple[Hashable, Hashable], float] = {}

    def alignment(self) -> Alignment:
        """All steps, in order."""
        self._by_name()
        if self._left():
            self._by_equal_parts(downwards=True)
            self._by_equal_parts(downwards=False)
        if self._left():
            self._by_sequence(lambda item: item.said)
        if self._left():
            self._in_gaps()
        if self._left():
            self._beside_pairs()
        if self._left():
            self._unique()
        wiring = rewiring(self.old, self.new, self.to_old, self.to_new, self.inputs)
        return Alignment(dict(sorted(self.to_old.items())), self.to_new, self.inputs, wiring)

    def _pair(self, old: int, new: int) -> None:
        self.to_old[new] = old
        self.to_new[old] = new

    def _left(self) -> bool:
        """Whether both models have calls without a partner."""
        return len(self.to_new) < min(len(self.old.items), len(self.new.items))

    def _unpaired(self) -> tuple[list[int], list[int]]:
        return (
            [n for n in range(len(self.old.items)) if n not in self.to_new],
            [n for n in range(len(self.new.items)) if n not in self.to_old],
        )

    def _by_name(self) -> None:
        for number, item in enumerate(self.new.items):
            partner = self.old.numbers.get(item.name)
            if partner is not None and self.trusted(item) and self.trusted(self.old.items[partner]):
                self._pair(partner, number)

    def _by_equal_parts(self, *, downwards: bool) -> None:
        """Pair what no other call equals in all that leads to it, or in all that follows it."""
        tokens: dict[Hashable, int] = {}
        one = self._parts(self.old, self.to_new, tokens, downwards, new=False)
        other = self._parts(self.new, self.to_old, tokens, downwards, new=True)
        counts, others = Counter(one.values()), Counter(other.values())
        places = {token: number for number, token in one.items()}
        for number, token in other.items():
            if counts[token] == others[token] == 1 and self._may_pair(places[token], number):
                self._pair(places[token], number)

    def _may_pair(self, old: int, new: int) -> bool:
        return old not in self.to_new and new not in self.to_old

    def _parts(
        self,
        side: Outline,
        paired: Mapping[int, int],
        tokens: dict[Hashable, int],
        downwards: bool,
        *,
        new: bool,
    ) -> dict[int, int]:
        """For each call that is not paired a token of all that leads to it, or follows it."""
        found: dict[int, int] = {}
        every: dict[int, int] = {}
        outputs = {side.numbers[name]: k for k, name in enumerate(side.spec.outputs)}
        order = range(len(side.items)) if downwards else range(len(side.items) - 1, -1, -1)

        def token(number: int) -> Hashable:
            return (
                ("input", number if new else self.inputs[number]) if number < 0 else every[number]
            )

        for number in order:
            item = side.items[number]
            if number in paired:
                key: Hashable = ("pair", number if new else paired[number])
            elif downwards:
                key = (item.said, tuple(map(token, item.reads)))
            else:
                below = [
                    (every[r], side.items[r].reads.index(number)) for r in side.readers[number]
                ]
                key = (item.said, tuple(sorted(below)), outputs.get(number, -1), len(item.reads))
            every[number] = tokens.setdefault(key, len(tokens))
            if number not in paired:
                found[number] = every[number]
        return found

    def _by_sequence(self, said: Callable[[Item], Hashable]) -> None:
        """Pair what says the same in the order of the files; pairs hold the two in step."""
        one: list[Hashable] = [
            ("pair", self.to_new[n]) if n in self.to_new else said(item)
            for n, item in enumerate(self.old.items)
        ]
        other: list[Hashable] = [
            ("pair", n) if n in self.to_old else said(item) for n, item in enumerate(self.new.items)
        ]
        for partner, number in common(one, other):
            if self._may_pair(partner, number):
                self._pair(partner, number)

    def _in_gaps(self) -> None:
        """Pair what stands between two neighbouring pairs that keep their order."""
        order = list(self.to_old)
        order.sort()
        kept = rising([self.to_old[number] for number in order])
        edges = [(self.to_old[n], n) for place, n in enumerate(order) if place in kept]
        edges.append((len(self.old.items), len(self.new.items)))
        before = (-1, -1)
        large = False
        for edge in edges:
            olds = [n for n in range(before[0] + 1, edge[0]) if n not in self.to_new]
            news = [n for n in range(before[1] + 1, edge[1]) if n not in self.to_old]
            before = edge
            if not olds or not news:
                continue
            if len(olds) * len(news) <= self.cells:
                self.cells -= len(olds) * len(news)
                self._best_of(olds, news)
            else:
                large = True
        if large:
            self._by_sequence(lambda item: (type(item.layer), type(item.layer.inner)))

    def _best_of(self, olds: list[int], news: list[int]) -> None:
        """The pairs of most likeness that keep the order (Needleman and Wunsch, 1970)."""
        scores = [[self._likeness(o, n) for n in news] for o in olds]
        width = len(news) + 1
        best = [[0.0] * width for _ in range(len(olds) + 1)]
        for i, row in enumerate(scores):
            for j, score in enumerate(row):
                skip = max(best[i][j + 1], best[i + 1][j])
                best[i + 1][j + 1] = max(skip, best[i][j] + score) if score >= LEAST else skip
        i, j = len(olds), len(news)
        while i and j:
            if best[i][j] == best[i - 1][j]:
                i -= 1
            elif best[i][j] == best[i][j - 1]:
                j -= 1
            else:
                i, j = i - 1, j - 1
                self._pair(olds[i], news[j])

    def _likeness(self, old: int, new: int) -> float:
        """How much speaks for a pair: type and arguments, the place, a generated name."""
        one, other = self.old.items[old], self.new.items[new]
        key = one.said, other.said
        score = self.alike.get(key)
        if score is None:
            score = self.alike[key] = likeness(one.layer, other.layer)
        if score:
            score += PLACE * self._same_place(old, new) + NAME * (one.name == other.name)
        return score

    def _same_place(self, old: int, new: int) -> float:
        """1 where both read the same and the same reads both; 0 where either is known not to be."""
        one, other = self.old.items[old], self.new.items[new]
        before = self._agree(one.reads, other.reads)
        after = self._agree(self.old.readers[old], self.new.readers[new])
        return (before + after) / 2 if before and after else 0.0

    def _agree(self, olds: tuple[int, ...], news: tuple[int, ...]) -> float:
        """How far neighbours are pairs: less where some are pairs of others; half where open."""
        if not olds and not news:
            return 0.5
        wanted = set(news)
        partners = [self.inputs[n] if n < 0 else self.to_new.get(n) for n in olds]
        agreed = sum(partner in wanted for partner in partners)
        left = partners.count(None)
        against = len(partners) - agreed - left
        came = sum(n >= 0 and n not in self.to_old for n in news)
        # What came may stand between: a skip connection before the old reader.
        excused = min(against, came)
        score = agreed + (left + excused) / 2 - (against - excused)
        return max(0.0, score / max(len(olds), len(news)))

    def _beside_pairs(self) -> None:
        """Pair the readers of a pair, and what it reads, where they are alike."""
        waiting = deque(self.to_new.items())
        while waiting:
            old, new = waiting.popleft()
            for olds, news in (
                (self.old.readers[old], self.new.readers[new]),
                (self.old.items[old].reads, self.new.items[new].reads),
            ):
                left = [n for n in olds if n >= 0 and n not in self.to_new]
                came = [n for n in news if n >= 0 and n not in self.to_old]
                if not left or not came or max(len(left), len(came)) > MOST_NEIGHBOURS:
                    continue
                ranked = sorted(
                    ((self._likeness(o, n), -abs(o - n), o, n) for o in left for n in came),
                    reverse=True,
                )
                for score, _, o, n in ranked:
                    if score >= LEAST and self._may_pair(o, n):
                        self._pair(o, n)
                        waiting.append((o, n))

    def _unique(self) -> None:
        """Pair what only one call of each model that is left says."""
        olds, news = self._unpaired()
        one = Counter(self.old.items[n].said for n in olds)
        other = Counter(self.new.items[n].said for n in news)
        places = {self.old.items[n].said: n for n in olds}
        for number in news:
            item = self.new.items[number]
            if one[item.said] == other[item.said] == 1:
                partner = places[item.said]
                if item.generated or self.old.items[partner].generated:
                    self._pair(partner, number)


def _paired_inputs(old: Outline, new: Outline) -> dict[int, int]:
    """The old inputs' partners: of the same name, else at the same place; none becomes itself."""
    one = [entry.name for entry in old.spec.inputs]
    other = [entry.name for entry in new.spec.inputs]
    found = {-1 - k: -1 - other.index(name) for k, name in enumerate(one) if name in other}
    free = [k for k in range(len(other)) if -1 - k not in found.values()]
    left = [k for k in range(len(one)) if -1 - k not in found]
    found |= {-1 - k: -1 - free.pop(0) for k in left if free}
    # One that has gone is given the number of none.
    return {-1 - k: found.get(-1 - k, -1 - len(other) - k) for k in range(len(one))}
