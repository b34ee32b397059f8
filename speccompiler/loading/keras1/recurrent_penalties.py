"""Which penalties a recurrent layer of a Keras 1.x file has: its releases differed.

Up to 1.1.2, and natively, each of ``W_regularizer``, ``U_regularizer`` and ``b_regularizer`` is
about the tensors that it names. Keras 1.2 gave ``W_regularizer`` to the U of each gate too, where
they are stored apart, and nothing looked at ``U_regularizer`` (1.2.2 layers/recurrent.py:490,
719). ConvLSTM2D took regularisers and did nothing with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import quoted_names
from speccompiler.loading.keras1.releases import before
from speccompiler.schemas.fields import Layer

_APART = {"LSTM", "GRU"}
_NAMES = ("W_regularizer", "U_regularizer", "b_regularizer")


def as_then_counted(
    layers: Sequence[Layer], version: str | None
) -> tuple[tuple[Layer, ...], list[Diagnostic]]:
    """The layers with the regularisers that their release applied, and a note CS053 on these."""
    found: list[Layer] = []
    moved: list[str] = []
    for layer in layers:
        update = _changed(layer.inner, version)
        if update:
            moved.append(str(layer.name))
            layer = layer.wrapping(layer.inner.model_copy(update=update))
        found.append(layer)
    if not moved:
        return tuple(found), []
    note = Diagnostic(
        "CS053",
        f"Keras {version} used the regularisers of {quoted_names(moved)} otherwise than they are "
        "named, and so do penalties here",
        Severity.NOTE,
        layer=moved[0],
        hint="where the gates of an LSTM or a GRU are stored apart, W_regularizer was about U too "
        "and U_regularizer about nothing; those of a ConvLSTM2D were about nothing",
    )
    return tuple(found), [note]


def _changed(layer: Any, version: str | None) -> dict[str, Any]:
    """What the release took the regularisers of a layer for, where it is not what they say."""
    kind = layer.class_name
    if not before(version, (2,)):
        return {}
    if kind == "ConvLSTM2D":
        return {name: None for name in _NAMES if getattr(layer, name) is not None}
    if kind not in _APART or layer.joined or before(version, (1, 2)):
        return {}
    same = layer.U_regularizer == layer.W_regularizer
    return {} if same else {"U_regularizer": layer.W_regularizer}
