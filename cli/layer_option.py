"""The ``--layer`` option: names that must exist."""

from __future__ import annotations

from collections.abc import Iterable

import click

from speccompiler.diagnostics.core import did_you_mean
from speccompiler.model import Model


def check_layers(model: Model, names: Iterable[str]) -> None:
    """Usage error, with the names there are, for a layer that the model does not have."""
    known = [call.name for call in model.spec.calls]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"layers: {', '.join(known)}"
            raise click.UsageError(f"no layer '{name}' in {model.name}; {hint}")
