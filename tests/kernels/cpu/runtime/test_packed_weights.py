"""Packed weights that are kept: found again, never where anything differs or is damaged."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from speccompiler.kernels.cpu.runtime import checksums, mapped_file, packed_weights
from speccompiler.weights.files import file_state
from speccompiler.weights.files.weight_file import WeightFile
from tests.cases import build
from tests.system.cached_model import LAYERS, WIDTH, X, kept, run, unread


@pytest.fixture(autouse=True)
def folder(own_cache):
    """Kernels stay loaded in the process."""
    return own_cache


@pytest.fixture
def later(monkeypatch):
    """Files that were just written count as old."""
    now = time.time_ns
    monkeypatch.setattr(file_state.time, "time_ns", lambda: now() + 10**10)


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


SMALL = [{"type": "Dense", "name": "d", "output_dim": 3}]


def test_inline_and_small_weights_are_not_kept(tmp_path, folder, later):
    given = [np.ones((WIDTH, 150)).tolist(), np.zeros(150).tolist()]
    run(layers=[{**LAYERS[0], "weights": given}])
    path = tmp_path / "small.npz"
    np.savez(path, **{"d/W": np.ones((WIDTH, 3), np.float32), "d/b": np.zeros(3, np.float32)})
    run(path, layers=SMALL)
    assert kept(folder) == []


def test_small_weights_that_were_drawn_are_kept(folder, monkeypatch):
    """Importing what draws them takes longer than opening a file."""
    first, _ = run(layers=SMALL, seed=5)
    assert len(kept(folder)) == 1
    unread(monkeypatch)
    assert np.array_equal(run(layers=SMALL, seed=5)[0], first)


PAGE = packed_weights.PAGE


def flipped(place):
    """One bit, at a share of the file or so many bytes before its end."""

    def damage(data):
        at = place if place < 0 else int(place * len(data))
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 or len(data) :]

    return damage


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


def test_a_file_that_another_machine_may_cut_is_copied(folder, monkeypatch):
    first, _ = run(seed=5)
    monkeypatch.setattr(mapped_file, "may_be_cut", lambda device: True)
    model = build(LAYERS, [WIDTH], seed=5)
    compiled = model.compile()
    (path,) = (folder / "weights").glob("*")
    os.truncate(path, 0)
    assert np.array_equal(compiled.run(X), first)


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
