"""Limits of control groups, read from trees as containers, batch systems and plain hosts have."""

from __future__ import annotations

from pathlib import Path

import pytest

from speccompiler.system.cgroups import cpu_limit, memory_limits
from tests.system.fake_groups import UNLIMITED, V2, stat, tree, v2_group

MIB = 1 << 20


def limits(root: str) -> list[tuple[int, str]]:
    """Bytes and file of each limit of memory; files without the root."""
    return [(limit.most, limit.file.removeprefix(root)) for limit in memory_limits(root)]


def test_a_container_that_sees_its_group_as_the_root(tmp_path: Path) -> None:
    """docker run --memory 512m --cpus 1.5 with a namespace of its own."""
    group = v2_group("sys/fs/cgroup", cpu_max="150000 100000", memory_max=str(512 * MIB),
                     memory_high="max")  # fmt: skip
    root = tree(tmp_path, "0::/\n", {("/", "/sys/fs/cgroup"): V2}, group)
    assert limits(root) == [(512 * MIB, "/sys/fs/cgroup/memory.max")]
    found = cpu_limit(root)
    assert found is not None
    assert (found.processors, found.file) == (1.5, f"{root}/sys/fs/cgroup/cpu.max")


def test_every_group_above_counts(tmp_path: Path) -> None:
    """A service of systemd: its slice has less than itself."""
    base = "sys/fs/cgroup"
    files = {
        **v2_group(f"{base}/user.slice", cpu_max="max 100000", memory_max=str(64 * MIB)),
        **v2_group(f"{base}/user.slice/user-7", cpu_max="20000 10000", memory_high=str(32 * MIB)),
        **v2_group(f"{base}/user.slice/user-7/job", cpu_max="300000 100000", memory_max="max"),
        # A group beside the own path is nobody's business here.
        **v2_group(f"{base}/user.slice/other", cpu_max="1000 100000", memory_max="4096"),
    }
    own = "0::/user.slice/user-7/job\n"
    root = tree(tmp_path, own, {("/", "/sys/fs/cgroup"): V2}, files)
    assert limits(root) == [
        (64 * MIB, "/sys/fs/cgroup/user.slice/memory.max"),
        (32 * MIB, "/sys/fs/cgroup/user.slice/user-7/memory.high"),
    ]
    found = cpu_limit(root)
    assert found is not None
    assert (found.processors, Path(found.file).parent.name) == (2, "user-7")


V1 = {
    ("/", "/sys/fs/cgroup/memory"): "cgroup cgroup rw,memory",
    ("/", "/sys/fs/cgroup/cpu,cpuacct"): "cgroup cgroup rw,cpu,cpuacct",
}


def v1_files(memory: str, cpu: str, quota: str = "100000", period: str = "50000") -> dict[str, str]:
    return {
        f"{memory}/memory.limit_in_bytes": f"{256 * MIB}\n",
        f"{memory}/memory.usage_in_bytes": f"{100 * MIB}\n",
        f"{memory}/memory.stat": stat("total_", inactive=30 * MIB),
        f"{cpu}/cpu.cfs_quota_us": f"{quota}\n",
        f"{cpu}/cpu.cfs_period_us": f"{period}\n",
    }


def test_version_1(tmp_path: Path) -> None:
    """A job of a batch system: a hierarchy for each resource, and no limits at their tops."""
    job = "slurm/uid_7/job:3"
    files = {
        **v1_files(f"sys/fs/cgroup/memory/{job}", f"sys/fs/cgroup/cpu,cpuacct/{job}"),
        "sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED,
        "sys/fs/cgroup/memory/slurm/memory.limit_in_bytes": UNLIMITED,
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    own = f"9:memory:/{job}\n4:cpu,cpuacct:/{job}\n1:name=systemd:/\n"
    root = tree(tmp_path, own, V1, files)
    assert limits(root) == [
        (256 * MIB, "/sys/fs/cgroup/memory/slurm/uid_7/job:3/memory.limit_in_bytes")
    ]
    (memory,) = memory_limits(root)
    assert memory.left() == (256 - 100 + 30) * MIB
    found = cpu_limit(root)
    assert found is not None
    assert found.processors == 2


def test_version_1_in_a_container_without_a_namespace(tmp_path: Path) -> None:
    """The paths are the host's; the mounts show the container's own group as their top."""
    mounts = {
        ("/docker/4f", "/sys/fs/cgroup/memory"): "cgroup cgroup ro,memory",
        ("/docker/4f", "/sys/fs/cgroup/cpu"): "cgroup cgroup ro,cpu",
    }
    files = {
        **v1_files("sys/fs/cgroup/memory", "sys/fs/cgroup/cpu", quota="30000", period="100000"),
        "sys/fs/cgroup/memory/inner/memory.limit_in_bytes": f"{64 * MIB}\n",
    }
    own = "9:memory:/docker/4f/inner\n4:cpu:/docker/4f\n"
    root = tree(tmp_path, own, mounts, files)
    assert [bytes_ for bytes_, _ in limits(root)] == [256 * MIB, 64 * MIB]
    found = cpu_limit(root)
    assert found is not None
    assert found.processors == 0.3


def test_both_versions_at_once(tmp_path: Path) -> None:
    """A hybrid host: memory is limited by version 1, processors by version 2."""
    mounts = {**V1, ("/", "/sys/fs/cgroup/unified"): V2}
    files = {
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": f"{128 * MIB}\n",
        "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
        **v2_group("sys/fs/cgroup/unified/box", cpu_max="400000 100000"),
    }
    own = "9:memory:/box\n4:cpu,cpuacct:/box\n0::/box\n"
    root = tree(tmp_path, own, mounts, files)
    assert [bytes_ for bytes_, _ in limits(root)] == [128 * MIB]
    found = cpu_limit(root)
    assert found is not None
    assert (found.processors, found.file) == (4, f"{root}/sys/fs/cgroup/unified/box/cpu.max")


@pytest.mark.parametrize("own", ["0::/../job\n", "0::/elsewhere\n"])
def test_a_group_that_the_mount_does_not_show(tmp_path: Path, own: str) -> None:
    """The mount's top is all that can be seen: a group above, or that of the container."""
    files = {
        **v2_group("sys/fs/cgroup", memory_max=str(512 * MIB)),
        **v2_group("sys/fs/cgroup/job", memory_max="4096"),
    }
    root = tree(tmp_path, own, {("/pod/7", "/sys/fs/cgroup"): V2}, files)
    assert limits(root) == [(512 * MIB, "/sys/fs/cgroup/memory.max")]


def test_of_two_mounts_the_one_that_shows_the_group(tmp_path: Path) -> None:
    mounts = {("/other", "/mnt/other"): V2, ("/", "/my groups"): V2.replace("rw", "ro")}
    files = {
        **v2_group("mnt/other", memory_max="4096"),
        **v2_group("my groups/pod", memory_max=str(8 * MIB)),
    }
    escaped = {(top, point.replace(" ", "\\040")): kind for (top, point), kind in mounts.items()}
    root = tree(tmp_path, "0::/pod\n", escaped, files)
    assert limits(root) == [(8 * MIB, "/my groups/pod/memory.max")]


@pytest.mark.parametrize(
    "text", ["max", "-1", "", "\n", "5e9", "12 34", "9223372036854771712", "1" * 40, "\0\0"]
)
def test_what_is_no_limit_of_memory(tmp_path: Path, text: str) -> None:
    group = v2_group("sys/fs/cgroup", memory_max=text)
    assert limits(tree(tmp_path, "0::/\n", {("/", "/sys/fs/cgroup"): V2}, group)) == []


@pytest.mark.parametrize(
    "text", ["max 100000", "max", "", "100000", "100000 0", "0 100000", "x y", "-1 100000", "1 2 3"]
)
def test_what_is_no_limit_of_processors(tmp_path: Path, text: str) -> None:
    group = v2_group("sys/fs/cgroup", cpu_max=text)
    assert cpu_limit(tree(tmp_path, "0::/\n", {("/", "/sys/fs/cgroup"): V2}, group)) is None


@pytest.mark.parametrize(
    ("own", "mountinfo"),
    [
        (None, None),
        ("", ""),
        ("0\n1:2\nnonsense", "nonsense - cgroup\n - cgroup2 x y\n"),
        ("0::/\n", "31 21 0:31 / /sys/fs/cgroup rw"),
        ("0::/\n", "31 21 - cgroup2 cgroup2 rw\n"),
    ],
)
def test_torn_or_missing_files(tmp_path: Path, own: str | None, mountinfo: str | None) -> None:
    folder = tmp_path / "proc/self"
    folder.mkdir(parents=True)
    for name, text in (("cgroup", own), ("mountinfo", mountinfo)):
        if text is not None:
            (folder / name).write_text(text)
    assert (cpu_limit(str(tmp_path)), memory_limits(str(tmp_path))) == (None, ())


@pytest.mark.parametrize(
    ("current", "numbers", "left"),
    [
        ("300", {}, 212),
        # Files that nobody has mapped, or used for long, are dropped when memory is wanted.
        ("300", {"inactive": 100}, 312),
        ("300", {"inactive": 100, "active": 50}, 362),
        ("300", {"inactive": 100, "active": 50, "mapped": 20}, 342),
        ("300", {"inactive": 100, "active": 50, "mapped": 500}, 312),
        # More than the limit, for a moment.
        ("600", {}, 0),
        # Numbers of two moments.
        ("100", {"inactive": 300}, 512),
    ],
)
def test_what_is_left(tmp_path: Path, current: str, numbers: dict[str, int], left: int) -> None:
    bytes_ = {name: number * MIB for name, number in numbers.items()}
    group = v2_group("sys/fs/cgroup", memory_max=str(512 * MIB),
                     memory_current=str(int(current) * MIB))  # fmt: skip
    files = {**group, "sys/fs/cgroup/memory.stat": stat(**bytes_)}
    (limit,) = memory_limits(tree(tmp_path, "0::/\n", {("/", "/sys/fs/cgroup"): V2}, files))
    assert limit.left() == left * MIB
    # What is used is read anew; a file that is torn or gone says nothing.
    (tmp_path / "sys/fs/cgroup/memory.stat").write_text("inactive_file\nfile_mapped 1 2\nanon x\n")
    assert limit.left() == max(0, 512 - int(current)) * MIB
    (tmp_path / "sys/fs/cgroup/memory.current").unlink()
    assert limit.left() == 512 * MIB


def test_it_is_read_once(tmp_path: Path) -> None:
    group = v2_group("sys/fs/cgroup", memory_max=str(512 * MIB), cpu_max="1 1")
    root = tree(tmp_path, "0::/\n", {("/", "/sys/fs/cgroup"): V2}, group)
    before = memory_limits(root), cpu_limit(root)
    (tmp_path / "proc/self/cgroup").unlink()
    assert (memory_limits(root), cpu_limit(root)) == before
