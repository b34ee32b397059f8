"""What differs between the backends and releases of Keras, as one value: the semantics.

kernel       whether a convolution reverses its kernel: ``kernels.py``
padding      how 'same' pads: ``border_modes.py``, with the arithmetic in ``graph/padding.py``
running_std  what BatchNormalization stores as running_std: ``normalization.py``
infinities   what activations make of an infinity: ``activations.py``
backend      whose refusals are told: ``refusals.py``
"""

from __future__ import annotations

from typing import Literal

from speccompiler.frozen import dataclass
from speccompiler.loading.keras1.releases import before
from speccompiler.schemas.model import ModelSpec, RunningStd, SemanticsFields
from speccompiler.schemas.profiles import Profile


@dataclass(frozen=True, slots=True)
class Semantics:
    """The rules that a model is lowered by."""

    kernel: Literal["correlate", "convolve"]
    padding: Profile
    running_std: RunningStd = "variance"
    infinities: Literal["tensorflow", "theano"] = "tensorflow"
    """Whose formulas are taken where they differ for infinite values alone."""
    backend: Profile | None = None
    """Whose refusals are told; None where nothing decided on a backend."""
    release: str = "1.2.2"
    """The Keras that wrote the model."""

    @staticmethod
    def of(fields: SemanticsFields, spec: ModelSpec | None = None) -> Semantics:
        """A profile with its overrides; ``spec`` tells which release of Keras wrote the model."""
        theano = fields.profile.startswith("theano")
        default: Literal["correlate", "convolve"] = "convolve" if theano else "correlate"
        stored: RunningStd = "variance"
        if spec is not None and not spec.native:
            from speccompiler.loading.keras1.old_versions import running_std_of

            stored = running_std_of(spec.keras_version, theano)
        return Semantics(
            fields.kernel or default,
            fields.padding or fields.profile,
            fields.running_std or stored,
            "theano" if theano else "tensorflow",
            fields.profile,
            (spec.keras_version if spec is not None else None) or "1.2.2",
        )

    @property
    def later_keras(self) -> bool:
        """Whether Keras 2 or later wrote the model."""
        return not before(self.release, (2,))

    @property
    def theano(self) -> bool:
        """Whether padding follows a release of Theano."""
        return self.padding.startswith("theano")
