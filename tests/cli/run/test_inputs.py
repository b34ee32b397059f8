"""What ``--input`` takes, in run, verify and diff: the same bits from every kind of file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from PIL import Image

from speccompiler.cli.main import run

X = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3)).astype(np.uint8)
SPEC = """\
convspec: 1
dim_ordering: {ordering}
input_shape: {shape}
seed: 1
layers:
  - {{type: Convolution2D, name: c, nb_filter: 2, nb_row: 3, nb_col: 3, border_mode: same}}
"""
TWO = """\
convspec: 1
inputs: {left: [2], right: [2]}
layers:
  - {type: Merge, name: sum, inputs: [left, right], mode: sum}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("tf.yaml").write_text(SPEC.format(ordering="tf", shape="[8, 6, 3]"))
    Path("th.yaml").write_text(SPEC.format(ordering="th", shape="[3, 8, 6]"))
    np.save("x.npy", X)
    np.save("f.npy", np.asfortranarray(X))
    np.save("x_th.npy", np.moveaxis(X, -1, 1))
    np.savez("stored.npz", x=X, y=X[:, 0])
    np.savez_compressed("packed.npz", x=X)
    group = zarr.create_group("g.zarr")
    group.create_array("a/x", shape=X.shape, dtype="u1", chunks=(2, 8, 3, 3))[:] = X
    with h5py.File("x.h5", "w") as file:
        file.create_dataset("packed", data=X, chunks=(2, 8, 6, 3), compression="gzip")
        file["plain"] = X
    Path("photos").mkdir()
    for number, values in enumerate(X):
        Image.fromarray(values).save(f"photos/{number}.png")
    return tmp_path


def called(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    status = run([*line.split(), "--target", "reference"] if line[:4] != "diff" else line.split())
    out, err = capsys.readouterr()
    return status, out, err


KINDS = (
    "x.npy", "f.npy", "stored.npz::x", "packed.npz", "g.zarr", "g.zarr/a/x", "g.zarr::/a/x",
    "x.h5::/packed", "x.h5::plain", "photos", "photos/*.png", "photos/[0-4].png",
)  # fmt: skip


def test_every_kind_gives_the_same_bits(capsys: pytest.CaptureFixture[str], files: Path) -> None:
    assert called(capsys, "run tf.yaml --input x.npy -o expected.npy")[0] == 0
    expected = Path("expected.npy").read_bytes()
    for kind in (*KINDS, f"file://{files}/x.npy"):
        for batch_size in (1, 3):
            line = f"run tf.yaml --input {kind} -o y.npy --batch-size {batch_size}"
            assert called(capsys, line)[0] == 0, kind
            assert Path("y.npy").read_bytes() == expected, kind
            Path("y.npy").unlink()


def test_channels_stand_where_the_model_takes_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "run th.yaml --input x_th.npy -o expected.npy")[0] == 0
    assert called(capsys, "run th.yaml --input photos -o y.npy")[0] == 0
    assert Path("y.npy").read_bytes() == Path("expected.npy").read_bytes()


def test_the_file_of_each_row_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = called(capsys, "run tf.yaml --input photos -o y.npy")
    assert status == 0
    assert out == (
        "wrote y.npy: (5, 8, 6, 2) float32, output of 'c'\n"
        "wrote y.files.csv: the file of each row of photos\n"
    )
    rows = [f"{number},photos/{number}.png" for number in range(5)]
    assert Path("y.files.csv").read_text().splitlines() == ["row,file", *rows]
    before = set(Path().iterdir())
    assert called(capsys, "run tf.yaml --input photos")[0] == 0
    assert set(Path().iterdir()) == before


def test_verify_and_diff_take_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, "run tf.yaml --input x.npy -o y.npy")
    for kind in KINDS:
        status, out, _ = called(capsys, f"verify tf.yaml --input {kind} --expect y.npy")
        assert (status, out.split()[-1]) == (0, "equal"), kind
        status, out, _ = called(capsys, f"diff tf.yaml tf.yaml --input {kind}")
        assert status == 0, kind
    zarr.save_array("y.zarr", np.load("y.npy"))
    assert called(capsys, "verify tf.yaml --input photos --expect y.zarr")[0] == 0
    line = "verify tf.yaml --input photos --expect y.npy --resize 8,6 --mode RGB"
    assert called(capsys, line)[0] == 0


def test_inputs_by_name_of_several_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.yaml").write_text(TWO)
    zarr.save_array("l.zarr", np.ones((3, 2), np.float32))
    np.savez("r.npz", a=np.ones((3, 2), np.float32), b=np.zeros((3, 2), np.float32))
    line = "run two.yaml --input left=l.zarr --input right=r.npz::a -o y.npy"
    assert called(capsys, line)[0] == 0
    assert np.load("y.npy").tolist() == [[2.0, 2.0]] * 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--input x.npy --resize 8", "--resize is for pictures, and no input is one"),
        ("--input x.npy --mode L", "--mode is for pictures, and no input is one"),
        ("--input photos --resize 8,6,bicubi", "'bicubi' is no number and no filter; did you mean "
         "'bicubic'?"),
        ("--input photos --resize 0", "'0' is no size; write it as 224,224 (height, width)"),
        ("--input photos --resize 1,2,3", "'1,2,3' is no size; write it as 224,224 (height, "
         "width)"),
        ("--input photos --resize 99999", "'99999' is larger than pictures can be"),
    ],
)  # fmt: skip
def test_options_of_pictures(capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    status, _, err = called(capsys, f"run tf.yaml {line}")
    assert status == 2
    assert err.splitlines()[-1].endswith(said)


def test_pictures_that_do_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(X[0][:4]).save("photos/5.png")
    status, _, err = called(capsys, "run tf.yaml --input photos")
    assert (status, err) == (
        1,
        "photos: error CS185: 'photos/5.png' is 4 high and 6 wide, and 'photos/0.png' is 8 high "
        "and 6 wide: all must have one size\n"
        "  hint: --resize 8,6 brings all to one\n"
        "\n"
        "found 1 error\n",
    )
    assert called(capsys, "run tf.yaml --input photos --resize 8,6")[0] == 0
    status, _, err = called(capsys, "run tf.yaml --input photos --resize 4")
    assert "CS117: the array has shape (6, 4, 4, 3); the model takes (samples, 8, 6, 3)" in err


def test_an_output_does_not_replace_what_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = called(capsys, "run tf.yaml --input x.h5::/plain -o x.h5")
    assert status == 2
    assert "'x.h5' is the input of this run; name another output" in err


def test_a_url_that_leads_nowhere_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    line = "run tf.yaml --input http://me:SECRET@127.0.0.1:9/x.npy?token=SECRET -o y.npy"
    status, _, err = called(capsys, line)
    assert (status, err) == (
        2,
        "http://127.0.0.1:9/x.npy: error CS186: '127.0.0.1:9' cannot be reached\n"
        "  hint: check the address and the network\n"
        "\n"
        "found 1 error\n",
    )
    assert not Path("y.npy").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("::", "CS110: the name of the file is empty"),
        ("::x", "CS110: the name of the file is empty"),
        ("file://", "CS110: the name of the file is empty"),
        ("x.npy::a", "CS124: the file holds no arrays by name, and 'a' is asked of it"),
        ("x.h5/plain", "CS110: 'x.h5' is a file, not a folder"),
        ("photos::x", "CS111: this is no Zarr array or group: there is no zarr.json, .zarray or "
         ".zgroup"),
        ("many", "CS110: the folder holds no pictures (.png, .jpg, .tif) and is no Zarr array; it "
         "holds 'a.zarr'"),
        ("photos/*.jpg", "CS110: no file matches"),
        ("x[1].npy", "CS110: no file matches"),
        ("empty.png", "CS185: the picture 'empty.png' is empty"),
        ("empty.zarr", "CS111: this is no Zarr array or group: there is no zarr.json, .zarray or "
         ".zgroup"),
        ("empty.npy", "CS111: it is empty"),
        ("x.npy/y", "CS110: it cannot be read: not a directory"),
        ("a" * 5000, "CS110: it cannot be read: file name too long"),
        ("docs.zip", "CS124: the archive has no member 'c'; it holds none"),
        ("none.zarr", "CS118: the array (0, 8, 6, 3) holds no sample"),
        ("rank.zarr", "CS116: the array has 1 axis, (4,); the model takes 4: (samples, 8, 6, 3)"),
        ("renamed.npy", "CS124: the file holds 2 datasets: '/packed', '/plain'"),
        ("http://[::1/x.npy", "CS186: this is no URL"),
        ("https://", "CS186: the URL names no host"),
        ("ftp://host/x.npy", "CS186: URLs of ftp:// are not read"),
    ],
)  # fmt: skip
def test_names_that_lead_to_nothing(
    capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    Path("many").mkdir()
    zarr.save_array("many/a.zarr", X)
    for empty in ("empty.png", "empty.npy"):
        Path(empty).write_bytes(b"")
    Path("empty.zarr").mkdir()
    with zipfile.ZipFile("docs.zip", "w") as archive:
        archive.writestr("a.txt", "hi")
    zarr.create_array("none.zarr", shape=(0, 8, 6, 3), dtype="f4")
    zarr.create_array("rank.zarr", shape=(4,), dtype="f4")
    if name == "renamed.npy":
        Path("x.h5").rename(name)
    status, out, err = called(capsys, f"run tf.yaml --input {name} -o y.npy")
    assert status in {1, 2}
    assert out == ""
    finding = next(line for line in err.splitlines() if "error CS" in line)
    assert finding.endswith(f"error {said}")
    assert not Path("y.npy").exists()


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own; what it has loaded is the last line of the errors."""
    code = (
        "import sys\n"
        "from speccompiler.cli.main import run\n"
        "status = run(sys.argv[1:])\n"
        "print('\\n' + ' '.join(sys.modules), file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_only_what_a_kind_needs_is_loaded() -> None:
    heavy = {"zarr", "fsspec", "h5py", "PIL", "aiohttp", "dask"}
    for kind, needed in [("x.npy", set()), ("packed.npz", set()), ("x.h5::/packed", set()),
                         ("photos", {"PIL"}), ("g.zarr", {"zarr"})]:  # fmt: skip
        done = process("run", "tf.yaml", "--input", kind, "--target", "reference")
        loaded = set(done.stderr.splitlines()[-1].split())
        assert done.returncode == 0, done.stderr
        assert loaded & heavy - needed <= ({"fsspec", "h5py"} if kind == "g.zarr" else set()), kind


def test_nothing_of_the_libraries_reaches_the_terminal() -> None:
    group = zarr.open_group("g.zarr")
    group.create_array("text", shape=(2,), dtype=str)
    (Path("g.zarr") / "stray.txt").write_text("")
    Image.fromarray(X[0]).convert("P").save("photos/0.png", transparency=bytes(range(100)))
    for kind in ("g.zarr/a/x", "photos", "x.h5::/packed"):
        done = process("run", "tf.yaml", "--input", kind, "--target", "reference")
        assert done.returncode == 0
        assert "arning" not in done.stderr.rpartition("\n\n")[0]
