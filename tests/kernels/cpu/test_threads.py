"""Several threads, forks and failures: the right bits, or the error, and never a hang."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from speccompiler.kernels.cpu.runtime import object_code, run_memory, team
from speccompiler.kernels.cpu.runtime.object_code import Arguments, LoadedKernel
from speccompiler.kernels.cpu.runtime.team import Job, Work
from tests.cases import build

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


def fail(*call):
    return 1


def test_a_kernel_that_fails_leaves_the_model_usable():
    compiled = build(LAYERS, SHAPE).compile(threads=2)
    executor, x = compiled.executor, batch(3)
    good, steps = compiled.run(x), list(executor._steps)
    for failing, bound in enumerate(steps):
        executor._steps[failing] = replace(bound, code=loaded(fail))
        # Memory is bound to what failed.
        executor._shared.blocks.clear()
        with pytest.raises(RuntimeError, match="a kernel failed"):
            compiled.run(x)
        assert not len(executor._shared.blocks)
        executor._steps[failing] = bound
        assert np.array_equal(compiled.run(x), good)


@pytest.mark.parametrize("threads", [1, 3])
def test_long_steps_are_cut(threads, monkeypatch):
    """The same bits, whether or not an interrupt is heard between a step's tasks."""
    model, x = build(LAYERS, SHAPE), batch(3)
    good = model.compile(threads=threads).run(x)
    monkeypatch.setattr(run_memory, "LONGEST_PART", 1e-9)
    compiled = model.compile(threads=threads)
    assert np.array_equal(compiled.run(x), good)
    executor = compiled.executor
    block = executor._shared.blocks.take(0, 0)
    memory = block.bound((executor._number, 3))
    executor._shared.blocks.give_back(block)
    assert len(memory.parts) == sum(map(len, memory.steps)) > len(memory.steps)
    profile, out = [0.0] * len(memory.steps), np.empty_like(good)
    compiled.executor.run_batch([x], [out], profile)
    assert np.array_equal(out, good)
    assert min(profile) > 0


@pytest.mark.parametrize("together", [1, 24])
@pytest.mark.parametrize("tasks", [1, 7, 64, 1000])
@pytest.mark.parametrize("seconds", [0, 0.5, 0.6, 3, 1e6])
def test_where_a_step_is_cut(tasks, together, seconds):
    pieces = run_memory._cut(tasks, together, seconds, 1)
    assert [task for piece in pieces for task in piece] == list(range(tasks))
    assert all(piece.start % together == 0 for piece in pieces)
    longest = max(map(len, pieces))
    assert longest <= together or longest / tasks * seconds <= run_memory.LONGEST_PART
    assert len(pieces) == 1 or seconds > run_memory.LONGEST_PART


# Jobs alone, with kernels in Python: each call takes the GIL by itself.


def loaded(function):
    """``function(lo, hi, slot)`` as a kernel; it may say that it failed by a number."""

    def call(result, error, lo, hi, arguments):
        return function(lo, hi, Arguments.from_address(arguments).samples) or 0

    entry = object_code._SIGNATURE(call)
    return LoadedKernel("in_python", team._address(entry), entry, object_code._unread)


def job_of(*steps):
    """A job of (function, tasks, threads) or (function, tasks, threads, sharing)."""
    return Job([
        Work(loaded(function), range(tasks), [Arguments(slot) for slot in range(threads)], *more)
        for function, tasks, threads, *more in steps
    ])  # fmt: skip


def run(*steps):
    job_of(*steps).run([(0, len(steps))])


@pytest.fixture
def own_team(monkeypatch):
    """Helpers that no other test has used; they sleep on when it ends."""
    mine = team._Team()
    monkeypatch.setattr(team, "_team", mine)
    return mine


def states(helpers):
    return [helper.mailbox.values.item(0) for helper in helpers]


def wait_until_asleep(helpers):
    for _ in range(3000):
        if set(states(helpers)) <= {team._ASLEEP}:
            return
        time.sleep(0.01)
    raise AssertionError(f"awake after 30 s: {states(helpers)}")


def together(threads):
    """Tasks that end only when so many threads are in them at once; whether they did."""
    barrier, met = threading.Barrier(threads), []

    def meet(lo, hi, slot):
        try:
            barrier.wait(timeout=30)
        except threading.BrokenBarrierError:
            return
        met.append(slot)

    run((meet, threads, threads))
    return sorted(met) == list(range(threads))


@pytest.mark.parametrize("sharing", [1, 3])
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("tasks", [0, 1, 2, 7, 100, 1001])
def test_every_task_runs_once(tasks, threads, sharing):
    done = np.zeros(tasks, np.int64)

    def call(lo, hi, slot):
        done[lo:hi] += 1
        return not (0 <= lo <= hi <= tasks and 0 <= slot < threads)

    job = job_of((call, tasks, threads, sharing))
    for turn in range(1, 6):
        job.run([(0, 1)])
        assert (done == turn).all()


@pytest.mark.parametrize("threads", [2, 5])
def test_no_two_threads_have_the_same_slot(threads):
    busy, seen, clashes = set(), set(), []

    def call(lo, hi, slot):
        if slot in busy:
            clashes.append(slot)
        busy.add(slot)
        time.sleep(0.0005)
        busy.discard(slot)
        seen.add(slot)

    for _ in range(10):
        run((call, 40, threads))
    assert not clashes
    assert 0 in seen
    assert max(seen) < threads


def test_a_step_begins_when_the_one_before_has_ended():
    """Steps of different numbers of threads and tasks, also of one, in several parts."""
    running, log, wrong = [], [], []

    def step(number, tasks, threads):
        def call(lo, hi, slot):
            running.append(number)
            time.sleep(0)
            if set(running) != {number} or slot >= threads:
                wrong.append((number, slot))
            running.remove(number)
            log.extend([number] * (hi - lo))

        return call, tasks, threads

    shapes = [(16, 3), (1, 1), (5, 2), (9, 4), (4, 1), (3, 3), (40, 2)]
    job = job_of(*(step(i, tasks, threads) for i, (tasks, threads) in enumerate(shapes)))
    wanted = [i for i, (tasks, _) in enumerate(shapes) for _ in range(tasks)]
    for parts in ([(0, 7)], [(0, 2), (2, 7)], [(i, i + 1) for i in range(7)]):
        for _ in range(10):
            log.clear()
            job.run(parts)
            assert not wrong
            assert log == wanted
    log.clear()
    job.run([(2, 3), (0, 1), (2, 3)])
    assert log == [2] * 5 + [0] * 16 + [2] * 5


def test_thousands_of_steps():
    done = np.zeros(3000, np.int64)

    def step(number):
        def call(lo, hi, slot):
            done[number] += hi - lo
            return number > 0 and done[number - 1] != 3

        return call, 3, 2

    run(*(step(number) for number in range(3000)))
    assert (done == 3).all()


@pytest.mark.parametrize("threads", [2, 3])
def test_a_thread_begins_with_the_same_share_of_every_step(own_team, threads):
    """What it wrote in one step it reads in the next. Each waits at its first for all others."""
    tasks = (48, 96, 50)
    begun = [{} for _ in tasks]

    def step(begun, tasks):
        barrier = threading.Barrier(threads)

        def call(lo, hi, slot):
            if slot not in begun:
                begun[slot] = lo
                barrier.wait(timeout=30)

        return call, tasks, threads

    run(*map(step, begun, tasks))
    chunks = [team.chunk_size(count, threads, 1) for count in tasks]
    for found, count, chunk in zip(begun, tasks, chunks, strict=True):
        shares = -(-count // chunk)
        assert found == {slot: slot * shares // threads * chunk for slot in range(threads)}


def test_tasks_that_share_stay_together():
    starts = []
    run((lambda lo, hi, slot: starts.append((lo, hi)), 240, 2, 5))
    assert len(starts) > 2
    assert all(lo % 5 == 0 and hi % 5 == 0 for lo, hi in starts)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("failing", [0, 50, 99])
def test_a_failing_task_reaches_the_caller(threads, failing):
    broken, done = True, []

    def call(lo, hi, slot):
        done.append(hi - lo)
        return broken and lo <= failing < hi

    job = job_of((call, 100, threads), (call, 1, 1))
    for _ in range(20):
        with pytest.raises(RuntimeError, match="a kernel failed"):
            job.run([(0, 2)])
    # Nobody works on once it is raised, and the job is as good as new.
    before = len(done)
    time.sleep(0.02)
    assert len(done) == before
    broken = False
    done.clear()
    job.run([(0, 1), (1, 2)])
    assert sum(done) == 101


def test_a_failure_ends_the_run_after_its_part():
    done = []
    job = job_of((fail, 4, 2), (lambda lo, hi, slot: done.append(lo), 4, 2))
    with pytest.raises(RuntimeError, match="a kernel failed"):
        job.run([(0, 1), (1, 2)])
    assert not done


def test_tasks_that_run_tasks():
    """A helper that waits for helpers must not wait for itself."""
    total = []

    def outer(lo, hi, slot):
        for _ in range(lo, hi):
            run((lambda lo, hi, slot: total.append(hi - lo), 10, 4))

    finished = threading.Event()

    def go():
        run((outer, 8, 4))
        finished.set()

    threading.Thread(target=go, daemon=True).start()
    assert finished.wait(30), "a deadlock"
    assert sum(total) == 80


@pytest.mark.parametrize("patience", [0.0, 0.003])
def test_many_jobs_at_once(patience):
    """More jobs than helpers, some of one thread, for helpers that are awake or asleep."""
    start = threading.Barrier(8)

    def loop(number):
        order, wanted = [], [i for i in range(5) for _ in range(3 + 5 * i)]

        def step(i):
            return lambda lo, hi, slot: order.extend([i] * (hi - lo))

        job = job_of(*((step(i), wanted.count(i), 1 + number % 4) for i in range(5)))
        start.wait(timeout=30)
        for _ in range(60):
            order.clear()
            job.run([(0, 3), (3, 5)])
            if order != wanted:
                return order
            if patience:
                time.sleep(patience)
        return None

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(loop, range(8))) == [None] * 8
    wait_until_asleep(team._team.helpers)


@pytest.mark.parametrize("threads", [2, 3])
def test_helpers_sleep_and_wake(own_team, threads):
    for _ in range(3):
        assert together(threads)
        wait_until_asleep(own_team.helpers)
    assert len(own_team.helpers) == threads - 1


def test_an_offer_taken_back_lets_the_helper_sleep(own_team):
    """However short the run, and whenever the helper came."""
    job = job_of((lambda lo, hi, slot: None, 2, 2))
    for turn in range(300):
        job.run([(0, 1)])
        time.sleep(turn % 7 * 1e-4)
    wait_until_asleep(own_team.helpers)
    assert together(2)


def test_a_busy_helper_is_not_waited_for(own_team):
    """While one serves another job, this one gets another; without any it works alone."""
    inside, leave = threading.Semaphore(0), threading.Event()

    def occupy(lo, hi, slot):
        inside.release()
        leave.wait(30)

    own_team.at_least(2)
    thread = threading.Thread(target=run, args=[(occupy, 2, 2)])
    thread.start()
    try:
        assert inside.acquire(timeout=30)
        assert inside.acquire(timeout=30)
        assert sorted(states(own_team.helpers))[-1] == 2
        assert together(2)
        second = threading.Thread(target=run, args=[(occupy, 2, 2)])
        second.start()
        assert inside.acquire(timeout=30)
        assert inside.acquire(timeout=30)
        assert states(own_team.helpers) == [2, 2]
        slots = []
        run((lambda lo, hi, slot: slots.append(slot), 20, 3))
        assert set(slots) == {0}
        assert len(own_team.helpers) == 2
    finally:
        leave.set()
        thread.join(30)
    second.join(30)
    wait_until_asleep(own_team.helpers)


def test_a_system_that_grants_no_threads(own_team, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    done = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        run((lambda lo, hi, slot: done.append(slot), 20, 3))
    assert set(done) == {0}
    assert not own_team.helpers
    assert together(2)


def test_helpers_are_forgotten_in_a_child(own_team):
    assert together(3)
    before = team._team
    team._after_fork()
    assert team._team is not before
    assert not team._team.helpers
    assert together(3)
    assert len(team._team.helpers) == 2
