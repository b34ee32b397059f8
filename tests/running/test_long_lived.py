"""A process that runs models for weeks: nothing grows, and no thread or fork disturbs another."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.places import ROOT

needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
RUNS = 5000
A_RUN = 100
"""Bytes that a run may seem to lose: allocators need a while to come to rest."""


def soak(runs: int, lost: int = 0, **more: Any) -> dict[str, int]:
    """What grew over so many runs in a process of its own."""
    command = [sys.executable, "-m", "tests.running.soak", str(runs), str(lost)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **more)
    assert (done.returncode, done.stderr) == (0, "")
    grown: dict[str, int] = json.loads(done.stdout)["grown"]
    return grown


@needs_proc
def test_nothing_grows_with_the_runs():
    grown = soak(RUNS, timeout=300)
    assert grown["bytes"] < A_RUN * RUNS
    assert grown["files"] == grown["threads"] == 0


@needs_proc
def test_it_would_notice():
    """The test before this one, with 200 bytes lost in each run."""
    assert soak(RUNS, lost=200, timeout=300)["bytes"] > A_RUN * RUNS


@needs_proc
@pytest.mark.slow
def test_nothing_grows_with_a_million_runs():
    grown = soak(1_000_000, timeout=7200)
    assert grown["bytes"] < 16 << 20
    assert grown["files"] == grown["threads"] == 0


PROGRAM = """
import multiprocessing, os, signal, sys, threading, warnings
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, {root!r})
# Python 3.12 warns of every fork while threads run; that is just what is tested.
warnings.simplefilter("error")
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
import numpy as np
from tests.cases import build
from tests.running.soak import LAYERS

def arrays(seed, count=12):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((2, n, 3), np.float32) for n in rng.integers(4, 90, count)]

def start(plan):
    global given
    given = plan

def work(seed):
    return [given.run(x) for x in arrays(seed)]

def main():
    fixed = build(LAYERS, [20, 3], seed=1).compile(threads=3)
    plan = build(LAYERS, [None, 3], seed=1).compile(threads=3)
"""


def run_program(tmp_path: Path, body: str) -> None:
    code = PROGRAM.format(root=str(ROOT)) + textwrap.indent(textwrap.dedent(body), "    ")
    script = tmp_path / "script.py"
    script.write_text(code + "\n\nif __name__ == '__main__':\n    main()\n")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, timeout=180
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "done\n")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_plan_goes_to_processes(tmp_path, method):
    """By its sources: fork inherits it, the others compile it again where it arrives."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    run_program(
        tmp_path,
        f"""
        plan.run(np.ones((1, 9, 3), np.float32))
        with multiprocessing.get_context({method!r}).Pool(2, start, (plan,)) as pool:
            found = pool.map(work, range(4))
        start(plan)
        for seed, outputs in enumerate(found):
            assert all(map(np.array_equal, outputs, work(seed)))
        print("done")
        """,
    )


def test_32_threads_on_one_plan(tmp_path):
    run_program(
        tmp_path,
        """
        inputs = [np.random.default_rng(i).standard_normal((3, 20, 3), np.float32)
                  for i in range(32)]
        wanted = [fixed.run(x) for x in inputs]
        together = threading.Barrier(32)

        def loop(number):
            together.wait()
            for turn in range(60):
                i = (number + turn) % 32
                assert np.array_equal(fixed.run(inputs[i]), wanted[i])

        with ThreadPoolExecutor(32) as pool:
            list(pool.map(loop, range(32)))
        print("done")
        """,
    )


@needs_fork
def test_forks_while_threads_meet_new_lengths(tmp_path):
    """A child inherits locks as they are at that moment: of planning, packing and linking."""
    run_program(
        tmp_path,
        """
        x = np.ones((1, 9, 3), np.float32)
        y, z = plan.run(x), fixed.run(np.ones((1, 20, 3), np.float32))
        stop = threading.Event()

        def busy(number):
            rng = np.random.default_rng(number)
            mine = plan
            while not stop.is_set():
                # Every so often a model of its own, whose weights have to be packed.
                if rng.random() < 0.1:
                    mine = build(LAYERS, [None, 3], seed=1).compile(threads=3)
                mine.run(np.ones((1, int(rng.integers(4, 4000)), 3), np.float32))

        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=busy, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(60):
                pid = os.fork()
                if pid == 0:
                    signal.alarm(30)
                    right = np.array_equal(plan.run(x), y)
                    # A length that is new in the child, too.
                    plan.run(np.ones((1, 5000 + turn, 3), np.float32))
                    right &= np.array_equal(fixed.run(np.ones((1, 20, 3), np.float32)), z)
                    os._exit(0 if right else 1)
                assert os.waitpid(pid, 0)[1] == 0, "the child hung or computed something else"
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        print("done")
        """,
    )
