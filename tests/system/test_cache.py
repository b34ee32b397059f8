"""The cache: its limit, what it removes, and packed weights that are found only where they fit."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from speccompiler.kernels.cpu.runtime import checksums, mapped_file, packed_weights
from speccompiler.system import cache, code_digest, unfinished_files
from speccompiler.system.unfinished_files import create_unfinished, sweep
from speccompiler.weights import initializers
from speccompiler.weights.files import file_state
from speccompiler.weights.files.weight_file import WeightFile
from tests.cases import build
from tests.test_imports import imported, modules

LAYERS = [{"type": "Dense", "output_dim": 150, "name": "d"}]
WIDTH = 200
X = np.random.default_rng(0).standard_normal((2, WIDTH)).astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of the test's own. Kernels stay loaded in the process."""
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("CONVSPEC_CACHE_SIZE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def later(monkeypatch):
    """Files that were just written count as old."""
    now = time.time_ns
    monkeypatch.setattr(file_state.time, "time_ns", lambda: now() + 10**10)


def kept(folder, kind="weights"):
    return sorted(path.name for path in (folder / kind).glob("*"))


# What the cache does with files.


def put(name, size, age, kind="kernels"):
    path = cache.cache_folder(kind) / f"{cache.PREFIX}{name}"
    assert cache.write_entry(path, [bytes(size)])
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_was_used_least_recently_goes_first(monkeypatch):
    old, used, new = put("a.o", 400_000, 9000), put("b.o", 400_000, 8000), put("c.o", 400_000, 10)
    assert cache.read_entry(used) == bytes(400_000)
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "1")
    fourth = put("d.o", 100_000, 0)
    assert [p.exists() for p in (old, used, new, fourth)] == [False, True, True, True]


def test_a_kernel_goes_as_a_whole(monkeypatch):
    pair = put("a.py", 10, 9000), put("a.o", 900_000, 9000)
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "1")
    put("b.o", 900_000, 0, "weights")
    assert not any(path.exists() for path in pair)


def test_nothing_is_kept_where_nothing_may_be(monkeypatch):
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "0")
    path = cache.cache_folder("kernels") / "convspec_a.o"
    assert not cache.write_entry(path, [b"x"])
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "much", "nan", "inf"])
def test_a_limit_that_is_none_is_the_default(text, monkeypatch):
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", text)
    assert cache.cache_limit() == cache.DEFAULT_LIMIT


WRITER = """
import sys, time
from pathlib import Path
from speccompiler.system.unfinished_files import create_unfinished
file = create_unfinished(Path(sys.argv[1]), sys.argv[2])
file.write(b"begun")
print(flush=True)
time.sleep(600)
"""


@contextmanager
def writer(folder, name):
    """A process that is writing a file, until it is killed at the end."""
    command = [sys.executable, "-c", WRITER, str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        yield
        process.kill()


def test_what_a_dead_process_was_writing_is_removed_and_work_in_progress_stays(tmp_path):
    others = [".x.0123456789ab.part", ".x.0123.convspec.part", "x.0123456789ab.convspec.part"]
    for name in others:
        (tmp_path / name).write_text("not ours")
    (tmp_path / ".link.0123456789ab.convspec.part").symlink_to(tmp_path / others[0])
    (tmp_path / ".folder.0123456789ab.convspec.part").mkdir()
    os.mkfifo(tmp_path / ".pipe.0123456789ab.convspec.part")
    with writer(tmp_path, "a.o"):
        with writer(tmp_path, "x" * 60):
            pass
        assert len(list(tmp_path.iterdir())) == 8
        sweep(tmp_path)
        left = {path.name for path in tmp_path.iterdir()}
        assert [name for name in left if name.startswith(".x" + "x" * 39)] == []
        assert [name for name in left if name.startswith(".a.o.")] != []
        assert len(left) == 7
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 6
    sweep(tmp_path / "missing")


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    lock, seen = unfinished_files._locked, []

    def late(descriptor):
        if not seen:
            seen.append(True)
            sweep(tmp_path)
        return lock(descriptor)

    monkeypatch.setattr(unfinished_files, "_locked", late)
    with create_unfinished(tmp_path, "a") as file:
        assert os.path.exists(file.name)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_next_process_sweeps_the_cache(folder):
    with writer(cache.cache_folder("weights"), "convspec_d_0.weights"):
        pass
    assert len(list((folder / "weights").iterdir())) == 1
    cache._folder.cache_clear()  # as a new process has it
    cache.cache_folder("weights")
    assert list((folder / "weights").iterdir()) == []


def test_clearing_leaves_what_is_not_ours(folder):
    put("a.o", 10, 0)
    put("b.weights", 20, 0, "weights")
    (folder / "kernels" / "mine.txt").write_text("mine")
    assert cache.clear() == (2, 30)
    assert kept(folder, "kernels") == ["mine.txt"]
    assert cache.clear() == (0, 0)


def test_a_use_is_noted_at_most_once_an_hour():
    path = put("a.o", 10, 100)
    before = path.stat().st_mtime_ns
    cache.read_entry(path)
    assert path.stat().st_mtime_ns == before
    os.utime(path, (time.time() - 9000,) * 2)
    aged = path.stat().st_mtime_ns
    cache.read_entry(path)
    assert path.stat().st_mtime_ns > aged


# Packed weights.


def weights(path, seed=1, **special):
    rng = np.random.default_rng(seed)
    w, b = rng.standard_normal((WIDTH, 150)), rng.standard_normal(150)
    for place, value in special.items():
        {"w": w, "b": b}[place].flat[5] = value
    arrays = {"d/W": w.astype(np.float32), "d/b": b.astype(np.float32)}
    if path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file(arrays, path)
    elif path.suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    else:
        np.savez(path, **arrays)
    return path, X @ arrays["d/W"] + arrays["d/b"]


def run(path=None, layers=LAYERS, **options):
    model = build(layers, [WIDTH], **({} if path is None else {"weights": path}), **options)
    compiled = model.compile()
    return compiled.run(X), [d.message for d in compiled.diagnostics]


def unread(monkeypatch):
    """From here on no tensor is read or drawn."""

    def fail(*args, **options):
        raise AssertionError("a tensor is read")

    monkeypatch.setattr(WeightFile, "read", fail)
    monkeypatch.setattr(initializers, "initialize", fail)


@pytest.mark.parametrize("name", ["w.npz", "w.safetensors", "w.h5"])
def test_packed_weights_of_a_file_are_found(name, tmp_path, folder, later, monkeypatch):
    path, want = weights(tmp_path / name)
    first, _ = run(path)
    np.testing.assert_allclose(first, want, rtol=1e-4, atol=1e-4)
    assert len(kept(folder)) == 1
    with monkeypatch.context() as patched:
        unread(patched)
        again, _ = run(path)
    assert np.array_equal(again, first)


def test_drawn_weights_are_found_by_their_seed(folder, monkeypatch):
    first, _ = run(seed=5)
    other, _ = run(seed=6)
    assert not np.array_equal(first, other)
    assert len(kept(folder)) == 2
    unread(monkeypatch)
    assert np.array_equal(run(seed=5)[0], first)
    assert np.array_equal(run(seed=6)[0], other)


def test_a_changed_file_is_read_again(tmp_path, later):
    """Same name, same size, same times: the change itself has a time that nobody can set."""
    path, _ = weights(tmp_path / "w.npz")
    run(path)
    status = path.stat()
    _, want = weights(path, seed=2)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    np.testing.assert_allclose(run(path)[0], want, rtol=1e-4, atol=1e-4)


def test_a_file_that_is_replaced_while_it_is_read_is_not_kept(tmp_path, folder, later, monkeypatch):
    path, want = weights(tmp_path / "w.npz")
    read = WeightFile.read

    def replaced(self, name):
        array = read(self, name)
        weights(tmp_path / "new.npz", seed=2)
        os.replace(tmp_path / "new.npz", path)
        return array

    monkeypatch.setattr(WeightFile, "read", replaced)
    np.testing.assert_allclose(run(path)[0], want, rtol=1e-4, atol=1e-4)
    assert kept(folder) == []


def test_a_file_written_this_very_moment_is_not_kept(tmp_path, folder, monkeypatch):
    """The next write could have the same time."""
    path, _ = weights(tmp_path / "w.npz")
    changed = path.stat().st_ctime_ns
    for age, known in ((10**7, False), (10**8, True)):
        monkeypatch.setattr(file_state.time, "time_ns", lambda age=age: changed + age)
        assert (file_state.file_state(path) is not None) is known
        run(path)
        assert bool(kept(folder)) is known


def test_every_warning_comes_each_time(tmp_path, folder, later, monkeypatch):
    path, _ = weights(tmp_path / "w.npz", w=np.nan, b=np.inf)
    layers = [{**LAYERS[0], "b_constraint": {"name": "nonneg"}}]
    _, first = run(path, layers)
    assert [text[:9] for text in first] == ["b breaks ", "W holds 1", "b holds 1"]
    assert len(kept(folder)) == 1
    assert run(path, layers)[1] == first


def test_projected_weights_are_not_kept(folder):
    layers = [{**LAYERS[0], "W_constraint": {"name": "maxnorm", "m": 1e-3, "axis": 0}}]
    model = build(layers, [WIDTH], seed=3)
    plain = model.compile().run(X)
    names = kept(folder)
    assert len(names) == 1
    projected = model.compile(apply_constraints=True).run(X)
    assert np.abs(projected).max() < 0.1 * np.abs(plain).max()
    assert kept(folder) == names
    assert np.array_equal(model.compile().run(X), plain)


def test_inline_and_small_weights_are_not_kept(folder):
    given = [np.ones((WIDTH, 150)).tolist(), np.zeros(150).tolist()]
    run(layers=[{**LAYERS[0], "weights": given}])
    run(layers=[{"type": "Dense", "output_dim": 3}])
    assert kept(folder) == []


PAGE = packed_weights.PAGE


def flipped(place):
    """One bit, at a share of the file or so many bytes before its end."""

    def damage(data):
        at = place if place < 0 else int(place * len(data))
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 or len(data) :]

    return damage


def page(text):
    """A last page that holds something else, with the right sum of itself."""
    rest = text.encode().ljust(PAGE - 64)[: PAGE - 64]
    return hashlib.sha256(rest).hexdigest().encode() + rest


@pytest.mark.parametrize("damage", [
    lambda data: data[:-4],
    lambda data: data + bytes(4),
    lambda data: data[:-PAGE] + b"{}" + data[2 - PAGE :],
    lambda data: b"",
    lambda data: data.replace(b"drawn glorot_uniform", b"drawn glorot_uniforn", 1),
    lambda data: data[:-PAGE] + b"[" * PAGE,
    lambda data: data[:-PAGE] + bytes(PAGE),
    lambda data: bytes(PAGE) + data[PAGE:],
    lambda data: data[: 20 * PAGE] + bytes(PAGE) + data[21 * PAGE :],
    lambda data: data[: len(data) - 2 * PAGE] + bytes(PAGE) + data[-PAGE:],
    *map(flipped, [0, 0.1, 0.5, 0.9, -PAGE - 1, -PAGE, -PAGE + 70, -PAGE // 2, -1]),
])  # fmt: skip
def test_a_damaged_entry_is_packed_again(folder, damage):
    first, _ = run(seed=5)
    (path,) = (folder / "weights").glob("*")
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert path.read_bytes() != good
    assert np.array_equal(run(seed=5)[0], first)
    assert path.read_bytes() == good


def test_sums_are_looked_at_once_for_each_state_of_a_file(folder, monkeypatch):
    first, _ = run(seed=5)
    looked = []
    monkeypatch.setattr(packed_weights, "_sound", set())

    def counted(parts, plain=checksums.checksums):
        looked.append(sum(map(len, parts)))
        return plain(parts)

    monkeypatch.setattr(packed_weights, "checksums", counted)
    for _ in range(3):
        assert np.array_equal(run(seed=5)[0], first)
    (path,) = (folder / "weights").glob("*")
    assert looked == [path.stat().st_size - PAGE]
    os.utime(path, (time.time() - 60,) * 2)
    assert np.array_equal(run(seed=5)[0], first)
    assert len(looked) == 2


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, 100_003])
@pytest.mark.parametrize("cut", [0.0, 0.3, 1.0])
def test_checksums_do_not_depend_on_where_parts_begin(size, cut, monkeypatch):
    data = memoryview(np.random.default_rng(size).bytes(size))
    at = int(cut * size)
    want = checksums.checksums([data])
    length = -(-size // 16)
    assert want == [zlib.crc32(data[i * length : (i + 1) * length]) for i in range(16)]
    monkeypatch.setattr(checksums, "WORTH_THREADS", 1)
    assert checksums.checksums([data[:at], data[at:]]) == want


def test_a_file_that_another_machine_may_cut_is_copied(folder, monkeypatch):
    first, _ = run(seed=5)
    monkeypatch.setattr(mapped_file, "may_be_cut", lambda device: True)
    model = build(LAYERS, [WIDTH], seed=5)
    compiled = model.compile()
    (path,) = (folder / "weights").glob("*")
    os.truncate(path, 0)
    assert np.array_equal(compiled.run(X), first)


def test_a_file_system_is_known_by_its_type(tmp_path):
    assert not mapped_file.may_be_cut(os.stat(tmp_path).st_dev)
    assert not mapped_file.may_be_cut(os.makedev(4095, 77))
    mounts = (
        "22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
        "28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "31 28 0:45 /home /home rw - nfs4 server:/home rw,vers=4.2\n"
    )
    kinds = [mapped_file.file_system(mounts, os.makedev(*d)) for d in ((254, 0), (0, 45), (0, 4))]
    assert kinds == ["ext4", "nfs4", ""]
    assert {"nfs4"} <= mapped_file._OF_A_NETWORK


# What the names of entries are made of.


def test_the_key_follows_imports():
    """As Python's own parser sees them."""
    for roots in (packed_weights._DECIDING, ("speccompiler.kernels.cpu.runtime.compiler",)):
        found = code_digest.closure(*roots)
        assert set(roots) <= found
        seen = {name: imported(file, package) for name, package, file in modules()}
        for name in found & seen.keys():
            wanted = {other for other in seen[name] if other in seen} - typed_only(name)
            assert wanted <= found | {"speccompiler"}, name


def typed_only(name):
    """What a module imports for type checkers alone."""
    (file,) = [file for module, _, file in modules() if module == name]
    (package,) = [package for module, package, _ in modules() if module == name]
    plain = "\n".join(
        ast.unparse(node)
        for node in ast.parse(file.read_text()).body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    )
    copy = Path(os.environ["CONVSPEC_CACHE_DIR"]).parent / "plain.py"
    copy.write_text(plain)
    return imported(file, package) - imported(copy, package)


@pytest.mark.parametrize("module", [
    "files.npy_format", "files.hdf5_reading", "files.hdf5_worker", "files.hdf5_structure",
    "weights.files.safetensors_files", "expressions.evaluate", "kernels.winograd_tiles",
    "graph.ir",
])  # fmt: skip
def test_what_packing_depends_on_is_in_the_key(module):
    assert f"speccompiler.{module}" in code_digest.closure(*packed_weights._DECIDING)


def test_a_changed_source_changes_the_key(monkeypatch):
    root, changed = "speccompiler.weights.files.weight_file", "speccompiler.files.npy_format"
    read, digest = code_digest._read, code_digest.code_digest.__wrapped__
    before, alone = digest(root), digest("speccompiler.system.subprocesses", alone=(changed,))
    assert digest(root) == before

    def other(name):
        found = read(name)
        return (found[0] + b"\n", found[1]) if name == changed else found

    monkeypatch.setattr(code_digest, "_read", other)
    assert digest(root) != before
    assert digest("speccompiler.system.subprocesses", alone=(changed,)) != alone


def test_without_sources_the_release_decides(monkeypatch):
    digest = code_digest.code_digest.__wrapped__
    monkeypatch.setattr(code_digest, "_read", lambda name: None)
    before = digest("speccompiler.weights.files.weight_file")
    monkeypatch.setattr(code_digest, "__version__", "0.0.0")
    assert digest("speccompiler.weights.files.weight_file") != before


@pytest.mark.parametrize(("text", "found"), [
    ("from . import a, b as c\n", {"speccompiler.p.a", "speccompiler.p.b", "speccompiler.p"}),
    ("from ..x import y\n", {"speccompiler.x", "speccompiler.x.y"}),
    ("from .. import z\n", {"speccompiler.z"}),
    ("from .m import (\n    one,  # why\n    two,\n)\n", {
        "speccompiler.p.m", "speccompiler.p.m.one", "speccompiler.p.m.two"}),
    ("def f():\n    from .late import g\n", {"speccompiler.p.late", "speccompiler.p.late.g"}),
    ("import os, speccompiler.system.cache as c  # why\n", {"speccompiler.system.cache"}),
    ("import numpy\nfrom os import path\n", set()),
    ("if TYPE_CHECKING:\n    from .t import T\n\n    from .u import U\n\nfrom .v import V\n",
     {"speccompiler.p.v", "speccompiler.p.v.V"}),
])  # fmt: skip
def test_imports_are_read_from_the_text(text, found):
    assert set(code_digest.imports(text, "speccompiler.p")) == found


@pytest.mark.parametrize("kept_in", ["large pages", "ordinary ones"])
def test_what_is_kept_has_the_values_that_were_packed(folder, kept_in, monkeypatch):
    """Whole large pages, and less than one; a bias behind weights that end anywhere."""
    if kept_in == "large pages":
        monkeypatch.setattr(packed_weights, "WORTH_LARGE_PAGES", 1 << 16)
        monkeypatch.setattr(packed_weights, "LARGE_PAGE", 1 << 14)
    first, _ = run(seed=5)
    (path,) = (folder / "weights").glob("*")
    size = path.stat().st_size
    assert (size % (1 << 14) == 0) == (kept_in == "large pages")
    again, _ = run(seed=5)
    assert np.array_equal(again, first)
    assert path.stat().st_size == size


def test_another_kernel_or_packing_has_another_entry(folder, monkeypatch):
    run(seed=5)
    monkeypatch.setattr(packed_weights, "_code", lambda: "another packing")
    run(seed=5)
    assert len(kept(folder)) == 2


def test_a_penalty_is_computed_when_it_is_asked_for(tmp_path, later, monkeypatch):
    path, _ = weights(tmp_path / "w.npz")
    layers = [{**LAYERS[0], "W_regularizer": {"name": "l2", "l": 0.5}}]
    model = build(layers, [WIDTH], weights=path)
    want = model.compile().penalties
    with monkeypatch.context() as patched:
        unread(patched)
        compiled = build(layers, [WIDTH], weights=path).compile()
    assert compiled.penalties == want
    again = build(layers, [WIDTH], weights=path).compile()
    path.unlink()
    with pytest.raises(SpecError) as caught:
        _ = again.penalties
    assert caught.value.diagnostics[0].code in {"CS100", "CS101"}


# The commands.


SPEC = {"convspec": 1, "input_shape": [WIDTH], "layers": LAYERS}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    from speccompiler.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(SPEC))

    def call(*arguments):
        status = main.run(list(arguments))
        out, err = capsys.readouterr()
        assert status == 0, err
        return out

    return call


def test_compile_makes_what_a_run_needs(command, folder, monkeypatch):
    text = command("compile", "model.json", "--seed", "5", "--batch-size", "2")
    assert "weights: 1 packed\n  d_" in text
    assert text.endswith(f"kept in {folder}\n")
    again = json.loads(command("compile", "model.json", "--seed", "5", "--format", "json"))
    assert again["folder"] == str(folder)
    assert [entry for entry in again["made"] if entry["kind"] == "weights"] == []
    unread(monkeypatch)
    run(seed=5)


def test_compile_without_weights_makes_the_kernels(command, folder):
    text = command("compile", "model.json")
    assert "weights: none are given\n" in text
    assert kept(folder) == []


def test_compile_says_when_nothing_is_kept(command, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "file"))
    text = command("compile", "model.json", "--seed", "5")
    assert text.endswith(f"nothing is kept: {tmp_path / 'file'} cannot be used\n")


def test_cache_shows_and_clears(command, folder, monkeypatch):
    run(seed=5)
    (name,) = kept(folder)
    size = (folder / "weights" / name).stat().st_size
    shown = json.loads(command("cache", "--format", "json"))
    assert (shown["folder"], shown["limit"]) == (str(folder), 2048 << 20)
    (entry,) = [e for e in shown["entries"] if e["kind"] == "weights"]
    assert (entry["name"] + ".weights", entry["size"]) == (name, size)
    text = command("cache")
    assert f"folder: {folder}\n" in text
    assert "\nweights: 1, " in text
    assert text.endswith("limit: 2.0 GiB\n")
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "lots")
    assert "'lots', which is no number of MiB" in command("cache")
    assert command("cache", "--clear").startswith("removed ")
    assert kept(folder) == []
    assert (
        command("cache", "--clear", "--format", "json")
        == json.dumps({"folder": str(folder), "removed": 0, "size": 0}) + "\n"
    )
