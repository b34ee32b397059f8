"""What a Keras 1.x file means that was written before the last release of the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import and_more
from speccompiler.loading.keras1.defaults import with_its_defaults
from speccompiler.loading.keras1.recurrent_penalties import as_then_counted
from speccompiler.loading.keras1.releases import ShownRelease, before, writer
from speccompiler.loading.training_arguments import (
    ignored_declarations,
    learning_rates,
    passed_over,
)
from speccompiler.loading.written_spec import WrittenLayer, WrittenSpec
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import RunningStd
from speccompiler.schemas.normalization import BatchNormalization
from speccompiler.schemas.resizing import ZeroPadding2D
from speccompiler.schemas.separable_convolution import SeparableConvolution2D

FOUR_SIDES = (1, 1, 1)
"""From this release on ZeroPadding2D reads all of (top, bottom, left, right)."""


def as_its_release_read(
    layers: Sequence[Layer], written: WrittenSpec, places: Mapping[str, WrittenLayer]
) -> tuple[tuple[Layer, ...], list[Diagnostic]]:
    """The layers of a Keras file as the release that wrote it meant them, with notes on that."""
    version = written.keras_version
    if written.later:
        return tuple(layers), [*passed_over(layers), *ignored_declarations(places, layers)]
    layers, defaults = with_its_defaults(layers, version)
    layers, paddings = as_then_read(layers, version)
    layers, penalties = as_then_counted(layers, version)
    return layers, [
        *defaults,
        *paddings,
        *penalties,
        *passed_over(layers),
        *learning_rates(places, layers),
        *ignored_declarations(places, layers),
        *unnamed_release(layers, version, written.shown_release),
        *stored_twice(layers),
    ]


def as_then_read(
    layers: Sequence[Layer], keras_version: str | None
) -> tuple[tuple[Layer, ...], list[Diagnostic]]:
    """The layers of a Keras file as its own release read them, and a warning CS053 for each.

    Keras 1.0.0 to 1.1.0 took the first two of a ZeroPadding2D's four numbers, as (rows,
    columns) on both sides; measured on 1.0.2, 1.0.5 and 1.0.8. A file that names no
    release is older than 1.0.4.
    """
    if not before(keras_version, FOUR_SIDES):
        return tuple(layers), []
    found: list[Layer] = []
    diagnostics = []
    for layer in layers:
        inner = layer.inner
        if isinstance(inner, ZeroPadding2D) and isinstance(inner.padding, tuple):
            used = inner.padding[:2]
            if len(inner.padding) > 2:
                diagnostics.append(
                    Diagnostic(
                        "CS053",
                        f"{writer(keras_version)} used only the first two of "
                        f"{list(inner.padding)}: {used[0]} rows and "
                        f"{used[1]} columns on both sides",
                        Severity.WARNING,
                        layer=layer.name,
                        argument="padding",
                        hint=f"write {list(used)} to confirm it; Keras 1.1.1 and later pad each "
                        "side by itself",
                    )
                )
            layer = layer.wrapping(inner.model_copy(update={"padding": used}))
        found.append(layer)
    return tuple(found), diagnostics


def unnamed_release(
    layers: Sequence[Layer], keras_version: str | None, release: ShownRelease | None
) -> list[Diagnostic]:
    """CS053 where the numbers depend on the release, and the file does not name one.

    Keras 1.0.0 to 1.0.3 wrote no release. Nor does what was copied out of the attribute
    ``model_config`` of a later HDF5 file, whose ``running_std`` is the variance; ``release`` is
    what the layers show. A note where that is sure, else a warning.
    """
    found = [
        layer.name
        for layer in layers
        if isinstance(layer.inner, BatchNormalization) and layer.inner.mode == 0
    ]
    sides = [layer.name for layer in layers if _has_four_sides(layer)]
    read = [*found, *(sides if release is not None and not release.sure else [])]
    if not read or (keras_version is not None and release is None):
        return []
    more = and_more(len(found), 1)
    if release is not None:
        holds = f"running_std of '{found[0]}'{more} is taken as the variance" if found else ""
        pads = f"the four numbers of '{sides[0]}' pad each side by itself" if sides else ""
        return [
            Diagnostic(
                "CS053",
                f"no keras_version is given; {release.why}, so that "
                + " and ".join(filter(None, (holds, pads))),
                Severity.NOTE if release.sure else Severity.WARNING,
                layer=read[0],
                hint='add the release beside class_name, as in "keras_version": "1.2.2", to '
                "decide it; Keras before "
                + (
                    "1.0.6 kept the standard deviation there"
                    if found
                    else "1.1.1 used only the first two"
                ),
            )
        ]
    return [
        Diagnostic(
            "CS053",
            "no keras_version is given, so that this is read as Keras before 1.0.4 wrote it: "
            f"running_std of '{found[0]}'{more} is taken as the standard deviation; Keras keeps "
            "the variance there from 1.0.6 on, and on Theano from 1.0.7 on",
            Severity.WARNING,
            layer=found[0],
            hint='add the release beside class_name, as in "keras_version": "1.2.2": a '
            "model_config that was copied out of an HDF5 file has lost it",
        )
    ]


def _has_four_sides(layer: Layer) -> bool:
    padding = layer.inner.padding if isinstance(layer.inner, ZeroPadding2D) else ()
    return isinstance(padding, tuple) and len(padding) == 4


def stored_twice(layers: Sequence[Layer]) -> list[Diagnostic]:
    """A warning CS048 for each pointwise regulariser: Keras writes the depthwise one there.

    Keras 1.2.2 layers/convolutional.py:1062, and every release that has the layer.
    """
    return [
        Diagnostic(
            "CS048",
            "Keras stores the depthwise regulariser as the pointwise one too; the file does not "
            "hold the pointwise regulariser that the model was trained with",
            Severity.WARNING,
            layer=layer.name,
            argument="pointwise_regularizer",
            hint="its penalty is what Keras itself would compute after reading the file",
        )
        for layer in layers
        if isinstance(layer.inner, SeparableConvolution2D)
        and layer.inner.pointwise_regularizer is not None
    ]


def running_std_of(keras_version: str | None, theano: bool) -> RunningStd:
    """What the tensor ``running_std`` of a Keras file holds.

    The deviation up to 1.0.5, and on Theano in 1.0.6; then the variance. Theano added epsilon
    to its root in 1.0.7, and to the variance itself from 1.0.8 on.
    """
    if before(keras_version, (1, 0, 7 if theano else 6)):
        return "deviation"
    return "root_variance" if theano and before(keras_version, (1, 0, 8)) else "variance"
