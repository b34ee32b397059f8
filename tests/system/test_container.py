"""Whole commands within limits that the system enforces: they run, or say why not.

None may be killed for want of memory. The groups are real where this process can make some.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speccompiler.system import facilities
from tests.places import ROOT
from tests.system.real_group import NoGroup, RealGroup, real_group

MIB = 1 << 20
SPECS = ROOT / "examples/specs"
CONVSPEC = [sys.executable, "-m", "speccompiler"]


def environment(**more: str) -> dict[str, str]:
    """This one, without what tests say about compiling."""
    left_out = {"CONVSPEC_COMPILE_PROCESSES"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **more}


def run_command(model: str, folder: Path, *options: str) -> list[str]:
    files = ["--input", str(folder / "x.npy"), "--output", str(folder / "y.npy")]
    return [*CONVSPEC, "run", str(SPECS / f"{model}.yaml"), "--seed", "1", *files, *options]


def samples(folder: Path, count: int, *shape: int) -> None:
    x = np.random.default_rng(0).standard_normal((count, *shape), np.float32)
    np.save(folder / "x.npy", x)


def by_itself(command: list[str], folder: Path) -> np.ndarray:
    """The output of the same command without limits."""
    subprocess.run(command, env=environment(), cwd=folder, check=True, capture_output=True)
    return np.load(folder / "y.npy")


@pytest.fixture
def container() -> Iterator[RealGroup]:
    """One processor and 512 MiB."""
    try:
        with real_group(512 * MIB, 1) as group:
            yield group
    except NoGroup as why:
        pytest.skip(f"no control group can be made here: {why}")


def test_doctor_in_a_container(container: RealGroup, tmp_path: Path) -> None:
    done = container.run([*CONVSPEC, "doctor", "--format", "json"], environment(), tmp_path)
    data = json.loads(done.stdout)
    assert data["processor"]["threads"] == 1
    assert data["processor"]["limit"]["processors"] == 1
    ours = [limit for limit in data["memory"]["limits"] if limit["limit"] == 512 * MIB]
    assert [Path(limit["source"]).parent for limit in ours] == [container.memory]
    # Python and what it has read from disk are in use.
    assert 300 * MIB < data["memory"]["allowed"] <= ours[0]["left"] < 512 * MIB


def test_a_small_network_in_a_container(container: RealGroup, tmp_path: Path) -> None:
    samples(tmp_path, 1000, 28, 28, 1)
    command = run_command("lenet", tmp_path)
    done = container.run(command, environment(), tmp_path)
    assert (done.returncode, container.killed()) == (0, 0), done.stderr
    assert done.stderr.endswith(", 1 thread\n")
    found = np.load(tmp_path / "y.npy")
    assert np.array_equal(found, by_itself(command, tmp_path))


def test_a_network_that_does_not_fit_into_a_container(container: RealGroup, tmp_path: Path) -> None:
    samples(tmp_path, 1, 3, 16, 112, 112)
    done = container.run(run_command("c3d", tmp_path), environment(), tmp_path)
    assert (done.returncode, container.killed()) == (2, 0)
    found = done.stderr.splitlines()
    assert found[0].startswith(
        f"{SPECS / 'c3d.yaml'}: error CS130: a batch of 1 needs 898 MiB of memory "
        "(511 MiB for weights); "
    )
    file = max(container.memory.glob("memory.limit_in_bytes"), default=None)
    file = file or container.memory / "memory.max"
    assert found[0].endswith(f" MiB are available, of the 512 MiB that {file} allows")
    assert found[1] == "  hint: the model is too large for this limit: raise it"
    assert not (tmp_path / "y.npy").exists()


def test_an_image_in_a_small_container(tmp_path: Path) -> None:
    """As a whole it does not fit, and the refusal says what does: the same bits in tiles."""
    samples(tmp_path, 1, 1024, 1024, 3)
    command = run_command("fcn_upsampling", tmp_path)
    wanted = by_itself(command, tmp_path)
    (tmp_path / "y.npy").unlink()
    try:
        with real_group(120 * MIB, 1) as group:
            whole = group.run(command, environment(), tmp_path)
            tiles = group.run([*command, "--tile", "auto"], environment(), tmp_path)
            killed = group.killed()
    except NoGroup as why:
        pytest.skip(f"no control group can be made here: {why}")
    assert killed == 0
    assert whole.returncode == 2
    assert "  hint: run it in tiles: --tile auto, or run_tiled in Python\n" in whole.stderr
    assert tiles.returncode == 0, tiles.stderr
    assert np.load(tmp_path / "y.npy").tobytes() == wanted.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("mib", [120, 200, 280])
def test_kernels_are_compiled_in_a_container_or_refused(mib: int, tmp_path: Path) -> None:
    """LeNet with an empty cache: 150 MiB are wanted beside Python, and nothing is killed."""
    samples(tmp_path, 1000, 28, 28, 1)
    command = run_command("lenet", tmp_path)
    cold = environment(CONVSPEC_CACHE_DIR=str(tmp_path / "cache"))
    try:
        with real_group(mib * MIB, 2) as group:
            done = group.run(command, cold, tmp_path)
            killed = group.killed()
    except NoGroup as why:
        pytest.skip(f"no control group can be made here: {why}")
    assert killed == 0
    if mib >= 200:
        assert done.returncode == 0, done.stderr
        found = np.load(tmp_path / "y.npy")
        assert np.array_equal(found, by_itself(command, tmp_path))
    else:
        assert done.returncode == 2
        assert "kernels are to be compiled first, which with the run needs 150 MiB" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("mib", [200, 280, 320, 360, 400, 440, 512])
def test_a_larger_network_runs_or_is_refused(mib: int, tmp_path: Path) -> None:
    """ResNet-50 with nothing packed yet, in limits around what it needs."""
    samples(tmp_path, 12, 224, 224, 3)
    try:
        with real_group(mib * MIB, 2) as group:
            weights = environment(CONVSPEC_CACHE_DIR=_kernels_alone(tmp_path / "cache"))
            done = group.run(run_command("resnet50", tmp_path), weights, tmp_path)
            killed = group.killed()
    except NoGroup as why:
        pytest.skip(f"no control group can be made here: {why}")
    assert killed == 0
    assert done.returncode == 0 or "error CS130" in done.stderr, done.stderr
    assert done.returncode == (2 if mib == 200 else 0) or 200 < mib < 440


def _kernels_alone(folder: Path) -> str:
    """A cache that has the kernels of the tests' cache, and none of its weights."""
    folder.mkdir()
    (folder / "kernels").symlink_to(Path(os.environ["CONVSPEC_CACHE_DIR"], "kernels"))
    return str(folder)


def limited(mib: int) -> list[str]:
    """A shell that allows a command so much address space."""
    return ["bash", "-c", f'ulimit -v {mib << 10}; exec "$@"', "bash"]


@pytest.mark.skipif(not facilities.MEMORY_LIMITS.here, reason="only Linux has these limits")
@pytest.mark.parametrize(("model", "status"), [("lenet", 0), ("c3d", 2)])
def test_within_ulimit(model: str, status: int, tmp_path: Path) -> None:
    shapes = {"lenet": (1000, 28, 28, 1), "c3d": (1, 3, 16, 112, 112)}
    samples(tmp_path, *shapes[model])
    command = [*limited(512), *run_command(model, tmp_path)]
    done = subprocess.run(
        command, env=environment(), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    if status:
        assert " of memory (511 MiB for weights); " in done.stderr
        assert done.stderr.splitlines()[0].endswith(
            " MiB are available, of the 512 MiB that ulimit -v allows"
        )
    else:
        found = np.load(tmp_path / "y.npy")
        assert np.array_equal(found, by_itself(run_command(model, tmp_path), tmp_path))
