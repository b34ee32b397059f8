"""Several threads, forks and failures: the right bits, or the error, and never a hang."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cases import build

from speccompiler.kernels.cpu import executor, team
from speccompiler.kernels.cpu.team import run_tasks

LAYERS = [
    {"type": "ZeroPadding2D", "dim_ordering": "th"},
    {"type": "Convolution2D", "nb_filter": 70, "nb_row": 3, "nb_col": 3, "dim_ordering": "th",
     "activation": "relu"},
    {"type": "MaxPooling2D", "dim_ordering": "th"},
    {"type": "UpSampling2D", "dim_ordering": "th"},
    {"type": "AveragePooling2D", "dim_ordering": "th", "border_mode": "same"},
    {"type": "Flatten"},
    {"type": "Dense", "output_dim": 9, "activation": "softmax"},
]  # fmt: skip
SHAPE = (3, 20, 18)


def batch(samples, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
def test_thread_counts_give_the_same_bits(threads):
    model, x = build(LAYERS, SHAPE), batch(5)
    one = model.compile(threads=1).run(x)
    compiled = model.compile(threads=threads)
    assert compiled.threads == threads
    for _ in range(5):
        assert np.array_equal(compiled.run(x), one)


def test_one_model_called_from_many_threads():
    compiled = build(LAYERS, SHAPE).compile(threads=3, batch_size=2)
    inputs = [batch(1 + i % 4, seed=i) for i in range(40)]
    wanted = [compiled.run(x) for x in inputs]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for y, want in zip(pool.map(compiled.run, inputs), wanted, strict=True):
                assert np.array_equal(y, want)


def test_different_models_at_once():
    compiled, wanted = [], []
    for i in range(6):
        layers = [{"type": "Convolution2D", "nb_filter": 8 + i, "nb_row": 1 + i % 3, "nb_col": 2,
                   "dim_ordering": "th"}, *LAYERS[2:]]  # fmt: skip
        compiled.append(build(layers, SHAPE, seed=i).compile(threads=2 + i % 2))
    x = batch(4)
    wanted = [c.run(x) for c in compiled]
    start = threading.Barrier(len(compiled))

    def loop(i):
        start.wait(timeout=30)
        return all(np.array_equal(compiled[i].run(x), wanted[i]) for _ in range(20))

    with ThreadPoolExecutor(len(compiled)) as pool:
        assert list(pool.map(loop, range(len(compiled)))) == [True] * len(compiled)


def test_compiling_from_many_threads_at_once():
    """The same kernel is asked for at the same time, with an activation nobody has cached."""
    text = f"x * {0.5 + os.getpid() % 1000 / 4096} + 0.25"
    layer = {"type": "Activation", "activation": {"expr": text}}
    model, x = build([layer], [50]), np.ones((2, 50), np.float32)
    start = threading.Barrier(6)

    def go(_):
        start.wait(timeout=30)
        return model.compile(threads=2).run(x)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(go, range(6)))
    judge = model.compile("reference").run(x)
    for y in found:
        np.testing.assert_allclose(y, judge, rtol=1e-6)


def test_many_runs_need_no_more_threads():
    compiled = build(LAYERS, SHAPE).compile(threads=3)
    x = batch(3)
    compiled.run(x)
    before = threading.active_count()
    for _ in range(30):
        compiled.run(x)
    assert threading.active_count() == before


# run_tasks alone


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("tasks", [0, 1, 2, 7, 100, 1001])
def test_every_task_runs_once(tasks, threads):
    done = np.zeros(tasks, np.int64)

    def call(lo, hi, *slot):
        assert 0 <= lo <= hi <= tasks
        done[lo:hi] += 1

    run_tasks(call, tasks, threads)
    assert (done == 1).all()


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("failing", [0, 50, 99])
def test_an_error_in_a_task_reaches_the_caller(threads, failing):
    def call(lo, hi, *slot):
        if lo <= failing < hi:
            raise ZeroDivisionError("inside a kernel")

    for _ in range(20):
        with pytest.raises(ZeroDivisionError, match="inside a kernel"):
            run_tasks(call, 100, threads)
    done = []
    run_tasks(lambda lo, hi, *slot: done.append(hi - lo), 100, threads)
    assert sum(done) == 100


def test_nobody_works_on_after_an_error():
    """Once run_tasks has raised, no helper touches the caller's arrays any more."""
    running, late = threading.Event(), []
    over = False

    def call(lo, hi, *slot):
        if lo == 0:
            running.wait(5)
            raise ValueError("first")
        running.set()
        for _ in range(2000):
            if over:
                late.append(lo)
            sum(range(50))

    with pytest.raises(ValueError, match="first"):
        run_tasks(call, 8, 4)
    over = True
    threading.Event().wait(0.1)
    assert not late


def test_a_stop_in_the_caller_is_not_swallowed():
    def call(lo, hi, *slot):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tasks(call, 100, 3)
    run_tasks(lambda lo, hi, *slot: None, 100, 3)


def test_tasks_that_run_tasks():
    """A helper that waits for helpers must not wait for itself."""
    total = []

    def inner(lo, hi, *slot):
        total.append(hi - lo)

    def outer(lo, hi, *slot):
        for _ in range(lo, hi):
            run_tasks(inner, 10, 4)

    finished = threading.Event()

    def go():
        run_tasks(outer, 8, 4)
        finished.set()

    threading.Thread(target=go, daemon=True).start()
    assert finished.wait(30), "a deadlock"
    assert sum(total) == 80


def test_a_kernel_that_fails_leaves_the_model_usable(monkeypatch):
    compiled = build(LAYERS, SHAPE).compile(threads=2)
    x = batch(3)
    good = compiled.run(x)
    for failing in range(len(compiled.plan.steps)):
        turns = itertools.count()

        def broken(*call, failing=failing, turns=turns, run=executor._run):
            if next(turns) == failing:
                raise MemoryError("injected")
            run(*call)

        with monkeypatch.context() as patched:
            patched.setattr(executor, "_run", broken)
            with pytest.raises(MemoryError, match="injected"):
                compiled.run(x)
        assert np.array_equal(compiled.run(x), good)


# Processes. Each in a child of its own, so that nothing of pytest's is forked.

PRELUDE = """
import os, sys, warnings
sys.path.insert(0, {tests!r})
# Python 3.12 warns of every fork while threads run; that is just what is tested.
warnings.simplefilter("error")
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
import numpy as np
from cases import build
from test_threads import LAYERS, SHAPE, batch

def main():
    compiled = build(LAYERS, SHAPE).compile(threads=3)
    x = batch(4)
    y = compiled.run(x)
"""


def run_script(body: str) -> None:
    code = PRELUDE.format(tests=str(Path(__file__).parent)) + textwrap.indent(
        textwrap.dedent(body), "    "
    )
    code += "\n\ndef work(seed):\n    c = build(LAYERS, SHAPE).compile(threads=3)\n"
    code += "    return c.run(batch(2, seed))\n\nif __name__ == '__main__':\n    main()\n"
    script = Path(os.environ["PYTEST_TMP"]) / "script.py"
    script.write_text(code)
    result = subprocess.run(
        [sys.executable, str(script)],
        cwd=Path(__file__).parents[1],
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
        small = [{"type": "Activation", "activation": "relu"}, {"type": "MaxPooling1D"}]
        compiled = build(small, [8, 2]).compile(threads=2)
        x = np.ones((1, 8, 2), np.float32)
        y = compiled.run(x)
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                compiled.run(x)
        sys.setswitchinterval(1e-6)  # threads are stopped everywhere, locks held or not
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(400):
                pid = os.fork()
                if pid == 0:
                    signal.alarm(10)
                    os._exit(0 if np.array_equal(compiled.run(x), y) else 1)
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


def test_helpers_are_forgotten_in_a_child():
    before = team._helpers
    team._after_fork()
    try:
        assert team._helpers is not before
        done = []
        run_tasks(lambda lo, hi, *slot: done.append(hi - lo), 50, 3)
        assert sum(done) == 50
    finally:
        team._helpers = before
