"""A process that is forked while another thread computes a block."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.places import ROOT

PROGRAM = """
import os, signal, sys, threading, warnings
# Python 3.12 warns of every fork while threads run; that is just what is tested.
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
sys.path.insert(0, sys.argv[1])
import dask.array as da
import numpy as np
import speccompiler
from speccompiler.dask import map_array, worker_models
from tests.models import FIXED

x = da.ones((4, 6, 2), chunks=(2, 6, 2), dtype=np.float32)
y = map_array(speccompiler.loads(FIXED), x)
expected = y.compute(scheduler="sync")
inside, end = threading.Event(), threading.Event()

def busy():
    with worker_models.TURN.now, worker_models._lock.now:
        inside.set()
        end.wait(60)

thread = threading.Thread(target=busy)
thread.start()
inside.wait(60)
pid = os.fork()
if pid == 0:
    signal.alarm(30)
    os._exit(not np.array_equal(y.compute(scheduler="sync"), expected))
end.set()
thread.join()
print(os.waitpid(pid, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.xdist_group("dask")
def test_a_child_finds_the_locks_open():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
