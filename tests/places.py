"""Where this repository and the recorded outputs of the real Keras lie."""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
OWN_GOLDEN = TESTS / "golden"
"""The recorded outputs that the repository holds."""
GOLDEN = Path(os.environ.get("CONVSPEC_GOLDEN", ROOT.parent / "shared" / "golden"))
"""A larger collection of them, where this machine has it."""
OWN_GOLDEN_KERAS2 = TESTS / "golden-keras2"
"""Recorded outputs of Keras 2, tf.keras and Keras 3 that the repository holds."""
GOLDEN_KERAS2 = Path(
    os.environ.get("CONVSPEC_GOLDEN_KERAS2", ROOT.parent / "shared" / "golden-keras2")
)
"""A larger collection of them, where this machine has it."""
OWN_GOLDEN_RECURRENT = TESTS / "golden-recurrent"
"""The recorded outputs of recurrent layers that the repository holds."""
GOLDEN_RECURRENT = Path(
    os.environ.get("CONVSPEC_GOLDEN_RECURRENT", ROOT.parent / "shared" / "golden-recurrent")
)
"""A larger collection of them, where this machine has it."""
