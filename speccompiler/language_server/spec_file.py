"""An open text as the features see it: what it says now, and what it said when it could be read."""

from __future__ import annotations

from functools import cached_property

from speccompiler.diagnostics.core import Span
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.moved_lines import MovedLines
from speccompiler.language_server.positions import PlacedText, Range
from speccompiler.language_server.readable_part import readable_parts


class SpecFile:
    """One version of a text. ``before`` is the last version of it that could be read."""

    def __init__(
        self, current: Analysis, encoding: str = "utf-16", before: Analysis | None = None
    ) -> None:
        self.current = current
        self.placed = PlacedText(current.text, encoding)
        self._before = before

    @property
    def text(self) -> str:
        """The text as it is now."""
        return self.current.text

    @cached_property
    def readable(self) -> Analysis:
        """The newest version that can be read: this one, the last, or the beginning of this one."""
        if self.current.readable:
            return self.current
        if self._before is not None:
            return self._before
        for part in readable_parts(self.current.document):
            found = Analysis(part, self.current.file, self.current.options)
            if found.readable and found.is_spec:
                return found
        return self.current

    @cached_property
    def _moved(self) -> MovedLines | None:
        # The beginning of this text stands where it stands.
        kept = self.readable is self._before and self.readable.text != self.text
        return MovedLines(self.readable.text, self.text) if kept else None

    def now(self, line: int) -> int | None:
        """Where a line of ``readable`` is now; None where it has changed."""
        return line if self._moved is None else self._moved.to_new(line)

    def span_now(self, span: Span) -> Span | None:
        """Where a span of ``readable`` is now; None where it has changed."""
        return span if self._moved is None else self._moved.span(span)

    def range_now(self, span: Span) -> Range | None:
        """The range of a span of ``readable`` as an editor counts."""
        moved = self.span_now(span)
        return None if moved is None else self.placed.range(moved)

    def then(self, line: int) -> int | None:
        """Where a line of the text was in ``readable``; None where it has changed."""
        return line if self._moved is None else self._moved.to_old(line)
