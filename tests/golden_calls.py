"""What stateful models gave, called several times: the state goes on, or Keras reset it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import speccompiler


def assert_calls(folder: Path, model: speccompiler.Model, targets: Sequence[str]) -> None:
    """All calls of a golden case in order give Keras's outputs, within 1e-5 of the largest."""
    first = json.loads((folder / "meta.json").read_text())
    for target in targets:
        compiled, state = model.compile(target), None
        for call in [{**first, "reset_states_before": True}, *first["calls"]]:
            given, expected = ([np.load(folder / name) for name in call[key]]
                               for key in ("inputs", "outputs"))  # fmt: skip
            if call["reset_states_before"]:
                state = None
            found, state = compiled.run_stateful(given if len(given) > 1 else given[0], state)
            for y, kept in zip(found if len(expected) > 1 else [found], expected, strict=True):
                assert y.shape == kept.shape
                assert np.abs(y - kept).max() <= 1e-5 * np.abs(kept).max(), target
