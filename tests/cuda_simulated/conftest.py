"""These tests run on numba's CUDA simulator, in processes of their own.

numba reads NUMBA_ENABLE_CUDASIM when it is imported; ``tests/test_cuda_simulator.py`` starts
each file here with it. Without it there is nothing to collect.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
collect_ignore_glob = [] if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1" else ["test_*.py"]
