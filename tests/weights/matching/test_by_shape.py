"""Names that say nothing: arrays are matched by shape where that is possible in one way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import speccompiler
from tests.weights.saved_by_hand import WEIGHTS, refusal

pytestmark = pytest.mark.usefixtures("folder")


def test_odd_names_where_shapes_are_each_ones_own() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\ninput_shape: [2]\nlayers:\n  - {type: Dense, name: d, output_dim: 3}\n"
        "  - {type: Dense, name: e, output_dim: 4}\n"
    )
    tensors = {"p": np.ones((2, 3)), "q": np.ones(3), "r": np.ones((3, 4)), "s": np.ones(4)}
    np.savez("w.npz", **dict(reversed(tensors.items())))
    model = speccompiler.load("m.yaml", weights="w.npz")
    (note,) = model.weight_sources.diagnostics
    assert note.message == (
        "the names are others, so weights were matched by their shapes, each of which is one's: "
        "d/W from 'p', d/b from 'q', e/W from 'r', e/b from 's'"
    )
    # What another program wrote may have its axes in another order.
    save_file({k: v.astype(np.float32) for k, v in tensors.items()}, "w.safetensors")
    assert refusal("w.safetensors").code == "CS105"


def test_odd_names_that_fit_in_two_ways_are_not_guessed_at() -> None:
    np.savez("w.npz", **dict(zip("abcdefgh", WEIGHTS, strict=True)))
    finding = refusal("w.npz")
    assert finding.code == "CS105"
    assert finding.message.endswith(
        "; nor does the order fit: by their shapes alone, several arrays fit conv1/b (3,), "
        "bn/gamma (3,), bn/beta (3,), bn/running_mean (3,), bn/running_std (3,)"
    )
    assert finding.hint == (
        "name the arrays <layer>/W, <layer>/b, or save them in order: "
        'numpy.savez("weights.npz", *model.get_weights())'
    )
