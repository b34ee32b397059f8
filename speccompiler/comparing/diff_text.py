"""A comparison as text for a terminal: a verdict, a line for each layer that changed, totals."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from speccompiler.comparing.amounts import AMOUNT_TITLES, amount_texts, share_text
from speccompiler.comparing.model_diff import Change, Impact, LayerPair, Match, ModelDiff
from speccompiler.comparing.verdict import (
    counts,
    follows,
    only_renumbered,
    only_shape_follows,
    verdict,
)
from speccompiler.comparing.wording import cause_names, shape_text
from speccompiler.diagnostics.wording import on_one_line
from speccompiler.reports.layer_report import LayerReport

Role = Literal["breaking", "cost", "note", "added", "removed", "changed", "moved", "dim", "strong"]
Paint = Callable[[str, Role], str]
"""Colours a piece of text; it is given no text that has line breaks."""

LONGEST_NAME = 28
INDENT = 6
LEAST_DETAIL = 48
"""Columns that the details of a layer need beside its name and type; else they go below."""
LONGEST_AMOUNT = 16
"""Characters of an amount that is written in a column; formulas have more."""
MOST_FOLLOWERS = 8
"""Layers that only follow are listed one by one up to this many."""
_OF_IMPACT: dict[Impact, Role] = {
    Impact.BREAKING: "breaking",
    Impact.COST: "cost",
    Impact.NOTE: "dim",
}
_SIGNS: dict[str, tuple[str, Role]] = {
    "inserted": ("+", "added"),
    "removed": ("-", "removed"),
    "changed": ("~", "changed"),
    "replaced": ("~", "changed"),
    "renamed": (">", "moved"),
    "moved": (">", "moved"),
}


def plain(text: str, role: Role) -> str:
    """No colour."""
    del role
    return text


def diff_text(
    diff: ModelDiff,
    *,
    width: int | None = None,
    paint: Paint = plain,
    name: Callable[[str], str] = on_one_line,
) -> str:
    """The whole text; ``width`` is the terminal's, None where lines may be of any length.

    ``name`` makes a text that holds names of a file fit for where it is shown.
    """
    page = _Page(width, paint, name)
    page.line(verdict(diff), _OF_IMPACT[diff.impact] if diff.impact else "strong")
    between = f"{diff.old_name} -> {diff.new_name}"
    if diff.same:
        page.line(between, "dim")
        return "\n".join(page.lines)
    page.line(f"{between}; {counts(diff)}", "dim")
    _model(page, diff)
    _layers(page, diff)
    page.blank()
    _totals(page, diff)
    return "\n".join(page.lines)


class _Page:
    """The lines so far, and how lines are made."""

    def __init__(self, width: int | None, paint: Paint, name: Callable[[str], str]) -> None:
        self.width, self.paint, self.name = width, paint, name
        self.lines: list[str] = []

    def blank(self) -> None:
        """An empty line between parts."""
        self.lines.append("")

    def wrapped(self, text: str, indent: int) -> list[str]:
        """A text in lines that leave room for the indent; a shape is not torn apart."""
        text = self.name(text)
        if self.width is None or len(text) + indent <= self.width:
            return [text]
        return _wrap(text, max(24, self.width - indent))

    def line(self, text: str, role: Role) -> None:
        """A text by itself, wrapped."""
        first, *others = self.wrapped(text, 0)
        self.lines.append(self.paint(first, role))
        self.lines += ["  " + self.paint(other, role) for other in others]


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width``, broken between words that are in no bracket where that works."""
    held = "".join(_held(text))
    if max(map(len, held.split(" ")), default=0) > width:
        held = text
    lines = textwrap.wrap(held, width, break_long_words=True, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def _held(text: str) -> Iterator[str]:
    """The text with its spaces inside brackets made something that is no space."""
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        yield "\0" if character == " " and depth > 0 else character


def _model(page: _Page, diff: ModelDiff) -> None:
    """The changes of the whole, but what the totals show."""
    changes = [change for change in diff.own_changes if not change.code.startswith("CD7")]
    if changes:
        page.blank()
    for change in changes:
        sign = page.paint(
            "!" if change.impact is Impact.BREAKING else "~", _OF_IMPACT[change.impact]
        )
        first, *others = page.wrapped(change.message, 2)
        page.lines.append(f"{sign} {page.paint(first, 'strong')}")
        page.lines += [f"    {page.paint(other, 'strong')}" for other in others]


def _layers(page: _Page, diff: ModelDiff) -> None:
    """The layers that changed, and what lies between them in a line each."""
    changed = [pair for pair in diff.layers if pair.changes]
    folded = [
        kind
        for kind in (only_shape_follows, only_renumbered)
        if sum(map(kind, changed)) > MOST_FOLLOWERS
    ]
    shown = [pair for pair in changed if not any(kind(pair) for kind in folded)]
    if not changed:
        return
    page.blank()
    columns = _Columns(page, shown or changed)
    quiet: list[LayerPair] = []
    for pair in diff.layers:
        if pair.changes and not any(kind(pair) for kind in folded):
            _between(page, quiet)
            quiet = []
            _layer(page, pair, columns, first=pair.name == diff.diverges_at)
        else:
            quiet.append(pair)
    _between(page, quiet)


class _Columns:
    """How wide names and types are, and where the rest of a line begins."""

    def __init__(self, page: _Page, pairs: Sequence[LayerPair]) -> None:
        self.name = max(len(elided(page.name(pair.name), LONGEST_NAME)) for pair in pairs)
        self.type = max(len(page.name(_report(pair).type)) for pair in pairs)
        self.detail = 2 + self.name + 2 + self.type + 2
        room = page.width is None or page.width - self.detail >= LEAST_DETAIL
        self.beside = room


def _report(pair: LayerPair) -> LayerReport:
    report = pair.new or pair.old
    assert report is not None, "a pair has a layer"
    return report


def elided(text: str, most: int) -> str:
    """A name of at most so many characters; its middle is left out where it is longer."""
    if len(text) <= most:
        return text
    head = (most - 3) // 2
    return f"{text[:head]}...{text[len(text) - (most - 3 - head) :]}"


def _layer(page: _Page, pair: LayerPair, columns: _Columns, *, first: bool) -> None:
    """A layer that changed: sign, name and type, and its changes beside or below them."""
    sign, role = _sign(pair)
    label = elided(page.name(pair.name), LONGEST_NAME)
    kind = page.name(_report(pair).type)
    mark = page.paint(sign, role)
    start = columns.detail if columns.beside else INDENT
    details: list[tuple[str, Role]] = [
        (line, detail_role)
        for text, detail_role in _details(pair, first=first)
        for line in _hanging(page.wrapped(text, start))
    ]
    name_role: Role = "dim" if follows(pair) else "strong"
    head = f"{mark} {page.paint(label, name_role)}"
    if columns.beside and details:
        gap = " " * (columns.name - len(label) + 2)
        text, detail_role = details.pop(0)
        after = " " * (columns.type - len(kind) + 2)
        head += f"{gap}{page.paint(kind, 'dim')}{after}{page.paint(text, detail_role)}"
    else:
        head += f"{' ' * (columns.name - len(label) + 2)}{page.paint(kind, 'dim')}"
    page.lines.append(head)
    page.lines += [" " * start + page.paint(text, role) for text, role in details]


def _hanging(lines: list[str]) -> list[str]:
    """The lines after the first further in."""
    return [lines[0], *(f"  {line}" for line in lines[1:])]


def _sign(pair: LayerPair) -> tuple[str, Role]:
    if follows(pair):
        return " ", "dim"
    if pair.match is Match.SAME or (pair.match is Match.RENAMED and not _renamed(pair)):
        return _SIGNS["changed"]
    return _SIGNS[str(pair.match)]


def _renamed(pair: LayerPair) -> bool:
    """Whether a new name is all, or is worth to be the sign of the line."""
    return all(c.because or c.code in {"CD203", "CD504", "CD505"} for c in pair.changes)


def _details(pair: LayerPair, *, first: bool) -> Iterator[tuple[str, Role]]:
    """What stands in the lines of a layer, the arguments together in one."""
    arguments = [c for c in pair.changes if c.code.startswith("CD3")]
    told = any(change.code == "CD203" for change in pair.changes)
    if not told and pair.old and pair.new and pair.old.name != pair.new.name:
        yield f"was '{pair.old.name}'", "dim"
    for change in pair.changes:
        if change in arguments:
            if change is arguments[0]:
                yield from _argument_lines(arguments)
            continue
        text = change.message
        if change.code == "CD401" and first:
            text = f"first to differ: {text}"
        if change.code in {"CD201", "CD208"} and pair.new is not None:
            text += f"; gives {shape_text(pair.new.output_shape)}"
        yield text, _role(change)


def _argument_lines(arguments: Sequence[Change]) -> Iterator[tuple[str, Role]]:
    """Those that matter in one line; then those that only training uses, or nothing does."""
    for wanted, suffix in (
        ({"CD301", "CD302", "CD305", "CD306"}, ""),
        ({"CD303"}, " (computes the same)"),
        ({"CD304"}, " (only training)"),
        ({"CD307"}, ""),
    ):
        found = [c for c in arguments if c.code in wanted]
        if found:
            yield ", ".join(c.message for c in found) + suffix, _role(found[0])


def _role(change: Change) -> Role:
    return _OF_IMPACT[change.impact]


def _between(page: _Page, pairs: Sequence[LayerPair]) -> None:
    """A line for layers that are as before, one for new numbers, one for what only follows."""
    following = [pair for pair in pairs if only_shape_follows(pair)]
    numbered = [pair for pair in pairs if only_renumbered(pair)]
    parts = []
    if unchanged := len(pairs) - len(following) - len(numbered):
        parts.append(f"{_count(unchanged)} unchanged")
    if numbered:
        parts.append(_numbered_text(numbered))
    if following:
        causes = dict.fromkeys(
            cause for pair in following for change in pair.changes for cause in change.because
        )
        last = following[-1].changes[0]
        parts.append(
            f"{_count(len(following))} of other shapes, because of {cause_names(list(causes))}; "
            f"{following[-1].name}: {last.old} -> {last.new}"
        )
    for text in parts:
        lines = _hanging(page.wrapped(text, 4))
        page.lines += ["    " + page.paint(line, "dim") for line in lines]


def _numbered_text(pairs: Sequence[LayerPair]) -> str:
    """``9 layers numbered anew: dense_2 .. dense_10 were dense_1 .. dense_9; ...``."""
    ends = [pair for pair in (pairs[0], pairs[-1]) if pair.old is not None]
    now, before = (
        " .. ".join(dict.fromkeys(names))
        for names in ([pair.name for pair in ends], [p.old.name for p in ends if p.old])
    )
    confused = any(change.code == "CD505" for pair in pairs for change in pair.changes)
    text = f"{_count(len(pairs))} numbered anew: {now} {'was' if len(pairs) == 1 else 'were'} "
    text += f"{before}; old weights fit under the old names"
    return text + (", which are those of other layers now" if confused else "")


def _count(number: int) -> str:
    return "1 layer" if number == 1 else f"{number} layers"


def _totals(page: _Page, diff: ModelDiff) -> None:
    """What the models cost, beside each other; formulas of open lengths below each other."""
    rows = []
    for amount in diff.amounts:
        old, new = amount_texts(amount)
        rows.append((amount, AMOUNT_TITLES[amount.name], old, new))
    label = max(len(title) for _, title, _, _ in rows)
    shown = [(old, new) for _, _, old, new in rows if max(len(old), len(new)) <= LONGEST_AMOUNT]
    before, after = (max(map(len, column)) for column in zip(*shown, strict=True))
    for amount, title, old, new in rows:
        start = f"{title:<{label}}  {old:>{before}}"
        share = share_text(amount)
        if amount.old == amount.new:
            lines = page.wrapped(f"{old:>{before}}    unchanged", label + 2)
            page.lines.append(page.paint(f"{title:<{label}}  {lines[0]}", "dim"))
            page.lines += [" " * (label + 2) + page.paint(line, "dim") for line in lines[1:]]
        elif (old, new) in shown:
            percent = f"  {page.paint(share, 'cost')}" if share else ""
            page.lines.append(f"{start} -> {new:>{after}}{percent}")
        else:
            lines = [*page.wrapped(old, label + 2), *page.wrapped(f"-> {new}", label + 2)]
            page.lines.append(f"{title:<{label}}  {lines[0]}")
            page.lines += [" " * (label + 2) + line for line in lines[1:]]
