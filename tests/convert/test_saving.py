"""Model.save: a model written from Python as another kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from tests.cases import build, spec
from tests.convert.onnx_runs import assert_close, judged, run, samples

LAYERS: list[dict[str, Any]] = [
    {"type": "Convolution2D", "name": "c", "nb_filter": 2, "nb_row": 3, "nb_col": 3},
    {"type": "Flatten", "name": "f"},
]


def test_each_kind_of_file_gives_the_numbers_of_the_model(tmp_path: Path) -> None:
    model = build(LAYERS, [5, 4, 2], semantics="theano")
    (x,) = samples(model)
    wanted = judged(model, [x])
    spec_files = model.save(tmp_path / "m.yaml")
    assert spec_files == (tmp_path / "m.safetensors", tmp_path / "m.yaml")
    for file in (*spec_files[1:], *model.save(str(tmp_path / "m.keras"))):
        assert_close(judged(speccompiler.load(file), [x]), wanted, str(file))
    (onnx,) = model.save(tmp_path / "m.onnx")
    assert_close(run(str(onnx), [x]), wanted)


def test_weights_get_the_name_that_is_asked_for_and_semantics_change(tmp_path: Path) -> None:
    model = build(LAYERS, [5, 4, 2], semantics="theano")
    files = model.save(
        tmp_path / "m.yaml", weights=tmp_path / "w.safetensors", to_semantics="tensorflow"
    )
    assert files == (tmp_path / "w.safetensors", tmp_path / "m.yaml")
    other = speccompiler.load(tmp_path / "m.yaml")
    assert other.spec.semantics is not None
    assert other.spec.semantics.profile == "tensorflow"
    (x,) = samples(model)
    assert_close(judged(other, [x]), judged(model, [x]))


@pytest.mark.parametrize(
    ("given", "options", "code"),
    [
        ("m.pb", {}, "CS120"),
        ("m", {}, "CS120"),
        (3, {}, "CS024"),
        (b"m.onnx", {}, "CS024"),
        ("m.onnx", {"weights": "w.safetensors"}, "CS120"),
        ("m.yaml", {"weights": "w.npz"}, "CS120"),
        ("m.yaml", {"weights": 3}, "CS024"),
        ("m.yaml", {"to_semantics": "torch"}, "CS023"),
        ("m.yaml", {"to_dim_ordering": "hwc"}, "CS023"),
        ("nowhere/m.onnx", {}, "CS120"),
    ],
)
def test_what_means_nothing_is_refused(
    given: Any, options: Any, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = build(LAYERS, [5, 4, 2])
    with pytest.raises(SpecError) as caught:
        model.save(given, **options)
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert caught.value.diagnostics[0].hint or code != "CS120"
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_read_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(spec(LAYERS, [5, 4, 2], seed=1))
    speccompiler.load("m.yaml").save("n.yaml")
    before = Path("n.safetensors").read_bytes()
    for name, weights in (("n.yaml", None), ("o.yaml", "n.safetensors")):
        with pytest.raises(SpecError, match="it is what the model is read from"):
            speccompiler.load("n.yaml").save(name, weights=weights)
    assert Path("n.safetensors").read_bytes() == before
    speccompiler.load("m.yaml", seed=2).save("n.yaml")  # its own output, again
    assert np.isfinite(speccompiler.load("n.yaml").run(np.ones((1, 5, 4, 2)))).all()


def test_what_a_format_cannot_say_is_refused(tmp_path: Path) -> None:
    layer = {"type": "LRN2D", "name": "norm"}
    with pytest.raises(SpecError, match=r"CS251.*'norm'"):
        build([layer], [5, 4, 8]).save(tmp_path / "m.keras")
    assert list(tmp_path.iterdir()) == []
