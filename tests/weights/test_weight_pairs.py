"""A spec and its weights file belong together: what convert writes, and what is noticed later."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run
from speccompiler.convert.conversion import convert
from speccompiler.convert.pair import default_weights_path, write_pair
from speccompiler.diagnostics.core import SpecError
from speccompiler.files import atomic_output
from speccompiler.system.unfinished_files import sweep
from speccompiler.weights.files.weight_file import open_weights

SOURCE = """\
convspec: 1
semantics: tensorflow
dim_ordering: tf
input_shape: [6, 6, 2]
seed: 3
layers:
  - {type: Convolution2D, name: c, nb_filter: 4, nb_row: 3, nb_col: 3}
"""

X = np.random.default_rng(0).standard_normal((2, 6, 6, 2)).astype(np.float32)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> speccompiler.Model:
    monkeypatch.chdir(tmp_path)
    Path("src.yaml").write_text(SOURCE)
    return speccompiler.load("src.yaml")


def result(**options: Any) -> np.ndarray:
    y: np.ndarray = speccompiler.load("m.yaml", **options).compile("reference").run(X)
    return y


def codes(call: Callable[[], object]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        call()
    return [d.code for d in caught.value.diagnostics]


def both() -> tuple[bytes, bytes]:
    return Path("m.yaml").read_bytes(), Path("m.safetensors").read_bytes()


def write(model: speccompiler.Model, semantics: Any = None) -> tuple[bytes, bytes]:
    write_pair(convert(model, semantics=semantics), Path("m.yaml"), Path("m.safetensors"))
    return both()


def put(spec: bytes, weights: bytes) -> None:
    Path("m.yaml").write_bytes(spec)
    Path("m.safetensors").write_bytes(weights)


def killed_at_every_point(begin: Callable[[], object], act: Callable[[], object]) -> Iterator[int]:
    """Start ``act`` again and again in a child, which is killed at its n-th use of a file's name.

    Stops with the first that comes to its end. What the one before left is swept by this process:
    a child that did it would come less far.
    """
    point = 0
    left_over: list[int] = []
    while True:
        point += 1
        begin()
        left_over.append(len(list(Path().glob(".*.part"))))
        sweep(Path())
        child = os.fork()
        if child == 0:
            left = point

            def count(event: str, arguments: object) -> None:
                nonlocal left
                if event in {"open", "os.rename", "os.remove", "os.scandir"}:
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(count)
            try:
                act()
            finally:
                os._exit(0)
        status = os.waitpid(child, 0)[1]
        yield point
        if os.WIFEXITED(status):
            assert max(left_over) == 2
            assert not list(Path().glob(".*.part"))
            return


# What the children do needs no thread of this process.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")


@needs_fork
@pytest.mark.parametrize("old_release", [False, True], ids=["", "no digest in the old pair"])
def test_a_conversion_killed_anywhere_leaves_a_pair_or_a_refusal(
    source: speccompiler.Model, old_release: bool
) -> None:
    new = write(source, "theano")
    old = write(source)
    want = result()
    if old_release:
        spec = [line for line in old[0].splitlines(True) if b"weights_sha256" not in line]
        arrays = {"c/W": weights("c/W"), "c/b": weights("c/b")}
        from safetensors.numpy import save_file

        save_file(arrays, "m.safetensors")
        old = b"".join(spec), Path("m.safetensors").read_bytes()
    seen = []
    for _ in killed_at_every_point(lambda: put(*old), lambda: write(source, "theano")):
        found = both()
        if found in (old, new):
            np.testing.assert_allclose(result(), want, rtol=0, atol=1e-6)
            seen.append("old" if found == old else "new")
        else:
            assert found == (new[0], old[1])
            assert codes(result) == ["CS127"]
            seen.append("refused")
    assert sorted(set(seen)) == ["new", "old", "refused"]
    assert seen == sorted(seen, key=["old", "refused", "new"].index)
    write(source)
    assert sorted(os.listdir()) == ["m.safetensors", "m.yaml", "src.yaml"]


def weights(name: str) -> np.ndarray:
    from speccompiler.weights.files.weight_file import open_weights

    return open_weights(Path("m.safetensors")).read(name)


TWO = """\
convspec: 1
input_shape: [4]
outputs: [near, far]
layers:
  - {type: Activation, name: near, activation: relu}
  - {type: Activation, name: far, activation: tanh}
"""


@needs_fork
def test_outputs_of_a_run_killed_anywhere_are_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """But for the moment between two renames, in which the first output is the new one."""
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(TWO)
    np.save("x.npy", np.ones((3, 4), np.float32))
    command = ["run", "two.yaml", "--input", "x.npy", "--output", "y.npy", "--target", "reference"]
    names = ["y.near.npy", "y.far.npy"]
    assert run(command) == 0
    new = [Path(name).read_bytes() for name in names]
    old = [b"old near", b"old far"]

    def begin() -> None:
        for name, data in zip(names, old, strict=True):
            Path(name).write_bytes(data)

    seen = []
    for _ in killed_at_every_point(begin, lambda: run(command)):
        found = [Path(name).read_bytes() for name in names]
        assert found in (old, new, [new[0], old[1]])
        seen.append(sum(a == b for a, b in zip(found, new, strict=True)))
    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 2}, seen


def test_a_spec_holds_the_digest_of_its_tensors(source: speccompiler.Model) -> None:
    """By hand: a line for each tensor, in the order of names."""
    import hashlib

    write(source)
    lines = [
        f"c/W 3x3x2x4 {hashlib.sha256(weights('c/W').tobytes()).hexdigest()}\n",
        f"c/b 4 {hashlib.sha256(weights('c/b').tobytes()).hexdigest()}\n",
    ]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert f"\nweights_sha256: {digest}  # of its tensors\n" in Path("m.yaml").read_text()
    from safetensors import safe_open

    with safe_open("m.safetensors", framework="np") as file:
        names = sorted(["c/W", "c/b"], key=lambda name: list(file.keys()).index(name))
        each = " ".join(hashlib.sha256(weights(name).tobytes()).hexdigest() for name in names)
        assert file.metadata() == {"weights_sha256": digest, "tensors_sha256": each}
        assert sorted(file.keys()) == ["c/W", "c/b"]


def test_the_same_tensors_in_another_format_are_the_same(source: speccompiler.Model) -> None:
    write(source)
    want = result()
    np.savez("m.npz", **{"c/b": weights("c/b"), "c/W": weights("c/W")})
    text = Path("m.yaml").read_text()
    Path("m.yaml").write_text(text.replace("m.safetensors", "m.npz"))
    assert np.array_equal(result(), want)
    np.savez("m.npz", **{"c/b": weights("c/b"), "c/W": weights("c/W") + np.float32(1)})
    assert codes(result) == ["CS127"]


@pytest.fixture
def command(capsys: Any) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(list(arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_foreign_weights_are_refused_with_what_to_do(
    source: speccompiler.Model, command: Any
) -> None:
    new = write(source, "theano")
    old = write(source)
    np.save("x.npy", X)
    text = "'m.safetensors' does not hold the tensors that this spec was written with"
    for spec, weights in ((old[0], new[1]), (new[0], old[1])):
        put(spec, weights)
        for arguments in (
            ["run", "m.yaml", "--input", "x.npy", "--target", "reference"],
            ["validate", "m.yaml"],
            ["weights", "m.yaml"],
            ["validate", "m.yaml", "--weights", "m.safetensors"],
        ):
            status, out, err = command(*arguments)
            assert status == 1
            assert f"error CS127: {text} (weights_sha256)\n" in out + err
            assert " | weights_sha256: " in out + err
            assert "convert the model again; take weights_sha256 out where" in out + err


def test_a_changed_value_is_found_by_validate(source: speccompiler.Model, command: Any) -> None:
    spec, weights = write(source)
    assert command("validate", "m.yaml") == (0, "m.yaml: ok, 1 layer\n", "")
    put(spec, weights[:-1] + bytes([weights[-1] ^ 1]))
    status, out, _ = command("validate", "m.yaml")
    assert status == 1
    assert out.startswith(
        "m.safetensors: error CS127: 'm.safetensors' was changed or damaged after it was written: "
        "its tensor 'c/b' is not what its digest says\n"
    )


def test_a_changed_value_is_never_computed_with(source: speccompiler.Model, command: Any) -> None:
    """Each tensor that is read is held to its digest: in all commands, and by its own name."""
    spec, weights = write(source)
    np.save("x.npy", X)
    run = ["run", "m.yaml", "--input", "x.npy", "--target", "reference", "--output", "y.npy"]
    assert command(*run)[0] == 0
    Path("y.npy").unlink()
    put(spec, weights[:-1] + bytes([weights[-1] ^ 1]))
    text = "'m.safetensors' was changed or damaged after it was written: its tensor 'c/b' is not "
    for arguments in (
        run,
        ["weights", "m.yaml"],
        ["run", "m.yaml", "--weights", "m.safetensors", *run[2:]],
        ["convert", "m.yaml", "--output", "again.yaml"],
    ):
        status, out, err = command(*arguments)
        assert status == 1
        assert f"error CS127: {text}what its digest says\n" in out + err
    assert not Path("y.npy").exists()
    assert not Path("again.yaml").exists()
    assert not Path("again.safetensors").exists()


def test_digests_that_are_not_one_another_s_are_not_believed(
    source: speccompiler.Model, command: Any
) -> None:
    """A header that was changed is not believed: the tensors themselves are looked at."""
    spec, weights = write(source)
    place = weights.index(b'"tensors_sha256":"') + len(b'"tensors_sha256":"')
    other = b"1" if weights[place : place + 1] != b"1" else b"2"
    put(spec, weights[:place] + other + weights[place + 1 :])
    assert open_weights(Path("m.safetensors")).sha256 is None
    assert command("validate", "m.yaml") == (0, "m.yaml: ok, 1 layer\n", "")


def test_other_weights_may_be_given(source: speccompiler.Model, command: Any) -> None:
    write(source, "theano")
    os.rename("m.safetensors", "theano.safetensors")
    os.rename("m.yaml", "theano.yaml")
    write(source)
    np.savez("own.npz", **{"c/b": weights("c/b"), "c/W": weights("c/W")})
    assert command("validate", "m.yaml", "--weights", "own.npz") == (
        *(0, "m.yaml: ok, 1 layer\n", ""),
    )
    status, out, _ = command("validate", "m.yaml", "--weights", "theano.safetensors")
    assert status == 0
    assert out.startswith(
        "theano.safetensors: warning CS128: these tensors were converted for another spec, and may "
        "be laid out in another way\n"
    )
    assert out.endswith("m.yaml: ok, 1 layer\nfound 1 warning in 1 file\n")


@pytest.mark.parametrize(("line", "found"), [
    ("weights_sha256: abc", ["CS026"]),
    ("weights_sha256: 12", ["CS024"]),
    (f"weights_sha256: {'0' * 63}A", ["CS026"]),
])  # fmt: skip
def test_a_digest_that_is_none(source: Any, line: str, found: list[str]) -> None:
    write(source)
    lines = Path("m.yaml").read_text().splitlines()
    lines = [line if old.startswith("weights_sha256") else old for old in lines]
    Path("m.yaml").write_text("\n".join(lines))
    assert codes(result) == found


def test_a_digest_needs_weights(tmp_path: Path, command: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(SOURCE.replace("seed: 3", f"weights_sha256: {'0' * 64}"))
    status, out, _ = command("validate", "m.yaml")
    assert status == 1
    assert out.startswith(
        "m.yaml:5:17: error CS026: 'weights_sha256' is the digest of the tensors in 'weights', "
        "which is not given\n"
    )


@pytest.mark.parametrize("broken", ["spec", "weights"])
def test_a_full_disk_changes_nothing(
    source: speccompiler.Model, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = write(source)
    finish = atomic_output._finish

    def full(file: Any) -> Any:
        if ("safetensors" in file.name) == (broken == "weights"):
            raise OSError(28, "No space left on device")
        return finish(file)

    monkeypatch.setattr(atomic_output, "_finish", full)
    with pytest.raises(OSError, match="No space left"):
        write(source, "theano")
    assert both() == old
    assert sorted(os.listdir()) == ["m.safetensors", "m.yaml", "src.yaml"]


@pytest.mark.parametrize(("name", "weights"), [
    ("m.yaml", "m.safetensors"),
    ("m.v2.yaml", "m.v2.safetensors"),
    ("é\udcff\udc80.yaml", "é%FF%80.safetensors"),
])  # fmt: skip
def test_where_weights_go(name: str, weights: str) -> None:
    assert default_weights_path(Path("d") / name) == Path("d") / weights
