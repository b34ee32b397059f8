"""What Keras refused on a backend or a release, and convspec computes: a note CS055 for each.

``REFUSED`` is the table. None of it changes a number: the result follows the layer's definition.
But that backend gave no number to compare with, and a model that was trained was not trained
there, unless on an older release that took the layer (Theano 0.9 came out when Keras 1.x ended).
Measured with Keras 1.2.2 on TensorFlow 1.0.1 and Theano 0.9.0, and with older releases; the rest
is read in Keras's ``backend/tensorflow_backend.py`` and in TensorFlow's kernels.

Where not even the definition says a number, as there is no rule for 'same', a layer is refused
here too: ``not_in_theano_0_8``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import is_known
from speccompiler.graph.ir import Shape
from speccompiler.loading.keras1.releases import before
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.fields import Layer, argument
from speccompiler.schemas.profiles import Profile

if TYPE_CHECKING:
    from speccompiler.schemas.atrous_convolution import AtrousConvolution1D, AtrousConvolution2D
    from speccompiler.schemas.bidirectional import Bidirectional
    from speccompiler.schemas.normalization import BatchNormalization
    from speccompiler.schemas.resizing import UpSampling1D, UpSampling3D
    from speccompiler.schemas.separable_convolution import SeparableConvolution2D

Backend = Literal["TensorFlow", "Theano"]
Rule = Callable[[Any, Shape, Semantics], str | None]
"""A layer, its input's shape and the semantics to why it was refused; None where it was not."""

RELEASES: Mapping[Backend, tuple[Profile, Profile]] = {
    "TensorFlow": ("tensorflow", "tensorflow-1.0"),
    "Theano": ("theano", "theano-0.8"),
}
"""The last release of each backend and an older one; what both refuse, none ran."""

LEAST_EPSILON = 1e-5
"""Theano 0.9's smallest, compared with an epsilon in float32 (tensor/nnet/bn.py:220)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row of the table: who refused which layers, and when."""

    backend: Backend
    layers: tuple[str, ...]
    """Names of their classes; none stands for all."""
    why: Rule


def refusals(layer: Layer, x: Shape, semantics: Semantics) -> Iterator[tuple[str, str]]:
    """Message and hint for each reason why the backend of the semantics would not run a layer.

    ``x`` is the shape of the layer's input. Nothing where no backend was decided on, or where
    Keras 2 or later wrote the model, of which the table says nothing.
    """
    if semantics.backend is None or semantics.later_keras:
        return
    mine: Backend = "TensorFlow"
    other: Backend = "Theano"
    if semantics.backend.startswith("theano"):
        mine, other = other, mine
    found = _reasons(mine, layer, x, semantics)
    if not found:
        return
    older = replace(semantics, backend=RELEASES[mine][1])
    always = _reasons(mine, layer, x, older)
    elsewhere = not _reasons(other, layer, x, semantics)
    for reason in found:
        hint = "the result follows the layer's definition"
        if elsewhere and reason in always:
            hint += f"; if the model was trained on {other}, say --semantics {other.lower()}"
        yield f"Keras itself refuses this on {mine}: {reason}", hint


def not_in_theano_0_8(what: str, argument: str | None = None) -> Problem:
    """CS055 for what has no result under the rules of Theano 0.8."""
    return Problem(
        "CS055",
        f"Theano 0.8 has no {what}",
        "--semantics theano takes the rules of Theano 0.9, which has it",
        argument=argument,
    )


def gathered(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each refusal told once, at the first of its layers, with the names of the others."""
    alike: dict[Diagnostic, list[Diagnostic]] = {}
    for finding in found:
        key = replace(finding, layer=None) if finding.code == "CS055" else finding
        alike.setdefault(key, []).append(finding)
    return tuple(_of_all(findings) for findings in alike.values())


def _of_all(findings: list[Diagnostic]) -> Diagnostic:
    first, *others = findings
    if not others:
        return first
    names = ", ".join(f"'{finding.layer}'" for finding in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return replace(first, message=f"{first.message} (and so of {names}{more})")


def _reasons(backend: Backend, layer: Layer, x: Shape, semantics: Semantics) -> list[str]:
    rows = _rows(backend, layer.class_name)
    return [reason for row in rows if (reason := row.why(layer, x, semantics)) is not None]


@cache
def _rows(backend: Backend, name: str) -> tuple[Refusal, ...]:
    """The rows about layers of this class."""
    return tuple(r for r in REFUSED if r.backend == backend and (not r.layers or name in r.layers))


def _full(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    full = argument(layer, "border_mode") == "full"
    return "it has no border_mode 'full' there" if full else None


def _volumes(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    """Measured on 1.0.2 and 1.0.5."""
    if layer.rank != 3 or not before(semantics.release, (1, 0, 6)):
        return None
    return f"up to 1.0.5 it left 3-D layers to Theano, and Keras {semantics.release} wrote the file"


def _dilated(
    layer: AtrousConvolution1D | AtrousConvolution2D, x: Shape, semantics: Semantics
) -> str | None:
    """tensorflow_backend.py:2693: asked only where the rates are not all 1."""
    from speccompiler.schemas.atrous_convolution import AtrousConvolution1D

    if isinstance(layer, AtrousConvolution1D):
        rates, strides = {layer.atrous_rate}, {layer.subsample_length}
    else:
        rates, strides = set(layer.atrous_rate), set(layer.subsample)
    if rates == {1}:
        return None
    if len(rates) > 1:
        return "a dilated convolution has one rate for rows and columns there"
    return None if strides == {1} else "a dilated convolution takes no strides there"


def _separable(layer: SeparableConvolution2D, x: Shape, semantics: Semantics) -> str | None:
    channels = x[0 if layer.dim_ordering == "th" else -1]
    if layer.subsample[0] != layer.subsample[1]:
        return "a separable convolution has one stride for rows and columns there"
    if isinstance(channels, int) and channels * layer.depth_multiplier > layer.nb_filter:
        return (
            f"{channels} channels by {layer.depth_multiplier} kernels are more than "
            f"{layer.nb_filter} filters, which TensorFlow 1.0 calls overparameterized"
        )
    return None


def _repeated(layer: UpSampling1D | UpSampling3D, x: Shape, semantics: Semantics) -> str | None:
    """tensorflow_backend.py:1550: ``repeat_elements`` splits along an axis."""
    from speccompiler.schemas.resizing import UpSampling1D

    if isinstance(layer, UpSampling1D):
        spatial = x[:1]
    else:
        spatial = x[1:] if layer.dim_ordering == "th" else x[:-1]
    return None if all(map(is_known, spatial)) else "it repeats only lengths that are known there"


def _not_on_theano(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    return "it has no separable convolution there"


def _epsilon(layer: BatchNormalization, x: Shape, semantics: Semantics) -> str | None:
    """A check of Theano's own normalisation, which mode 1 does not use and 0.8 does not have."""
    (stored,) = struct.unpack("f", struct.pack("f", min(layer.epsilon, 1.0)))
    refused = stored < LEAST_EPSILON
    if not refused or layer.mode == 1 or semantics.backend == "theano-0.8":
        return None
    return (
        f"Theano 0.9 takes no epsilon below 1e-5, which {layer.epsilon} is in float32; Theano 0.8 "
        "took it"
    )


def _old_pools(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    """Measured on 1.0.2 to 1.1.2: a window of 1 is padded by -1; a 1-D pool was one of 1 by k."""
    if argument(layer, "border_mode") != "same" or not before(semantics.release, (1, 2)):
        return None
    if 1 not in getattr(layer, "pool_size", (1,)):
        return None
    found = "window of 1" if hasattr(layer, "pool_size") else "1-D pool"
    return f"before 1.2 a {found} fails with 'same', and Keras {semantics.release} wrote the file"


def _written_out(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    """tensorflow_backend.py:2077, theano_backend.py:1027."""
    unroll = argument(layer.inner, "unroll") and not is_known(x[0])
    return "unroll writes out a known number of steps" if unroll else None


def _one_unit(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    """A scan whose second state has an axis that may be broadcast, measured on 0.9."""
    inner: Any = layer.inner
    if inner.class_name != "LSTM" or inner.output_dim > 1 or inner.unroll:
        return None
    return "an LSTM has more than one unit there, unless it is unrolled"


def _both_last(layer: Bidirectional, x: Shape, semantics: Semantics) -> str | None:
    """Its masks: one was asked for, and there are two values. Measured on 1.2.2."""
    apart = layer.merge_mode is None and not argument(layer.inner, "return_sequences")
    if not apart or not before(semantics.release, (2,)):
        return None
    return "merge_mode null asks for return_sequences"


_STEPPING = ("SimpleRNN", "LSTM", "GRU", "Bidirectional")
_OLD_POOLS = ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")

REFUSED: tuple[Refusal, ...] = (
    Refusal("TensorFlow", (), _full),
    Refusal("TensorFlow", (), _volumes),
    Refusal("TensorFlow", ("AtrousConvolution1D", "AtrousConvolution2D"), _dilated),
    Refusal("TensorFlow", ("SeparableConvolution2D",), _separable),
    Refusal("TensorFlow", ("UpSampling1D", "UpSampling3D"), _repeated),
    Refusal("Theano", ("SeparableConvolution2D",), _not_on_theano),
    Refusal("Theano", ("BatchNormalization",), _epsilon),
    Refusal("Theano", _OLD_POOLS, _old_pools),
    Refusal("TensorFlow", _STEPPING, _written_out),
    Refusal("Theano", _STEPPING, _written_out),
    Refusal("Theano", ("LSTM", "Bidirectional"), _one_unit),
    Refusal("TensorFlow", ("Bidirectional",), _both_last),
    Refusal("Theano", ("Bidirectional",), _both_last),
)
