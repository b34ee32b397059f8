"""Arguments whose default changed between releases of Keras 1.x, which a file may leave out."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import and_more
from speccompiler.frozen import dataclass
from speccompiler.loading.keras1.releases import before, writer
from speccompiler.schemas.fields import Layer


@dataclass(frozen=True, slots=True)
class Default:
    """What an argument was by default in each release of the line.

    ``values`` pairs a release with the default of all before it, oldest first; ``last`` is the
    default of all later ones.
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
    """The layers with the defaults of the release that wrote the file, and notes CS053.

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
            f"{and_more(len(names), 1)}: {writer(keras_version)} took {value:g}, and so does this",
            Severity.NOTE,
            layer=names[0],
            hint=f"write {argument} to decide otherwise; its default changed between releases",
        )
        for (argument, value), names in noted.items()
    ]
    return tuple(found), notes
