"""Forks, exits and interrupts while threads work: the right bits, and never a hang.

Each test runs in a process of its own, so that nothing of pytest's is forked.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.places import ROOT

PRELUDE = """
import os, sys, warnings
sys.path.insert(0, {root!r})
# Python 3.12 warns of every fork while threads run; that is just what is tested.
warnings.simplefilter("error")
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
import numpy as np
from tests.cases import build
from tests.kernels.cpu.test_threads import LAYERS, SHAPE, batch

def main():
    compiled = build(LAYERS, SHAPE).compile(threads=3)
    x = batch(4)
    y = compiled.run(x)
"""


def run_script(body: str) -> None:
    code = PRELUDE.format(root=str(ROOT)) + textwrap.indent(textwrap.dedent(body), "    ")
    code += "\n\ndef work(seed):\n    c = build(LAYERS, SHAPE).compile(threads=3)\n"
    code += "    return c.run(batch(2, seed))\n\nif __name__ == '__main__':\n    main()\n"
    script = Path(os.environ["PYTEST_TMP"]) / "script.py"
    script.write_text(code)
    result = subprocess.run(
        [sys.executable, str(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    assert result.stdout == "done\n"


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path))
    return run_script


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


@needs_fork
def test_a_fork_after_a_run(script):
    """The child runs the parent's compiled model, on several threads, and exits 0."""
    script("""
        for _ in range(5):
            pid = os.fork()
            if pid == 0:
                code = 0 if all(np.array_equal(compiled.run(x), y) for _ in range(5)) else 1
                os._exit(code)
            assert os.waitpid(pid, 0)[1] == 0
            assert np.array_equal(compiled.run(x), y)
        print("done")
    """)


@needs_fork
def test_a_fork_of_a_fork(script):
    script("""
        pid = os.fork()
        if pid == 0:
            compiled.run(x)
            inner = os.fork()
            if inner == 0:
                os._exit(0 if np.array_equal(compiled.run(x), y) else 1)
            os._exit(os.waitpid(inner, 0)[1] != 0)
        assert os.waitpid(pid, 0)[1] == 0
        print("done")
    """)


@needs_fork
def test_forks_while_another_thread_runs(script):
    """As a web server does. A child inherits locks as they are at that moment."""
    script("""
        import signal, threading
        large, large_x, large_y = compiled, x, y
        small = [{"type": "Activation", "activation": "relu"}, {"type": "MaxPooling1D"}]
        compiled = build(small, [8, 2]).compile(threads=2)
        x = np.ones((1, 8, 2), np.float32)
        y = compiled.run(x)
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                compiled.run(x)
                large.run(large_x)
        sys.setswitchinterval(1e-6)  # threads are stopped everywhere, locks held or not
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(400):
                pid = os.fork()
                if pid == 0:
                    signal.alarm(10)
                    right = np.array_equal(large.run(large_x), large_y)
                    os._exit(0 if right and np.array_equal(compiled.run(x), y) else 1)
                assert os.waitpid(pid, 0)[1] == 0, "the child hung or computed something else"
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        print("done")
    """)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(script, method):
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    script(f"""
        import multiprocessing
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            found = pool.map(work, range(4))
        for seed, got in enumerate(found):
            assert np.array_equal(got, work(seed))
        print("done")
    """)


def test_a_process_exits_while_helpers_wait(script):
    """Helpers are daemons: nothing keeps an interpreter from ending."""
    script("""
        import threading
        assert threading.active_count() > 1
        print("done")
    """)


@pytest.mark.parametrize("pause", [0, 0.0001, 0.05])
def test_a_process_exits_whatever_its_helpers_do(script, pause):
    """They are daemons: waiting in a loop, going to sleep or asleep."""
    script(f"""
        import time
        compiled.run(x)
        time.sleep({pause})
        print("done")
    """)


def test_a_process_exits_while_a_daemon_runs(script):
    script("""
        import threading, time
        def busy():
            while True:
                compiled.run(x)
        for _ in range(2):
            threading.Thread(target=busy, daemon=True).start()
        time.sleep(0.05)
        print("done")
    """)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signals")
def test_interrupts_at_any_moment(script):
    """Ctrl-C loses no helper and leaves nothing behind that a later run could meet."""
    script("""
        import signal
        from speccompiler.kernels.cpu.runtime import run_memory, team
        from tests.kernels.cpu.test_threads import together, wait_until_asleep
        run_memory.LONGEST_PART = 1e-5
        compiled = build(LAYERS, SHAPE).compile(threads=3)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        interrupts = 0
        for turn in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 2e-4 + turn * 1e-6)
                while True:
                    compiled.run(x)
            except KeyboardInterrupt:
                interrupts += 1
            if turn % 10 == 0:
                assert np.array_equal(compiled.run(x), y)
        assert interrupts == 300
        assert np.array_equal(compiled.run(x), y)
        wait_until_asleep(team._team.helpers)
        assert together(3)
        print("done")
    """)


@needs_fork
def test_a_fork_in_a_signal_handler(script):
    """Where Python hears signals: between two parts of a run, among other places."""
    script("""
        import signal
        from speccompiler.kernels.cpu.runtime import run_memory
        run_memory.LONGEST_PART = 1e-5
        compiled = build(LAYERS, SHAPE).compile(threads=3)
        children = []
        def fork(*_):
            children.append(os.fork())
            if not children[-1]:
                signal.alarm(10)
                child.append(True)
        signal.signal(signal.SIGUSR1, fork)
        child = []
        import threading, time
        def send():
            for turn in range(30):
                os.kill(os.getpid(), signal.SIGUSR1)
                # A fork within a fork hangs on locks of Python's own.
                while len(children) <= turn:
                    time.sleep(0.001)
                time.sleep(turn * 1e-4)
        sender = threading.Thread(target=send)
        sender.start()
        right = True
        while sender.is_alive() and not child:
            right = np.array_equal(compiled.run(x), y)
            assert right
        if child:
            os._exit(0 if right and np.array_equal(compiled.run(x), y) else 1)
        sender.join()
        assert children
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        print("done")
    """)


def test_an_idle_process_takes_no_time(script):
    script("""
        import resource
        import time
        from speccompiler.kernels.cpu.runtime import team
        from tests.kernels.cpu.test_threads import job_of, states, wait_until_asleep
        job = job_of((lambda lo, hi, slot: None, 2, 2))
        for turn in range(200):
            # However short the run, and whenever the helpers came.
            job.run([(0, 1)])
            time.sleep(turn % 5 * 1e-4)
        wait_until_asleep(team._team.helpers)
        # Nobody wakes up while nobody calls: a thread that sleeps takes no time.
        switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        time.sleep(0.3)
        assert set(states(team._team.helpers)) == {team._ASLEEP}
        assert resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - switches < 10
        print("done")
    """)
