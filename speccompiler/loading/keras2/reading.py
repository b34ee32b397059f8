"""What is known of the whole model while its layers are read, and what was found in them."""

from __future__ import annotations

from dataclasses import field

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, Span
from speccompiler.diagnostics.wording import and_more, shown
from speccompiler.frozen import dataclass
from speccompiler.loading.keras2.unique_names import unique
from speccompiler.loading.keras2.writer import Writer


@dataclass(slots=True)
class Reading:
    """The writer of the file, findings, and the names that layers have taken."""

    writer: Writer
    findings: list[tuple[Span, Problem]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    precisions: dict[str, list[tuple[str, Span]]] = field(default_factory=dict)
    """Layers that computed in another precision than float32, by its name."""
    passed_over: dict[str, list[tuple[str, Span]]] = field(default_factory=dict)
    """Layers that do nothing in a forward pass and have no class here, by their class."""

    notes_on_layers: list[Diagnostic] = field(default_factory=list)

    def refuse(self, span: Span, code: str, message: str, hint: str | None = None) -> None:
        """Note what cannot be read; the rest of the model is read on."""
        self.findings.append((span, Problem(code, message, hint)))

    def say(self, code: str, message: str, span: Span) -> None:
        """A note on what a file means."""
        self.notes_on_layers.append(Diagnostic(code, message, Severity.NOTE, span=span))

    def unique(self, name: str, container: str = "") -> str:
        """A name that no layer has yet: models inside of one another may share names."""
        return unique(self.taken, name, container)

    def notes(self) -> list[Diagnostic]:
        """A note for each precision, and for each class of layers that were passed over."""
        found = [
            Diagnostic(
                "CS240",
                f"'{shown(layers[0][0])}'{and_more(len(layers), 1)} computed in {precision}; "
                "convspec computes in float32",
                Severity.NOTE,
                span=layers[0][1],
            )
            for precision, layers in self.precisions.items()
        ]
        found += [
            Diagnostic(
                "CS241",
                f"{kind} does nothing in a forward pass; passed over in '{shown(layers[0][0])}'"
                f"{and_more(len(layers), 1)}",
                Severity.NOTE,
                span=layers[0][1],
            )
            for kind, layers in self.passed_over.items()
        ]
        return found + self.notes_on_layers
