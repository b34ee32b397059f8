"""The pictures of docs/how-to/pictures.md and README.md are what their commands make today."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from speccompiler.cli.main import run
from tests.places import ROOT

STATIC = ROOT / "docs/_static"
DRAWN = {
    "lenet.svg": ["lenet"],
    "vgg16.svg": ["vgg16"],
    "residual.svg": ["residual"],
    "stereo.svg": ["stereo", "--direction", "right", "--theme", "dark"],
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_model_is_drawn_as_the_page_shows(
    name: str, tmp_path: Path, golden: Callable[[Path, str], None]
) -> None:
    model, *options = DRAWN[name]
    spec = str(ROOT / f"examples/specs/{model}.yaml")
    assert run(["render", spec, "-o", str(tmp_path / name), *options]) == 0
    golden(STATIC / name, (tmp_path / name).read_text(encoding="utf-8"))


def test_feature_maps_are_as_the_page_shows(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """But for the last bit of a value: processors round differently."""
    keras = ROOT / "examples/keras"
    arguments = ["--semantics", "tensorflow", "--input", str(keras / "images.npy"), "--layer",
                 "conv1", "--images", str(tmp_path), "--image-samples", "1"]  # fmt: skip
    assert run(["run", str(keras / "digits.h5"), *arguments]) == 0
    made = (tmp_path / "conv1.0.png").read_bytes()
    kept = STATIC / "conv1.png"
    if request.config.getoption("--update-golden"):
        kept.write_bytes(made)
    found, wanted = (
        np.asarray(Image.open(io.BytesIO(data)), int) for data in (made, kept.read_bytes())
    )
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 6


def test_every_picture_of_the_page_is_one_of_these() -> None:
    page = (ROOT / "docs/how-to/pictures.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\(\.\./_static/([^)]+)\)", page)
    shown += re.findall(r"\]\(docs/_static/([^)]+)\)", readme)
    assert sorted(shown) == sorted((*DRAWN, "conv1.png"))
