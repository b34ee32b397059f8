"""Values as solid blocks in the order of the layers, as papers draw a chain of convolutions.

A block is the output of a unit, to scale. Rows are wrapped; what reads another value than the one
before it is joined to that by a line above the blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.drawing.labels import MARGIN, shape_text
from speccompiler.drawing.primitives import Group, Item, Line, Point, Polygon, Rect, Text
from speccompiler.drawing.scales import Scale, Size
from speccompiler.drawing.text_widths import fitted, text_width
from speccompiler.drawing.themes import KINDS, Theme, shaded
from speccompiler.drawing.units import Unit
from speccompiler.frozen import dataclass

ROW_WIDTH = 1150.0
LONGEST, THICKEST, LEAST = 150.0, 46.0, 4.0
SLANT = (0.42, -0.32)
"""How depth is drawn: to the right and upwards."""
BAND = 5.0
"""The thickness of a layer that is drawn on a block."""
NAME, WORDS = 11.0, 9.5
LABEL = 134.0
"""The widest label."""
GAP = 22.0
MOST_ROWS = 6
MOST_SKIPS = 12
LANE = 9.0


@dataclass(frozen=True, slots=True)
class _Slot:
    """A unit with its size, and its texts cut to fit below it."""

    unit: Unit
    size: Size
    lines: tuple[str, ...]
    """The name, what it does in one or two lines, the shape."""
    width: float

    @property
    def solid(self) -> float:
        """The width of the block itself, as it is seen."""
        return self.size.thickness + BAND * len(self.unit.extra) + self.size.depth * SLANT[0]

    @property
    def rise(self) -> float:
        """How far its back is drawn above its front."""
        return -self.size.depth * SLANT[1]


def suits(all_units: Sequence[Unit]) -> bool:
    """Whether blocks show the model well: few of them, and each reads the one before it."""
    rows = _rows(_slots(all_units))
    row_of = {slot.unit.key: index for index, row in enumerate(rows) for slot in row}
    keys = [unit.key for unit in all_units]
    trunk = all(before in unit.reads for before, unit in zip(keys, all_units[1:], strict=False))
    skips = _skips(all_units)
    near = all(row_of[source] == row_of[target] for source, target in skips)
    return trunk and near and len(rows) <= MOST_ROWS and len(skips) <= MOST_SKIPS


def blocks(all_units: Sequence[Unit], top: float, theme: Theme) -> tuple[list[Item], float, float]:
    """The blocks below ``top``; the width and the end of the drawing."""
    slots = _slots(all_units)
    rows = _rows(slots)
    items: list[Item] = []
    places: dict[str, tuple[int, float]] = {}
    skips = _skips(all_units)
    row_of = {slot.unit.key: index for index, row in enumerate(rows) for slot in row}
    if any(row_of[source] != row_of[target] for source, target in skips):
        # A line from one row to another could be followed by nobody.
        rows, row_of = [slots], dict.fromkeys(row_of, 0)
    widest = 0.0
    y = top
    previous: tuple[str, Point] | None = None
    for index, row in enumerate(rows):
        lanes = _lanes(row, skips, row_of, index)
        room = LANE * (1 + max(lanes.values(), default=-1)) + (8 if lanes else 0)
        reach = max(slot.size.height / 2 + slot.rise for slot in row)
        axis = y + room + reach
        x = MARGIN
        tops: dict[str, Point] = {}
        for slot in row:
            left = x + (slot.width - slot.solid) / 2
            solid, entry, leave, summit = _block(slot, left, axis, theme)
            tops[slot.unit.key] = summit
            if previous is not None and previous[0] in slot.unit.reads:
                items += _joined(previous, entry, index, places, theme, y)
            items.append(Group(_title(slot.unit), (*solid, *_label(slot, x, axis, row, theme))))
            previous = (slot.unit.key, leave)
            places[slot.unit.key] = (index, x + slot.width)
            x += slot.width + GAP
        widest = max(widest, x - GAP)
        for (source, target), lane in lanes.items():
            (a, b), (c, d) = tops[source], tops[target]
            a, c = a + 5, c - 5  # what goes out of a block is told from what comes in
            height = axis - reach - 8 - LANE * lane
            items.append(
                Line(((a, b), (a, height), (c, height), (c, d)), theme.line, 1.2, arrow=True)
            )
        below = max(slot.size.height for slot in row) / 2
        texts = max(len(slot.lines) for slot in row)
        y = axis + below + 12 + 13 * texts + 26
    return items, widest + MARGIN, y


def _slots(all_units: Sequence[Unit]) -> list[_Slot]:
    scale = Scale.of((unit.extent for unit in all_units), LONGEST, THICKEST, LEAST)
    found = []
    for unit in all_units:
        size = scale.size(unit.extent)
        lines = [fitted(unit.name, NAME, LABEL, bold=True), *_halved(unit.words)]
        lines.append(fitted(shape_text(unit.shape), WORDS, LABEL))
        wide = [text_width(lines[0], NAME, bold=True)]
        wide += [text_width(line, WORDS) for line in lines[1:]]
        solid = size.thickness + BAND * len(unit.extra) + size.depth * SLANT[0]
        found.append(_Slot(unit, size, tuple(lines), max(solid, *wide)))
    return found


def _halved(words: str) -> list[str]:
    """In lines that are not too long, broken at its dots."""
    lines: list[str] = []
    for part in words.split(" · ") if words else ():
        longer = f"{lines[-1]} · {part}" if lines else part
        if lines and text_width(longer, WORDS) <= 84:
            lines[-1] = longer
        else:
            lines.append(part)
    return [fitted(line, WORDS, LABEL) for line in lines]


def _rows(slots: Sequence[_Slot]) -> list[list[_Slot]]:
    """As few rows as hold them, about equally full."""
    whole = sum(slot.width + GAP for slot in slots)
    count = max(1, -int(-whole // ROW_WIDTH))
    limit = max(whole / count + 40, 200.0)
    rows: list[list[_Slot]] = [[]]
    x = 0.0
    for slot in slots:
        if rows[-1] and x + slot.width > min(limit, ROW_WIDTH + 40):
            rows.append([])
            x = 0.0
        rows[-1].append(slot)
        x += slot.width + GAP
    return rows


def _block(
    slot: _Slot, left: float, axis: float, theme: Theme
) -> tuple[list[Rect | Polygon | Line | Text], Point, Point, Point]:
    """The block around its axis; where lines enter and leave, and its middle on top."""
    size, unit = slot.size, slot.unit
    top, bottom = axis - size.height / 2, axis + size.height / 2
    dx, dy = size.depth * SLANT[0], size.depth * SLANT[1]
    parts = [(size.thickness, KINDS[unit.kind][0])]
    parts += [(BAND, KINDS[kind][0]) for kind in unit.extra]
    items: list[Rect | Polygon | Line | Text] = []
    x = left
    for width, colour in parts:
        dark = shaded(colour, "#000000", 0.38)
        items.append(Rect(x, top, width, size.height, colour, dark, 0, 0.8))
        if size.depth:
            roof = ((x, top), (x + dx, top + dy), (x + dx + width, top + dy), (x + width, top))
            items.append(Polygon(roof, shaded(colour, "#ffffff", 0.35), dark, 0.8))
        x += width
    if size.depth:
        colour = shaded(parts[-1][1], "#000000", 0.14)
        side = ((x, top), (x + dx, top + dy), (x + dx, bottom + dy), (x, bottom))
        items.append(Polygon(side, colour, shaded(colour, "#000000", 0.3), 0.8))
    for step in range(1, size.slices):
        at = left + size.thickness * step / size.slices
        line = shaded(parts[0][1], "#000000", 0.38)
        items.append(Line(((at, bottom), (at, top), (at + dx, top + dy)), line, 0.6))
    summit = (left + size.thickness / 2 + dx / 2, top + dy / 2)
    return items, (left, axis), (x + dx, axis), summit


def _label(slot: _Slot, x: float, axis: float, row: Sequence[_Slot], theme: Theme) -> list[Text]:
    y = axis + max(other.size.height for other in row) / 2 + 16
    middle = x + slot.width / 2
    name, *words, shape = slot.lines
    found = [Text(middle, y, name, NAME, theme.text, "middle", bold=True)]
    for line in words:
        y += 13
        found.append(Text(middle, y, line, WORDS, theme.quiet, "middle"))
    found.append(Text(middle, y + 13, shape, WORDS, theme.text, "middle"))
    return found


def _title(unit: Unit) -> str:
    return f"{', '.join(unit.layers)}: {unit.words}, {shape_text(unit.shape)}"


def _skips(all_units: Sequence[Unit]) -> list[tuple[str, str]]:
    """Reads of other values than the one before."""
    found: list[tuple[str, str]] = []
    before: str | None = None
    for unit in all_units:
        found += [(source, unit.key) for source in unit.reads if source != before]
        before = unit.key
    return found


def _lanes(
    row: Sequence[_Slot], skips: Sequence[tuple[str, str]], row_of: dict[str, int], index: int
) -> dict[tuple[str, str], int]:
    """How high each line above a row runs: those that lie over each other do not touch."""
    at = {slot.unit.key: place for place, slot in enumerate(row)}
    mine = [skip for skip in skips if row_of[skip[0]] == row_of[skip[1]] == index]
    mine.sort(key=lambda skip: (at[skip[1]] - at[skip[0]], at[skip[0]]))
    lanes: dict[tuple[str, str], int] = {}
    for source, target in mine:
        span = (at[source], at[target])
        taken = {
            lane for (a, b), lane in lanes.items() if at[a] < span[1] + 1 and span[0] < at[b] + 1
        }
        lanes[source, target] = next(n for n in range(len(mine) + 1) if n not in taken)
    return lanes


def _joined(
    previous: tuple[str, Point],
    entry: Point,
    index: int,
    places: dict[str, tuple[int, float]],
    theme: Theme,
    top: float,
) -> list[Item]:
    """The line from the block before: straight, or around the end of its row."""
    key, leave = previous
    if places[key][0] == index:
        start = (leave[0] + 1, entry[1])
        return [Line((start, (entry[0] - 1, entry[1])), theme.line, 1.2, arrow=True)]
    right, left = max(leave[0], places[key][1]) + GAP * 0.4, MARGIN - 12
    path = (
        (leave[0] + 1, leave[1]),
        (right, leave[1]),
        (right, top - 12),
        (left, top - 12),
        (left, entry[1]),
        (entry[0] - 1, entry[1]),
    )
    return [Line(path, theme.line, 1.2, arrow=True)]
