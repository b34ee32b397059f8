"""``run --images``: a PNG for each layer and sample, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from speccompiler.cli import run_images
from speccompiler.cli.main import run
from speccompiler.drawing.feature_maps import feature_maps
from speccompiler.model import load

NAMES = ["a/b", "a_b", ".x", "end"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    layers = [
        {"type": "Convolution2D", "name": name, "nb_filter": 3, "nb_row": 3, "nb_col": 3}
        for name in NAMES
    ]
    spec = {"convspec": 1, "name": "m", "dim_ordering": "th", "input_shape": [1, 12, 12],
            "seed": 1, "layers": layers}  # fmt: skip
    Path("m.json").write_text(json.dumps(spec))
    np.save("x.npy", np.random.default_rng(0).random((6, 1, 12, 12), dtype=np.float32))
    return tmp_path


def ran(*arguments: str) -> int:
    return run(["run", "m.json", "--target", "reference", "--input", "x.npy", *arguments])


def test_each_layer_and_sample_has_its_picture(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = [part for name in NAMES for part in ("--layer", name)]
    assert ran(*layers, "--images", "maps", "--image-samples", "2", "--batch-size", "1") == 0
    out = capsys.readouterr().out
    stems = ["a_b", "a_b-2", "_.x", "end"]
    wanted = [f"{stem}.{index}.png" for stem in stems for index in (0, 1)]
    assert sorted(p.name for p in Path("maps").iterdir()) == sorted(wanted)
    assert [line.split(":")[0] for line in out.splitlines() if "wrote" in line] == [
        f"wrote maps/{name}" for name in wanted
    ]
    model = load("m.json")
    values = model.compile("reference", layers=NAMES[:3]).run_all(np.load("x.npy"))
    shown = feature_maps(values["a/b"][1], 0, 64, "map")
    assert f"wrote maps/a_b.1.png: {shown.words}" in out
    with Image.open("maps/a_b.1.png") as image:
        assert (np.asarray(image) == shown.pixels).all()


def test_outputs_where_no_layer_is_named(folder: Path) -> None:
    assert ran("--images", "maps", "--image-samples", "9", "--image-range", "layer") == 0
    assert len(list(Path("maps").iterdir())) == 6
    assert ran("--images", "maps", "--image-channels", "1") == 0  # again, over those
    with Image.open("maps/end.0.png") as image:
        assert image.size == (68, 68)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("x.npy", "the output cannot be created: this is no folder"),
        ("none/maps", "the output cannot be created: the folder 'none' does not exist"),
    ],
)
def test_a_folder_that_cannot_be(
    folder: Path, capsys: pytest.CaptureFixture[str], place: str, message: str
) -> None:
    before = sorted(p.name for p in folder.iterdir())
    assert ran("--images", place) == 2
    assert message in capsys.readouterr().err
    assert sorted(p.name for p in folder.iterdir()) == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_the_right_to_write_is_refused_before_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], exists: bool
) -> None:
    """What os.access says stands in for the rights, which do not bind an administrator."""
    if exists:
        Path("maps").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert ran("--images", "maps") == 2
    out, err = capsys.readouterr()
    where = "maps" if exists else folder
    assert out == ""
    assert err.splitlines()[:2] == [
        "maps: error CS120: the output cannot be created: "
        f"no file can be made in the folder '{where}'",
        "  hint: choose a folder that you may write to",
    ]


def test_a_folder_that_cannot_be_made_after_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(run_images.Path, "mkdir", refuse)
    assert ran("--images", "maps") == 2
    err = capsys.readouterr().err
    assert "maps: error CS120: the output cannot be created: permission denied" in err


def test_a_missing_extra_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_images, "find_spec", lambda name: None)
    assert ran("--images", "maps") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        'Error: --images needs matplotlib: pip install "convspec[pictures]"'
    )
    assert not Path("maps").exists()


def test_input_is_not_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("maps").mkdir()
    Path("maps/end.0.png").symlink_to(folder / "x.npy")
    assert ran("--images", "maps") == 2
    assert "is what is being read; name another output" in capsys.readouterr().err
    assert [p.name for p in Path("maps").iterdir()] == ["end.0.png"]
