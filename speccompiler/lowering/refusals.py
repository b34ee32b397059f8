"""What Keras's own backends refused, and convspec computes: a note CS055 for each.

None of it changes a number: the layer's definition is followed. But there is no number of that
backend's to compare with, and a model that ran was not trained there, unless on an older release
that took it: Theano 0.9 came out when Keras 1.x ended. Measured with Keras
1.2.2 on TensorFlow 1.0.1 and Theano 0.9.0, and with older releases; the rest is read in Keras's
``backend/tensorflow_backend.py`` and TensorFlow's kernels.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.graph.dims import is_known
from speccompiler.graph.ir import Shape
from speccompiler.loading.keras1.releases import before
from speccompiler.lowering.builder import Builder, Semantics
from speccompiler.schemas.convolution import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    SeparableConvolution2D,
)
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.normalization import BatchNormalization
from speccompiler.schemas.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from speccompiler.schemas.profiles import Profile
from speccompiler.schemas.resizing import UpSampling1D, UpSampling3D

Rule = Callable[[Any, Shape, Semantics], str | None]
"""Of a layer, its input's shape and the semantics: why it was refused."""

RELEASES: Mapping[str, tuple[Profile, Profile]] = {
    "TensorFlow": ("tensorflow", "tensorflow-1.0"),
    "Theano": ("theano", "theano-0.8"),
}
"""The last release of each backend and an older one; what both refuse, none ran."""

LEAST_EPSILON = 1e-5
"""Theano 0.9's, compared with what is left of a number in float32 (tensor/nnet/bn.py:220)."""


def note_refusals(b: Builder, layer: Layer, x: Shape) -> None:
    """CS055 for what the backend that the semantics name would not have run."""
    if b.semantics.backend is None:
        return
    mine, other = "TensorFlow", "Theano"
    if b.semantics.backend.startswith("theano"):
        mine, other = other, mine
    found = _reasons(mine, layer, x, b.semantics)
    older = replace(b.semantics, backend=RELEASES[mine][1])
    always = _reasons(mine, layer, x, older) if found else []
    elsewhere = not _reasons(other, layer, x, b.semantics)
    for reason in found:
        hint = "the result follows the layer's definition"
        if elsewhere and reason in always:
            hint += f"; if the model was trained on {other}, say --semantics {other.lower()}"
        b.note("CS055", f"Keras itself refuses this on {mine}: {reason}", hint)


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


def _reasons(backend: str, layer: Layer, x: Shape, semantics: Semantics) -> list[str]:
    rules = [rule for kind, rule in REFUSED[backend] if isinstance(layer, kind)]
    return [reason for rule in rules if (reason := rule(layer, x, semantics)) is not None]


def _full(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    full = getattr(layer, "border_mode", None) == "full"
    return "it has no border_mode 'full' there" if full else None


def _volumes(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    """Measured on 1.0.2 and 1.0.5."""
    if not layer.class_name.endswith("3D") or not before(semantics.release, (1, 0, 6)):
        return None
    return f"up to 1.0.5 it left 3-D layers to Theano, and Keras {semantics.release} wrote the file"


def _dilated(
    layer: AtrousConvolution1D | AtrousConvolution2D, x: Shape, semantics: Semantics
) -> str | None:
    """tensorflow_backend.py:2693: where the rates are not all 1."""
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
    if isinstance(layer, UpSampling1D):
        spatial = x[:1]
    else:
        spatial = x[1:] if layer.dim_ordering == "th" else x[:-1]
    return None if all(map(is_known, spatial)) else "it repeats only lengths that are known there"


def _not_on_theano(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    return "it has no separable convolution there"


def _epsilon(layer: BatchNormalization, x: Shape, semantics: Semantics) -> str | None:
    """Theano's own normalisation, which mode 1 does without and 0.8 has not."""
    (stored,) = struct.unpack("f", struct.pack("f", min(layer.epsilon, 1.0)))
    refused = stored < LEAST_EPSILON
    if not refused or layer.mode == 1 or semantics.backend == "theano-0.8":
        return None
    return (
        f"Theano 0.9 takes no epsilon below 1e-5, which {layer.epsilon} is in float32; Theano 0.8 "
        "took it"
    )


def _old_pools(layer: Layer, x: Shape, semantics: Semantics) -> str | None:
    """Measured on 1.0.2 to 1.1.2: a window of 1 is padded by -1, as all of a 1-D pool is."""
    if getattr(layer, "border_mode", None) != "same" or not before(semantics.release, (1, 2)):
        return None
    if 1 not in getattr(layer, "pool_size", (1,)):
        return None
    found = "window of 1" if hasattr(layer, "pool_size") else "1-D pool"
    return f"before 1.2 a {found} fails with 'same', and Keras {semantics.release} wrote the file"


REFUSED: Mapping[str, tuple[tuple[type[Layer], Rule], ...]] = {
    "TensorFlow": (
        (Layer, _full),
        (Layer, _volumes),
        (AtrousConvolution1D, _dilated),
        (AtrousConvolution2D, _dilated),
        (SeparableConvolution2D, _separable),
        (UpSampling1D, _repeated),
        (UpSampling3D, _repeated),
    ),
    "Theano": (
        (SeparableConvolution2D, _not_on_theano),
        (BatchNormalization, _epsilon),
        (MaxPooling1D, _old_pools),
        (MaxPooling2D, _old_pools),
        (AveragePooling1D, _old_pools),
        (AveragePooling2D, _old_pools),
    ),
}
