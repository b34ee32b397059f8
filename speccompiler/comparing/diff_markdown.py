"""A comparison as Markdown for a pull request: empty where nothing changed, cut where it is long.

For each file a heading with the verdict, a table of what the model costs, a table of the layers
that changed, and folded away those that only follow from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from speccompiler.comparing.amounts import AMOUNT_CODES, AMOUNT_TITLES, amount_texts, share_text
from speccompiler.comparing.comparison import Comparison
from speccompiler.comparing.file_diff import FileDiff, FileStatus
from speccompiler.comparing.model_diff import Impact, LayerPair, Match
from speccompiler.comparing.verdict import follows, verdict
from speccompiler.diagnostics.wording import on_one_line
from speccompiler.frozen import dataclass
from speccompiler.reports.markdown_text import markdown_text
from speccompiler.reports.number_text import scaled
from speccompiler.reports.shape_table import batched

T = TypeVar("T")

GITHUB_LIMIT = 65_535
"""The characters that a comment on GitHub holds."""
DEFAULT_LIMIT = GITHUB_LIMIT - 535
"""Room for what an action writes around it."""
_NOTE_ROOM = 200
"""Characters for the line that says what was left out."""
_SHOWN_CODES = {"CD203", "CD401"}
"""Names and shapes: changes that have a column of their own."""
_LAYERS = ("| | layer | what changed | output shape | parameters |", "|:--|:--|:--|:--|--:|")


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines that are shown together or not at all."""

    lines: tuple[str, ...]
    what: str
    """``file`` or ``layer``: what is missing where the piece is."""
    opens: tuple[str, ...] = ()
    """What has to stand before the first of its kind: the head of a table."""
    closes: tuple[str, ...] = ()
    """What has to stand behind the last."""


def diff_markdown(comparison: Comparison, limit: int = DEFAULT_LIMIT) -> str:
    """The text, of at most ``limit`` characters; empty where nothing changed."""
    if comparison.same:
        return ""
    files = [file for file in comparison.files if file.status is not FileStatus.SAME]
    pieces = [list(_file(file, comparison)) for file in files]
    closing = list(_closing(comparison))
    text = _joined([piece for each in pieces for piece in each], closing)
    if len(text) <= limit:
        return text
    return _cut(pieces, closing, limit)


def _cut(pieces: Sequence[Sequence[_Piece]], closing: Sequence[str], limit: int) -> str:
    """Every file's own lines come before the layers of any; what is left out is counted."""
    kept: set[tuple[int, int]] = set()
    numbered = [(n, m) for n, each in enumerate(pieces) for m in range(len(each))]
    order = sorted(numbered, key=lambda at: (pieces[at[0]][at[1]].what != "file", at))
    room = limit - sum(len(line) + 1 for line in closing) - _NOTE_ROOM
    opened: set[tuple[int, tuple[str, ...]]] = set()
    for n, m in order:
        piece = pieces[n][m]
        lines = list(piece.lines)
        if piece.opens and (n, piece.opens) not in opened:
            lines += [*piece.opens, *piece.closes, ""]
        length = sum(len(line) + 1 for line in lines)
        if length > room:
            if piece.what == "layer":
                break
            continue
        room -= length
        opened.add((n, piece.opens))
        kept.add((n, m))
    shown = [pieces[n][m] for n, m in numbered if (n, m) in kept]
    left = [pieces[n][m] for n, m in numbered if (n, m) not in kept]
    missing = []
    for what in ("file", "layer"):
        number = sum(piece.what == what for piece in left)
        missing += [f"{number} {what}{'s' if number > 1 else ''}"] if number else []
    note = (
        f"_Cut at {limit:,} characters: {' and '.join(missing)} left out. "
        "`convspec diff` in a terminal shows all._"
    )
    return _joined(shown, [note, *closing])


def _joined(pieces: Iterable[_Piece], closing: Iterable[str]) -> str:
    lines: list[str] = []
    before: _Piece | None = None
    for piece in pieces:
        if before is not None and before.opens and before.opens != piece.opens:
            lines += [*before.closes, ""]
        if piece.opens and (before is None or before.opens != piece.opens):
            lines += piece.opens
        lines += piece.lines
        before = piece
    if before is not None and before.opens:
        lines += [*before.closes, ""]
    text = "\n".join([*lines, *closing])
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def _file(file: FileDiff, comparison: Comparison) -> Iterator[_Piece]:
    yield _Piece((*_heading(file), "", *_whole(file, comparison), ""), "file")
    if file.diff is None:
        return
    changed = [pair for pair in file.diff.layers if pair.changes]
    own = [pair for pair in changed if not follows(pair)]
    behind = [pair for pair in changed if follows(pair)]
    for pair in own:
        yield _Piece((_row(pair),), "layer", _LAYERS)
    noun = "layer follows" if len(behind) == 1 else "layers follow"
    opens = (
        f"<details><summary>{len(behind)} {noun}{' from these' if own else ''}</summary>",
        "",
        *_LAYERS,
    )
    for pair in behind:
        yield _Piece((_row(pair),), "layer", opens, ("", "</details>"))


def _heading(file: FileDiff) -> Iterator[str]:
    name = _code(file.name)
    status = file.status
    if status is FileStatus.FAILED:
        yield f"### {name}: cannot be compared"
    elif status in {FileStatus.ADDED, FileStatus.REMOVED}:
        yield f"### {name}: {'new' if status is FileStatus.ADDED else 'removed'}"
    else:
        yield f"### {name}"
    if file.diff is not None and not file.diff.same:
        yield ""
        word, _, rest = verdict(file.diff).partition(": ")
        yield f"**{word}**: {_text(rest)}. Compared with {_code(str(file.old_name))}."


def _whole(file: FileDiff, comparison: Comparison) -> Iterator[str]:
    """What is to be said of the file and of its model as a whole."""
    for found in file.diagnostics:
        place = "" if found.span is None else f":{found.span.line}:{found.span.column}"
        where = _code(f"{found.file or file.name}{place}")
        hint = "" if found.hint is None else f" ({_text(found.hint)})"
        yield f"- {where}: {found.severity} {found.code}: {_text(found.message)}{hint}"
    for judgement in (*comparison.broken, *comparison.undecided):
        if judgement.file is file and not _is_word(str(judgement.verdict.condition)):
            words = "is broken" if judgement.verdict.broken else "cannot be decided"
            yield (
                f"- **{_text(str(judgement.verdict.condition))}** {words}: "
                f"{_text(judgement.verdict.reason)}"
            )
    if file.report is not None:
        work = _text(scaled(file.report.multiply_adds))
        yield f"{file.gist}, {work} multiply-adds a sample"
    elif file.status is FileStatus.REMOVED:
        yield file.gist
    for change in file.own_changes:
        if change.code in {"CD003", "CD004"}:
            yield f"- {change.impact}: {_text(change.message)}"
    if file.diff is None:
        return
    for change in file.diff.own_changes:
        if change.code not in AMOUNT_CODES.values():
            yield f"- {_impact(change.impact)}: {_text(change.message)}"
    rows = [
        f"| {AMOUNT_TITLES[amount.name]} | {' | '.join(map(_text, amount_texts(amount)))} "
        f"| {share_text(amount)} |"
        for amount in file.diff.amounts
        if amount.old != amount.new
    ]
    if rows:
        yield ""
        yield "| | before | after | |"
        yield "|:--|--:|--:|--:|"
        yield from rows


def _is_word(condition: str) -> bool:
    return condition in set(Impact)


def _closing(comparison: Comparison) -> Iterator[str]:
    if len(comparison.files) > 1:
        yield comparison.counts()
    ignored = sum(len(file.ignored) for file in comparison.files)
    if ignored:
        changes = "1 change is" if ignored == 1 else f"{ignored} changes are"
        yield f"{changes} ignored by the project's settings."


def _row(pair: LayerPair) -> str:
    worst = min(pair.changes, key=lambda change: list(Impact).index(change.impact)).impact
    messages = [_text(m) for m in _messages(pair)]
    return (
        f"| {_impact(worst)} | {_layer(pair)} | {'<br>'.join(messages)} "
        f"| {_shapes(pair)} | {_parameters(pair)} |"
    )


def _messages(pair: LayerPair) -> Iterator[str]:
    """What changed, the worst first; what has a column of its own is left out."""
    both = pair.old is not None and pair.new is not None
    told = [
        change
        for change in pair.changes
        if not (both and change.code in _SHOWN_CODES and not change.because)
    ]
    order = list(Impact)
    for change in sorted(told or pair.changes, key=lambda c: order.index(c.impact)):
        yield change.message


def _layer(pair: LayerPair) -> str:
    if pair.match is Match.INSERTED:
        return f"{_code(pair.name)} (new)"
    if pair.match is Match.REMOVED:
        return f"~~{_code(pair.name)}~~"
    assert pair.old is not None, "what is not inserted was there before"
    if pair.old.name != pair.name:
        return f"{_code(pair.old.name)} → {_code(pair.name)}"
    return _code(pair.name)


def _shapes(pair: LayerPair) -> str:
    old, new = (None if side is None else side.output_shape for side in (pair.old, pair.new))
    return _before_after(old, new, lambda shape: _text(batched(shape)))


def _parameters(pair: LayerPair) -> str:
    old, new = (None if side is None else side.parameters for side in (pair.old, pair.new))
    return _before_after(old, new, lambda number: f"{number:,}") if old or new else ""


def _before_after(old: T | None, new: T | None, text: Callable[[T], str]) -> str:
    if old is None or new is None or old == new:
        one = new if old is None else old
        return "" if one is None else text(one)
    return f"{text(old)} → {text(new)}"


def _impact(impact: Impact) -> str:
    return f"**{impact}**" if impact is Impact.BREAKING else str(impact)


def _text(text: str) -> str:
    return markdown_text(text.replace(" -> ", " → "))


def _code(text: str) -> str:
    """A name as code, whatever it holds, also inside a table."""
    text = on_one_line(text)
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (ticks + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")
