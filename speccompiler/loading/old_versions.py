"""What a Keras 1.x file means that was written before the last release of the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.loading.release_marks import ShownRelease
from speccompiler.schemas.convolution import SeparableConvolution2D
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import RunningStd
from speccompiler.schemas.normalization import BatchNormalization
from speccompiler.schemas.resizing import ZeroPadding2D

FOUR_SIDES = (1, 1, 1)
"""From this release on ZeroPadding2D reads all of (top, bottom, left, right)."""


@dataclass(frozen=True, slots=True)
class Default:
    """What an argument was by default in each release of the line.

    ``values`` are of the releases before each one, oldest first, and ``last`` of all later.
    """

    layers: frozenset[str]
    argument: str
    values: tuple[tuple[tuple[int, ...], str | float], ...]
    last: str | float
    computes: bool = False
    """Whether a forward pass with weights reads it."""

    def of(self, keras_version: str | None) -> str | float:
        """The default of the release that wrote a file."""
        for release, value in self.values:
            if before(keras_version, release):
                return value
        return self.last


_NORMALIZATION = frozenset({"BatchNormalization"})

DEFAULTS = (
    Default(
        frozenset({"Convolution1D", "AtrousConvolution1D", "LocallyConnected1D"}),
        "init",
        (((1, 1, 2), "uniform"),),
        "glorot_uniform",
    ),
    Default(
        _NORMALIZATION,
        "epsilon",
        (((1, 0, 8), 1e-6), ((1, 2, 0), 1e-5)),
        1e-3,
        computes=True,
    ),
    Default(_NORMALIZATION, "momentum", (((1, 0, 7), 0.9),), 0.99),
    Default(frozenset({"Highway"}), "transform_bias", (((1, 2, 0), -2.0),), 1.0),
)
"""Every argument whose default changed between 1.0.0 and 1.2.2, by the tags' sources.

The relatives of Convolution1D are taken to have changed with it: their pages of 1.0 say
``uniform``, the sources of 1.2.2 ``glorot_uniform``.
``dim_ordering`` is not among them: from 1.0.4 on it was a setting of the machine.
"""


def with_its_defaults(
    layers: Sequence[Layer], keras_version: str | None
) -> tuple[tuple[Layer, ...], list[Diagnostic]]:
    """What a Keras file leaves out is what the release that wrote it took, with a note CS053.

    The note names only what a forward pass reads, where the last release takes another.
    """
    found = []
    noted: dict[tuple[str, str | float], list[str]] = {}
    for layer in layers:
        update = {
            row.argument: row.of(keras_version)
            for row in DEFAULTS
            if layer.inner.class_name in row.layers
            and row.argument not in layer.inner.model_fields_set
        }
        for row in DEFAULTS:
            if row.computes and update.get(row.argument, row.last) != row.last:
                key = (row.argument, update[row.argument])
                noted.setdefault(key, []).append(str(layer.name))
        if update:
            layer = layer.wrapping(layer.inner.model_copy(update=update))
        found.append(layer)
    notes = [
        Diagnostic(
            "CS053",
            f"the file does not say {argument} of '{names[0]}'"
            + (f" and {len(names) - 1} more" if len(names) > 1 else "")
            + f": {_writer(keras_version)} took {value:g}, and so does this",
            Severity.NOTE,
            layer=names[0],
            hint=f"write {argument} to decide otherwise; its default changed between releases",
        )
        for (argument, value), names in noted.items()
    ]
    return tuple(found), notes


def _writer(keras_version: str | None) -> str:
    return f"Keras {keras_version}" if keras_version else "this Keras (before 1.0.4)"


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
    writer = _writer(keras_version)
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
                        f"{writer} used only the first two of {list(inner.padding)}: "
                        f"{used[0]} rows and {used[1]} columns on both sides",
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
    """CS053 where numbers hang on a release that the file does not name.

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
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
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


def before(version: str | None, release: tuple[int, ...]) -> bool:
    """Whether a file's version is older; one that is no row of numbers is not."""
    if version is None:
        return True
    parts = version.split(".")[: len(release)]
    return all(p.isascii() and p.isdigit() for p in parts) and tuple(map(int, parts)) < release
