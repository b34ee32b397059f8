"""A model by TensorFlow's rules and by Theano's, for where nothing says which it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import first_few
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Shape
from speccompiler.lowering.lower import Lowered, lower
from speccompiler.lowering.refusals import RELEASES, Backend
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.model import ModelSpec, SemanticsFields
from speccompiler.system.cached_value import cached_value


@dataclass(frozen=True)
class ByBackend:
    """What a model was lowered to by the rules of each. ``shapes`` are those it was bound to."""

    spec: ModelSpec
    shapes: Sequence[Shape] | None
    tensorflow: Lowered
    theano: Lowered

    @cached_value
    def differing(self) -> tuple[str, ...]:
        """The layers whose numbers depend on the backend, in the model's order."""
        one, other = (
            lowered.graph.by_call() if lowered.graph else {}
            for lowered in (self.tensorflow, self.theano)
        )
        differ = {name for name in one if one[name] != other.get(name)}
        return tuple(dict.fromkeys(c.layer for c in self.spec.calls if c.name in differ))

    def finding(self, severity: Severity = Severity.ERROR) -> Diagnostic | None:
        """CS050 where the numbers of a layer depend on the backend."""
        if not self.differing:
            return None
        names = first_few([f"'{name}'" for name in self.differing], 5)
        told = self.trained_on()
        return Diagnostic(
            "CS050",
            "the file does not say which backend it was trained on, and the numbers of "
            f"{names} depend on it",
            severity,
            layer=self.differing[0],
            hint="a run needs --semantics tensorflow or --semantics theano"
            + ("" if told is None else f"; {told}"),
        )

    def trained_on(self) -> str | None:
        """Which backend trained the model, where only the other one refuses a layer.

        A refusal counts where the backend's older releases refused the layer too: those are
        the releases that Keras 1.x ran on.
        """
        refused = {
            "TensorFlow": self._refused("TensorFlow", self.tensorflow),
            "Theano": self._refused("Theano", self.theano),
        }
        for mine, other in (("TensorFlow", "Theano"), ("Theano", "TensorFlow")):
            if refused[mine] and not refused[other]:
                layer = refused[mine][0]
                return f"Keras on {mine} refuses '{layer}', so that it was trained on {other}"
        return None

    def _refused(self, backend: Backend, lowered: Lowered) -> list[str | None]:
        found = _refusals(lowered)
        if not found:
            return []
        older = SemanticsFields(profile=RELEASES[backend][1])
        before = _refusals(lower(self.spec, Semantics.of(older, self.spec), self.shapes))
        return [layer for layer in found if layer in before]


def by_backend(spec: ModelSpec, shapes: Sequence[Shape] | None = None) -> ByBackend:
    """Lower a model once by each. ``shapes`` are of one sample of each input."""
    one, other = (lower(spec, semantics, shapes) for semantics in both_backends(spec))
    return ByBackend(spec, shapes, one, other)


def both_backends(spec: ModelSpec) -> list[Semantics]:
    """TensorFlow's and Theano's rules, alike in what only infinite numbers would show."""
    profiles = SemanticsFields(profile="tensorflow"), SemanticsFields(profile="theano")
    return [replace(Semantics.of(fields, spec), infinities="tensorflow") for fields in profiles]


def _refusals(lowered: Lowered) -> list[str | None]:
    return [d.layer for d in lowered.diagnostics if d.code == "CS055"]
