"""Models over dask arrays on a cluster of processes: the same bits, also when workers die."""

from __future__ import annotations

import os
import signal
import time

import dask
import dask.array as da
import numpy as np
import pytest

import speccompiler
from speccompiler.dask import map_array, task_memory
from speccompiler.diagnostics.core import SpecError
from tests.dask.local_clusters import PATIENCE, local_cluster, wait_until
from tests.models import FIXED

pytestmark = pytest.mark.xdist_group("dask")

SLOW = """\
convspec: 1
name: slow
dim_ordering: tf
input_shape: [32, 32, 1]
seed: 3
layers:
  - {type: Convolution2D, name: a, nb_filter: 48, nb_row: 5, nb_col: 5, activation: tanh}
  - {type: Convolution2D, name: b, nb_filter: 48, nb_row: 5, nb_col: 5, activation: tanh}
  - {type: GlobalAveragePooling2D, name: g}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with local_cluster(folder, threads_per_worker=8, resources={"memory": 1 << 40}) as client:
        yield client


def compilations(client):
    """How often each worker compiled each recipe."""

    def count():
        from speccompiler.dask import worker_models

        return dict(worker_models.compilations)

    return client.run(count)


def images(rng, count):
    return rng.normal(size=(count, 32, 32, 1)).astype(np.float32)


def test_each_worker_compiles_once(client, rng):
    """Three workers of eight threads, which all ask at once; bits as in one process."""
    model, x = speccompiler.loads(SLOW), images(rng, 96)
    expected = model.run(x)  # with kernels that are there already, workers start at once
    before = compilations(client)
    y = map_array(model, da.from_array(x, chunks=(1, 32, 32, 1)))
    found = client.compute(y).result(timeout=PATIENCE)
    np.testing.assert_array_equal(found, expected)
    after = compilations(client)
    new = [sum(after[name].values()) - sum(before[name].values()) for name in after]
    assert new == [1, 1, 1]


def test_weights_are_sent_to_each_worker_once(client, rng, tmp_path):
    weights = {"c/W": rng.normal(size=(3, 1, 2, 3)), "c/b": rng.normal(size=3)}
    np.savez(tmp_path / "w.npz", **weights)
    (tmp_path / "m.yaml").write_text(FIXED.replace("seed: 3\n", "weights: w.npz\n"))
    model = speccompiler.load(tmp_path / "m.yaml")
    x = rng.normal(size=(30, 6, 2)).astype(np.float32)
    y = map_array(model, da.from_array(x, chunks=(1, 6, 2)), send_weights=True)
    expected = model.run(x)
    (tmp_path / "w.npz").unlink()
    np.testing.assert_array_equal(client.compute(y).result(timeout=PATIENCE), expected)
    assert max(max(counts.values()) for counts in compilations(client).values()) == 1


def test_a_finding_comes_back_as_one(client):
    model = speccompiler.loads(
        "convspec: 1\ninput_shape: [3]\nseed: 1\n"
        "layers:\n  - {type: Embedding, name: e, input_dim: 5, output_dim: 2}\n"
    )
    y = map_array(model, da.full((8, 3), 9, chunks=(4, 3), dtype=np.float32))
    with pytest.raises(SpecError) as caught:
        client.compute(y).result(timeout=PATIENCE)
    (found,) = caught.value.diagnostics
    assert found.code == "CS126"
    assert str(found.file).startswith("the block of samples ")


def test_tasks_ask_for_memory_where_resources_count_it(client, rng):
    """Low-level fusion of arrays drops what layers are annotated with: this does without it."""
    model, x = speccompiler.loads(FIXED), rng.normal(size=(6, 6, 2)).astype(np.float32)
    d = da.from_array(x, chunks=(2, 6, 2))
    y = map_array(model, d, memory_resource="memory")
    with dask.config.set({"optimization.fuse.active": False}):
        held = client.persist(y)
        found = client.compute(held).result(timeout=PATIENCE)
    np.testing.assert_array_equal(found, model.run(x))

    def restrictions(dask_scheduler):
        return {str(k): t.resource_restrictions for k, t in dask_scheduler.tasks.items()}

    asked = client.run_on_scheduler(restrictions)
    mine = [found for key, found in asked.items() if "convspec_fixed" in key and found]
    assert mine == [{"memory": task_memory(model, d)}] * 3


def test_a_worker_is_killed_in_the_middle(client, rng):
    model, x = speccompiler.loads(SLOW), images(rng, 150)
    y = map_array(model, da.from_array(x, chunks=(1, 32, 32, 1)))
    pids = client.run(os.getpid)
    held = client.persist(y)
    futures = client.futures_of(held)
    wait_until(lambda: sum(f.status == "finished" for f in futures) >= 4, "the first blocks")
    unfinished = sum(f.status != "finished" for f in futures)
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    found = client.compute(held).result(timeout=PATIENCE)
    assert unfinished > 0
    np.testing.assert_array_equal(found, model.run(x))
    wait_until(lambda: len(client.run(os.getpid)) == 3, "the worker that takes its place")


def read_slowly(block):
    """As from a busy disk: Dask asks for workers by how long the first tasks take."""
    time.sleep(0.05)
    return block


@pytest.mark.slow
def test_workers_come_and_go(client, rng):
    """From three to one, to three under load, and back."""
    cluster = client.cluster
    model, x = speccompiler.loads(SLOW), images(rng, 200)
    adaptive = cluster.adapt(
        minimum=1, maximum=3, interval="100ms", wait_count=2, target_duration="2ms"
    )
    try:
        wait_until(lambda: len(cluster.scheduler.workers) == 1, "one worker")
        d = da.from_array(x, chunks=(1, 32, 32, 1)).map_blocks(read_slowly, meta=x[:0])
        future = client.compute(map_array(model, d))
        wait_until(lambda: len(cluster.scheduler.workers) == 3, "three workers")
        np.testing.assert_array_equal(future.result(timeout=PATIENCE), model.run(x))
        del future
        wait_until(lambda: len(cluster.scheduler.workers) == 1, "one worker again")
    finally:
        adaptive.stop()
        cluster.scale(3)
        client.wait_for_workers(3, timeout=PATIENCE)
