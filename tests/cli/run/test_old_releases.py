"""An old release of a backend, asked for by its name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cli.run.calling import good
from tests.places import OWN_GOLDEN


@pytest.mark.parametrize(
    ("semantics", "recorded"),
    [("tensorflow", "output_tf1.14.0.npy"), ("tensorflow-1.0", "output.npy")],
)
def test_an_old_release_is_asked_for_by_its_name(semantics, recorded, tmp_path):
    """A stride longer than the kernel, 'same': TensorFlow up to 1.6 skipped inputs."""
    name = "keras-1.2.2-tensorflow/conv1d_negpad_same_k1_s3_n6"
    case = OWN_GOLDEN / name
    given = [str(case / "model.json"), "--weights", str(case / "weights.npz")]
    output = str(tmp_path / "y.npy")
    good("run", *given, "--input", str(case / "input.npy"), "--semantics", semantics,
         "--output", output)  # fmt: skip
    np.testing.assert_allclose(np.load(output), np.load(case / recorded), rtol=1e-5)
