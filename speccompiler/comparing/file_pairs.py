"""Which file of one folder became which of another: by place, then by content."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher

from speccompiler.frozen import dataclass

ALIKE = 0.5
"""The share of lines that a renamed file has kept at least, as git counts too."""
_MOST_COMPARED = 2500
"""Pairs of files whose lines are compared; with more, only equal texts are renamed files."""


@dataclass(frozen=True, slots=True)
class PlacePair:
    """A file's place before and after; one of the two is None for what was added or removed."""

    old: str | None
    new: str | None

    @property
    def renamed(self) -> bool:
        """Whether the file is elsewhere now."""
        return self.old is not None and self.new is not None and self.old != self.new


def pair_places(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[PlacePair, ...]:
    """Pair the files of two folders, given as texts by place, in the order of their new places.

    >>> pair_places({"a.yaml": "x", "b.yaml": "y"}, {"b.yaml": "z", "c.yaml": "x"})[1]
    PlacePair(old='a.yaml', new='c.yaml')
    """
    pairs = [PlacePair(place, place) for place in old.keys() & new.keys()]
    gone = {place: old[place] for place in sorted(old.keys() - new.keys())}
    come = {place: new[place] for place in sorted(new.keys() - old.keys())}
    for matched in (_equal, _alike):
        for before, after in matched(gone, come):
            if before in gone and after in come:
                pairs.append(PlacePair(before, after))
                del gone[before], come[after]
    pairs += [PlacePair(place, None) for place in gone]
    pairs += [PlacePair(None, place) for place in come]
    return tuple(sorted(pairs, key=lambda pair: pair.new or pair.old or ""))


def _equal(gone: Mapping[str, str], come: Mapping[str, str]) -> list[tuple[str, str]]:
    by_text: dict[str, list[str]] = {}
    for place, text in gone.items():
        by_text.setdefault(text, []).append(place)
    found = []
    for place, text in come.items():
        # Of several with the same text, that with the same name.
        among = by_text.get(text, [])
        among.sort(key=lambda each: (_name(each) != _name(place), each))
        found += [(before, place) for before in among]
    return found


def _alike(gone: Mapping[str, str], come: Mapping[str, str]) -> list[tuple[str, str]]:
    """The pairs that have lines in common, the most alike first."""
    if len(gone) * len(come) > _MOST_COMPARED:
        return []
    scored = []
    for before, text in gone.items():
        matcher = SequenceMatcher(None, autojunk=False)
        matcher.set_seq2(text.splitlines())
        for after, other in come.items():
            matcher.set_seq1(other.splitlines())
            if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
                continue
            share = matcher.ratio()
            if share >= ALIKE:
                scored.append((-share, _name(before) != _name(after), before, after))
    return [(before, after) for _, _, before, after in sorted(scored)]


def _name(place: str) -> str:
    return place.rsplit("/", 1)[-1]
