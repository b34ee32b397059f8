"""A model by TensorFlow's rules and by Theano's, where nothing says which of them trained it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .ir import Shape
from .lower import Lowered, Semantics, layers_of, lower
from .schemas.model import ModelSpec, SemanticsFields

_TITLES = {"tensorflow": "TensorFlow", "theano": "Theano"}


@dataclass(frozen=True, slots=True)
class ByBackend:
    """What a model was lowered to by the rules of each."""

    spec: ModelSpec
    tensorflow: Lowered
    theano: Lowered

    def differing(self) -> tuple[str, ...]:
        """The layers whose numbers hang on the backend."""
        one, other = (
            layers_of(lowered.graph.nodes) if lowered.graph else {}
            for lowered in (self.tensorflow, self.theano)
        )
        differ = {name for name in one if one[name] != other.get(name)}
        return tuple(dict.fromkeys(c.layer for c in self.spec.calls if c.name in differ))

    def trained_on(self) -> str | None:
        """What a backend that refused a layer says about the other, where only one did."""
        refused = {
            "tensorflow": _refused(self.tensorflow),
            "theano": _refused(self.theano),
        }
        for mine, other in (("tensorflow", "theano"), ("theano", "tensorflow")):
            if refused[mine] and not refused[other]:
                return (
                    f"Keras on {_TITLES[mine]} refuses '{refused[mine][0]}', so that it was "
                    f"trained on {_TITLES[other]}"
                )
        return None


def by_backend(spec: ModelSpec, shapes: Sequence[Shape] | None = None) -> ByBackend:
    """Lower a model by both. ``shapes`` are of one sample of each input."""
    return ByBackend(spec, *(lower(spec, semantics, shapes) for semantics in both_backends(spec)))


def both_backends(spec: ModelSpec) -> list[Semantics]:
    """TensorFlow's and Theano's rules, as far as finite numbers depend on them."""
    profiles = SemanticsFields(profile="tensorflow"), SemanticsFields(profile="theano")
    return [replace(Semantics.of(fields, spec), infinities="tensorflow") for fields in profiles]


def _refused(lowered: Lowered) -> list[str | None]:
    return [d.layer for d in lowered.diagnostics if d.code == "CS055"]
