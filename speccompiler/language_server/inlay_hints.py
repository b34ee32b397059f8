"""The output shape of each layer, at the end of the line that says its type."""

from __future__ import annotations

from collections import Counter

from speccompiler.frozen import dataclass
from speccompiler.language_server.layer_text import summary
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.reports.shape_table import batched


@dataclass(frozen=True, slots=True)
class ShapeHint:
    """A text that an editor shows behind ``line`` (from 1), or behind ``column`` in it."""

    line: int
    column: int | None
    label: str
    tooltip: str


def shape_hints(file: SpecFile) -> list[ShapeHint]:
    """A hint for each layer whose shape is known, in the order of the text.

    Several layers on one line have theirs behind the layer; what a text that cannot be read said
    before it was changed is kept, at the lines where it is now.
    """
    known = file.readable
    layers = [layer for layer in known.layers if not layer.is_header_input]
    counts = Counter(layer.line for layer in layers)
    hints: dict[tuple[int, int | None], ShapeHint] = {}
    for layer in layers:
        found = known.shape_of(layer)
        line = file.now(layer.line)
        if found is None or line is None:
            continue
        column: int | None = None
        if counts[layer.line] > 1:
            span = layer.written.arguments.span
            if span.end_line != layer.line:
                continue
            column = span.end_column
        label = f"→ {batched(found.report.output_shape)}"
        hint = ShapeHint(line, column, label, summary(found.report))
        hints.setdefault((line, column), hint)
    return sorted(hints.values(), key=lambda hint: (hint.line, hint.column or 0))
