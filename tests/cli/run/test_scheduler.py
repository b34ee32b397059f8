"""``convspec run --scheduler``: workers of a cluster of processes do the tasks, and may die."""

from __future__ import annotations

import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import zarr

from speccompiler.cli.main import run
from tests.dask.local_clusters import PATIENCE, local_cluster, wait_until
from tests.places import ROOT

pytestmark = pytest.mark.xdist_group("dask")

SLOW = """\
convspec: 1
name: slow
dim_ordering: tf
input_shape: [64, 64, 1]
seed: 3
layers:
  - {type: Convolution2D, name: a, nb_filter: 48, nb_row: 5, nb_col: 5, activation: tanh}
  - {type: Convolution2D, name: b, nb_filter: 48, nb_row: 5, nb_col: 5, activation: tanh}
  - {type: GlobalAveragePooling2D, name: g}
"""
SCAN = """\
convspec: 1
name: scan
dim_ordering: tf
input_shape: [null, null, 2]
seed: 3
layers:
  - {type: Convolution2D, name: a, nb_filter: 4, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: MaxPooling2D, name: p}
"""
PAIR = """\
convspec: 1
name: pair
inputs: {a: [5, 2], b: [4]}
seed: 3
outputs: [f, t]
layers:
  - {type: Dense, name: f, output_dim: 3, inputs: b}
  - {type: Activation, name: t, activation: tanh, inputs: a}
"""
NORMALIZED = """\
convspec: 1
name: normalized
input_shape: [6]
seed: 3
layers:
  - {type: BatchNormalization, name: n, mode: 2}
  - {type: Dense, name: d, output_dim: 2}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A client of three workers of one thread each; their folder is another."""
    with local_cluster(tmp_path_factory.mktemp("cluster"), threads_per_worker=1) as client:
        yield client


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    for name, text in {"slow": SLOW, "scan": SCAN, "pair": PAIR, "norm": NORMALIZED}.items():
        Path(f"{name}.yaml").write_text(text)
    np.save("x.npy", rng.normal(size=(60, 64, 64, 1)).astype(np.float32))
    return tmp_path


def address(client):
    return client.scheduler_info(n_workers=0)["address"]


def both(command, output, client):
    """The bytes of an output of one process, and of the same command on the cluster."""
    found = []
    for more in ([], ["--scheduler", address(client)]):
        assert run([*command.split(), *more]) == 0
        found.append(np.load(output) if output.endswith(".npy") else zarr.open_array(output)[:])
    return found


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("run slow.yaml --input x.npy -o y.npy", "y.npy"),
        ("run slow.yaml --input x.npy -o y.zarr --chunks 7 --layer a", "y.a.zarr"),
        ("run slow.yaml --input x.zarr -o y.zarr --shards 20,48 --chunks 5,24", "y.zarr"),
        ("run scan.yaml --input scan.npy -o y.zarr --tile 16,16", "y.zarr"),
        ("run pair.yaml --input pair.npz -o y.npy", "y.t.npy"),
        ("run norm.yaml --input norm.npy -o y.npy", "y.npy"),
    ],
)
def test_the_bits_of_one_process(cluster, folder, rng, command, output, capsys):
    np.save("scan.npy", rng.normal(size=(3, 70, 50, 2)).astype(np.float32))
    np.save("norm.npy", rng.normal(size=(200, 6)).astype(np.float32))
    pair = {"a": rng.normal(size=(9, 5, 2)), "b": rng.normal(size=(9, 4))}
    np.savez("pair.npz", **{name: array.astype(np.float32) for name, array in pair.items()})
    x = np.load("x.npy")
    zarr.create_array("x.zarr", shape=x.shape, chunks=(8, 64, 64, 1), dtype="f4")[:] = x
    one, shared = both(command, output, cluster)
    np.testing.assert_array_equal(one, shared)
    assert f"scheduler {address(cluster)}" in capsys.readouterr().err
    assert not glob.glob("*.unfinished")


def start(*arguments, **given):
    """The command in a process of its own, in a group of its own: as in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "speccompiler", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **given,
    )


def tasks_done(output="y.zarr"):
    """How many tasks an unfinished run has recorded."""
    journal = Path(f"{output}.unfinished") / "journal"
    return max(0, len(journal.read_text().splitlines()) - 1) if journal.exists() else 0


MANY = (
    "run",
    "slow.yaml",
    "--input",
    "x.npy",
    "-o",
    "y.zarr",
    "--chunks",
    "1",
    "--batch-size",
    "1",
)


@pytest.fixture
def expected(folder):
    """What an uninterrupted run of one process gives; x.npy has samples for many tasks."""
    np.save("x.npy", np.tile(np.load("x.npy"), (5, 1, 1, 1)))
    assert run([*MANY]) == 0
    whole = zarr.open_array("y.zarr")[:]
    os.rename("y.zarr", "expected.zarr")
    return whole


def test_a_worker_is_killed_in_the_middle(cluster, expected):
    process = start(*MANY, "--scheduler", address(cluster))
    wait_until(lambda: tasks_done() >= 3, "the first tasks")
    pids = cluster.run(os.getpid)
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    assert tasks_done() < 60
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert out == "wrote y.zarr: (300, 48) float32, output of 'g'\n"
    assert "Traceback" not in err
    assert "distributed" not in err
    np.testing.assert_array_equal(zarr.open_array("y.zarr")[:], expected)
    wait_until(lambda: len(cluster.run(os.getpid)) == 3, "the worker that takes its place")


def test_a_client_is_killed_and_the_run_goes_on(cluster, expected, capsys):
    process = start(*MANY, "--scheduler", address(cluster))
    wait_until(lambda: tasks_done() >= 3, "the first tasks")
    process.kill()
    process.communicate()
    done = tasks_done()
    assert 3 <= done < 60
    assert run([*MANY, "--scheduler", address(cluster)]) == 2
    assert "error CS195: an earlier run has left this output unfinished" in capsys.readouterr().err
    assert run([*MANY, "--scheduler", address(cluster), "--resume"]) == 0
    assert f"{done} of " in capsys.readouterr().err
    np.testing.assert_array_equal(zarr.open_array("y.zarr")[:], expected)


@pytest.mark.slow
def test_clients_are_killed_at_random_moments(cluster, expected):
    """Nothing is lost: what a run has recorded, none of those that go on with it computes again."""
    dice, kills, done = random.Random(14), 0, 0
    while kills < 20:
        process = start(*MANY, "--scheduler", address(cluster), "--resume")
        wait_until(lambda: tasks_done() > done or process.poll() is not None, "a task")  # noqa: B023
        time.sleep(dice.uniform(0, 0.3))
        process.kill()
        _, err = process.communicate()
        kills += process.returncode == -9
        assert process.returncode in (-9, 0), err
        if process.returncode == 0 or tasks_done() == 0:
            np.testing.assert_array_equal(zarr.open_array("y.zarr")[:], expected)
            shutil.rmtree("y.zarr")
            done = 0
            continue
        assert tasks_done() >= done
        done = tasks_done()
        numbers = [json.loads(line.split(" ", 1)[1])["task"] for line in recorded()]
        assert len(numbers) == len({*numbers}), "a task was recorded twice"
    assert run([*MANY, "--scheduler", address(cluster), "--resume"]) == 0
    np.testing.assert_array_equal(zarr.open_array("y.zarr")[:], expected)


def recorded():
    """The lines of the journal behind its header."""
    return (Path("y.zarr.unfinished") / "journal").read_text().splitlines()[1:]


def workers_of(process):
    return psutil.Process(process.pid).children(recursive=True)


def test_local_workers_and_control_c(expected, monkeypatch):
    """Three processes of this machine; ^C ends them all, and what was done is kept."""
    before = set(glob.glob(f"{tempfile.gettempdir()}/convspec-workers-*"))
    process = start(*MANY, "--scheduler", "local:3")
    wait_until(lambda: tasks_done() >= 3 or process.poll() is not None, "the first tasks")
    workers = workers_of(process)
    assert len([one for one in workers if "spawn_main" in " ".join(one.cmdline())]) == 3
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-2].endswith("the same command with --resume goes on")
    assert err.splitlines()[-1].endswith("interrupted")
    psutil.wait_procs(workers, timeout=30)
    assert not [one for one in workers if one.is_running()]
    # Another number of workers may go on; each takes seconds to start.
    process = start(*MANY, "--scheduler", "local:1", "--resume")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    np.testing.assert_array_equal(zarr.open_array("y.zarr")[:], expected)
    assert set(glob.glob(f"{tempfile.gettempdir()}/convspec-workers-*")) <= before
    assert set(os.listdir()) == {
        "expected.zarr", "norm.yaml", "pair.yaml", "scan.yaml", "slow.yaml", "x.npy", "y.zarr",
    }  # fmt: skip


@pytest.mark.slow
def test_workers_come_and_go_during_a_run(cluster, expected):
    """From one to three, by how long the tasks take."""
    adaptive = cluster.cluster.adapt(
        minimum=1, maximum=3, interval="100ms", wait_count=2, target_duration="100ms"
    )
    workers = cluster.cluster.scheduler.workers
    try:
        wait_until(lambda: len(workers) == 1, "one worker")
        process = start(*MANY, "--scheduler", address(cluster))
        wait_until(lambda: len(workers) > 1 or process.poll() is not None, "more workers")
        assert len(workers) > 1
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        wait_until(lambda: len(workers) == 1, "one worker again")
    finally:
        adaptive.stop()
    np.testing.assert_array_equal(zarr.open_array("y.zarr")[:], expected)


# --- what is refused


def refused(line, capsys, status=2):
    assert run(line.split()) == status
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--input - -o y.npy", "--scheduler: workers read the input themselves, and standard input "
         "is not theirs; save it to a file"),
        ("--input x.npy", "--scheduler: workers write the output themselves; give --output a .zarr "
         "or .npy"),
        ("--input x.npy -o y.npz", "--scheduler: 'y.npz' can only be written by one process; name "
         "a .zarr or .npy"),
        ("--input x.npy -o y.h5::/y", "--scheduler: 'y.h5::/y' can only be written by one process; "
         "name a .zarr or .npy"),
        ("--input x.npy -o -", "--scheduler: '-' can only be written by one process; name a .zarr "
         "or .npy"),
        ("--input x.npy -o y.npy --penalties", "--penalties needs every sample in one process; "
         "leave out --penalties or --scheduler"),
        ("--input x.npy -o y.npy --profile", "--profile needs every sample in one process; leave "
         "out --profile or --scheduler"),
        ("--input x.npy -o y.npy --images d --layer a", "--images needs every sample in one "
         "process; leave out --images or --scheduler"),
    ],
)  # fmt: skip
def test_what_one_process_has_to_do(folder, capsys, options, said):
    err = refused(f"run slow.yaml {options} --scheduler local", capsys)
    assert err.splitlines()[-1] == f"Error: {said}"


@pytest.mark.parametrize("text", ["localhost", "local:0", "local:x", "tcp:/a:1", "8786", "local:"])
def test_what_is_no_address(folder, capsys, text):
    err = refused(f"run slow.yaml --input x.npy -o y.npy --scheduler {text}", capsys)
    said = (
        f"'{text}': write local:N, where N is 1 to 1024 workers"
        if text.startswith("local:")
        else f"'{text}' is no address of a scheduler; write tcp://host:8786, local or local:3"
    )
    assert err.splitlines()[-1] == f"Error: Invalid value for '--scheduler': {said}"


def test_a_scheduler_that_does_not_answer(folder, capsys, monkeypatch):
    monkeypatch.setattr("speccompiler.dask.clusters.CONNECTING", "1s")
    err = refused("run slow.yaml --input x.npy -o y.zarr --scheduler tcp://127.0.0.1:9", capsys)
    assert (
        "--scheduler: error CS202: no scheduler answers: Timed out trying to connect to "
        "tcp://127.0.0.1:9 after 1 s\n"
        "  hint: check the address; --scheduler local starts workers on this machine\n"
    ) in err
    assert not glob.glob("y.*")


def test_tls_without_certificates(folder, capsys):
    err = refused("run slow.yaml --input x.npy -o y.zarr --scheduler tls://127.0.0.1:9", capsys)
    assert "--scheduler: error CS202: no scheduler answers: TLS expects a `ssl_context`" in err
    assert "hint: name the certificates in Dask's configuration (distributed.comm.tls)" in err
    assert "Traceback" not in err


def test_the_extra_is_named(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    err = refused("run slow.yaml --input x.npy -o y.zarr --scheduler local", capsys)
    assert (
        "--scheduler: error CS104: --scheduler needs the package distributed, which is not "
        'installed\n  hint: pip install "convspec[dask]"\n'
    ) in err
    assert not glob.glob("y.*")


def test_too_many_workers_for_the_memory(folder, capsys, monkeypatch):
    monkeypatch.setattr("speccompiler.dask.clusters.available_memory", lambda: 1 << 30)
    err = refused("run slow.yaml --input x.npy -o y.zarr --scheduler local:8", capsys)
    assert "--scheduler: error CS130: 8 workers need " in err
    assert " of memory each; 922 MiB are available\n" in err
    assert "hint: use fewer workers, or a smaller --batch-size\n" in err


def test_an_input_that_is_read_from_its_start(folder, capsys):
    np.savez_compressed("z.npz", np.load("x.npy"))
    err = refused("run slow.yaml --input z.npz -o y.zarr --scheduler local:2", capsys)
    assert (
        "arr_0.npy: error CS201: it can only be read from its start, and each task begins "
        "elsewhere\n  hint: save it as .npy or Zarr, or leave out --scheduler\n"
    ) in err
