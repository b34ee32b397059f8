"""A model by TensorFlow's rules and by Theano's, for where nothing says which it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from speccompiler.graph.ir import Shape
from speccompiler.lowering.lower import Lowered, lower
from speccompiler.lowering.refusals import RELEASES, Backend
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.model import ModelSpec, SemanticsFields


@dataclass(frozen=True, slots=True)
class ByBackend:
    """What a model was lowered to by the rules of each."""

    spec: ModelSpec
    shapes: Sequence[Shape] | None
    tensorflow: Lowered
    theano: Lowered

    def differing(self) -> tuple[str, ...]:
        """The layers whose numbers depend on the backend."""
        one, other = (
            lowered.graph.by_call() if lowered.graph else {}
            for lowered in (self.tensorflow, self.theano)
        )
        differ = {name for name in one if one[name] != other.get(name)}
        return tuple(dict.fromkeys(c.layer for c in self.spec.calls if c.name in differ))

    def trained_on(self) -> str | None:
        """A sentence on which backend trained the model, where exactly one refuses a layer.

        Only what the older releases refused too counts, since they ran with Keras 1.x as well.
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
    """Lower a model by both. ``shapes`` are of one sample of each input."""
    one, other = (lower(spec, semantics, shapes) for semantics in both_backends(spec))
    return ByBackend(spec, shapes, one, other)


def both_backends(spec: ModelSpec) -> list[Semantics]:
    """TensorFlow's and Theano's rules, as far as finite numbers depend on them."""
    profiles = SemanticsFields(profile="tensorflow"), SemanticsFields(profile="theano")
    return [replace(Semantics.of(fields, spec), infinities="tensorflow") for fields in profiles]


def _refusals(lowered: Lowered) -> list[str | None]:
    return [d.layer for d in lowered.diagnostics if d.code == "CS055"]
