"""Targets that a machine has beside those of every machine, for the conformance tests.

``make test-cuda`` sets CONVSPEC_TEST_TARGETS=cuda.
"""

from __future__ import annotations

import os

EXTRA_TARGETS = tuple(os.environ.get("CONVSPEC_TEST_TARGETS", "").split())
