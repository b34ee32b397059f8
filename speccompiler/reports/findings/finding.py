"""A finding as CI systems take it, whatever found it: a check of a spec or a comparison."""

from __future__ import annotations

from speccompiler.diagnostics.core import Fix, Severity, Span
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of ``validate`` or ``diff``. Its texts are on one line and printable."""

    code: str
    """Of a diagnostic (``CS012``) or of a change (``CD101``)."""
    level: Severity
    """After the project's own severities."""
    message: str
    file: str
    """Relative to the project's root, with ``/`` between folders, or absolute where it is
    outside; URIs are made of it."""
    span: Span | None
    fingerprint: str
    """Equal for the same finding after unrelated edits: no line or column goes into it."""
    layer: str | None = None
    hint: str | None = None
    fix: Fix | None = None

    @property
    def sentence(self) -> str:
        """The message with the layer it is about and what to do, on one line."""
        layer = "" if self.layer is None else f" (layer '{self.layer}')"
        hint = "" if self.hint is None else f"; {self.hint}"
        return f"{self.message}{layer}{hint}"

    @property
    def last_line(self) -> int:
        """The last line that the place has a character of; 1 where there is no place."""
        span = self.span
        if span is None:
            return 1
        return span.end_line - (span.end_column == 1 and span.end_line > span.line)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code means, as SARIF and GitLab list it once for all findings."""

    code: str
    name: str
    """One line."""
    help: str
    """Markdown."""
    level: Severity
