"""Every spec under examples/ is valid, is what its comments say, and runs on both targets."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import speccompiler
from speccompiler.graph.ir import Lookup
from speccompiler.graph.shapes import format_shape
from speccompiler.model import Model
from speccompiler.schemas.jsonschema import native_schema
from speccompiler.schemas.registry import LAYERS, own_type
from speccompiler.source.files import read_document
from speccompiler.source.tree import to_data
from tests.places import ROOT

SPECS = ROOT / "examples" / "specs"
PHOTOGRAPH = ROOT / "examples" / "data" / "coffee.npy"
SCHEMA = ROOT / "docs" / "convspec.schema.json"


@dataclass(frozen=True)
class Example:
    """One file and what is true of it."""

    file: str
    output: str
    """Shape of one output sample, as the report writes it."""
    parameters: int
    run: tuple[int, ...] | dict[str, tuple[int, ...]] | None = None
    """Shape of the array to run, or of each input's; None where that would be slow."""
    semantics: Any = None


EXAMPLES = (
    Example("alexnet.yaml", "(1000,)", 61_100_840),
    Example("autoencoder.yaml", "(28, 28, 1)", 4_385, (2, 28, 28, 1)),
    Example("c3d.yaml", "(487,)", 79_991_015),
    Example("clips.yaml", "(6,)", 1_510, (2, 8, 16, 16, 3)),
    Example("conv1d_stack.yaml", "(ceil((T - 3)/4), 5)", 5_493, (2, 37, 8)),
    Example("crnn_tagger.yaml", "(50,)", 400_562),
    Example("dashcam.yaml", "(1,)", 23_497, (2, 160, 320, 3)),
    Example("expression_activation.yaml", "(8, 5, 5)", 16_864, (2, 3, 32, 32)),
    Example(
        "fcn_upsampling.yaml",
        "(4*ceil((H - 3)/4), 4*ceil((W - 3)/4), 4)",
        21_348,
        (1, 42, 32, 3),
    ),
    Example("forecast.yaml", "(T_2, 1)", 12_921, {"past": (2, 48, 8), "known": (2, 24, 3)}),
    Example("inception.yaml", "(1000,)", 7_027_672),
    Example("lenet.yaml", "(10,)", 61_706, (2, 28, 28, 1)),
    Example("mnist_cnn_keras1.json", "(10,)", 600_810, (2, 1, 28, 28), "theano"),
    Example("mobilenet_v1.yaml", "(1000,)", 4_253_864),
    Example("mobilenet_v2.yaml", "(1000,)", 3_538_984),
    Example("photo.yaml", "(512, 768, 3)", 585),
    Example("radar.yaml", "(32, 32, 1)", 2_777, (2, 8, 32, 32, 1)),
    Example("residual.yaml", "(4, 28, 28)", 61_470, (2, 32, 32, 3)),
    Example("resnet50.yaml", "(1000,)", 25_636_712),
    Example("scan_autoencoder.yaml", "(16, 24, 24, 1)", 7_377, (1, 16, 24, 24, 1)),
    Example("segmenter_keras1.yaml", "(32, 48, 1)", 1_409, (2, 32, 48, 3), "tensorflow"),
    Example("sentences.yaml", "(5,)", 20_349, (2, 40)),
    Example("signal_denoiser.yaml", "(256, 1)", 2_633, (2, 256, 1)),
    Example("speech.yaml", "(16,)", 24_326, (2, 37, 40)),
    Example("squeezenet.yaml", "(1000,)", 1_235_496, (1, 43, 39, 3)),
    Example(
        "stereo.yaml",
        "(1,)",
        8_966,
        {"left": (2, 32, 32, 1), "right": (2, 32, 32, 1), "camera": (2, 4)},
    ),
    Example("theano_cnn.yaml", "(10,)", 8_050, (2, 1, 20, 20)),
    Example("theano_kernel.yaml", "(4, 1)", 3, (2, 4, 1)),
    Example("vgg16.yaml", "(1000,)", 138_357_544),
)


def load(example: Example, **options: Any) -> Model:
    return speccompiler.load(SPECS / example.file, semantics=example.semantics, **options)


def ident(example: Example) -> str:
    return example.file


def test_every_spec_is_listed() -> None:
    files = sorted(p.name for p in SPECS.iterdir() if p.suffix in {".yaml", ".json"})
    assert files == [example.file for example in EXAMPLES]


@pytest.mark.parametrize("example", EXAMPLES, ids=ident)
def test_a_spec_is_valid_and_has_its_shape(example: Example) -> None:
    report = load(example).shapes()
    assert format_shape(report.layers[-1].output_shape) == example.output
    assert report.parameters == example.parameters


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.run], ids=ident)
def test_a_spec_runs_alike_on_both_targets(example: Example) -> None:
    assert example.run is not None
    model = load(example, seed=1)
    rng = np.random.default_rng(0)
    runs = example.run
    if isinstance(runs, tuple):
        (name,) = model.input_names
        runs = {name: runs}
    x = {name: rng.standard_normal(run, np.float32) for name, run in runs.items()}
    if any(isinstance(node.op, Lookup) for node in model.graph):
        x = {name: rng.integers(0, 200, run).astype(np.float32) for name, run in runs.items()}
    shapes = {name: run[1:] for name, run in runs.items()}
    judges = model.compile("reference", input_shape=shapes).run_all(x)
    found = model.compile("cpu", input_shape=shapes, threads=2).run_all(x)
    for name, judge in judges.items():
        y = found[name]
        assert y.shape == judge.shape
        assert np.isfinite(judge).all()
        assert np.ptp(judge) > 0
        assert np.abs(y - judge).max() <= 1e-5 * np.abs(judge).max()


def test_together_they_show_every_layer() -> None:
    used = set()
    for example in EXAMPLES:
        data: Any = to_data(_root(example))
        layers = data.get("layers") or data["config"]
        used |= {layer.get("type", layer.get("class_name")) for layer in layers}
    assert {own_type(name) for name in used - {"Shared"}} | {"InputLayer"} == set(LAYERS)


def _root(example: Example) -> Any:
    document = read_document(SPECS / example.file)
    assert document.root is not None
    return document.root


NATIVE = tuple(e for e in EXAMPLES if "keras1" not in e.file)


@pytest.mark.parametrize("example", NATIVE, ids=ident)
def test_an_editor_finds_the_schema_and_no_fault(example: Example) -> None:
    first = (SPECS / example.file).read_text().splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (SPECS / first.removeprefix(prefix)).resolve() == SCHEMA
    errors = Draft202012Validator(native_schema()).iter_errors(to_data(_root(example)))
    assert [error.message for error in errors] == []


def test_the_published_schema_is_the_codes() -> None:
    assert json.loads(SCHEMA.read_text()) == native_schema(), "run make schema"


def test_the_theano_kernel_gives_the_numbers_of_its_comment() -> None:
    x = np.array([1, 2, 3, 4], np.float32).reshape(1, 4, 1)
    path = SPECS / "theano_kernel.yaml"
    as_written = speccompiler.load(path).compile("reference").run(x)
    assert as_written.ravel().tolist() == [12, 123, 234, 340]
    correlated = speccompiler.load(path, semantics="tensorflow").compile("reference").run(x)
    assert correlated.ravel().tolist() == [210, 321, 432, 43]


def test_the_photograph_becomes_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photograph = np.load(PHOTOGRAPH)
    assert (photograph.shape, photograph.dtype) == ((1, 256, 384, 3), np.uint8)
    model = speccompiler.load(SPECS / "photo.yaml")
    y = model.compile("cpu", threads=2).run(photograph)
    judge = model.compile("reference").run(photograph)
    assert np.abs(y - judge).max() <= 1e-5
    # Colours from black to white, and the frame of zeros all around.
    assert 0 == y.min() < 0.95 < y.max() <= 1.000001
    assert not y[0, [0, -1]].any()
    assert not y[0, :, [0, -1]].any()
    assert y[0, 8:-8, 8:-8].mean() > 0.2

    image = pytest.importorskip("PIL.Image")
    np.save(tmp_path / "y.npy", y)
    target = tmp_path / "y.png"
    script = str(ROOT / "examples" / "make_png.py")
    monkeypatch.setattr(
        sys, "argv", [script, str(PHOTOGRAPH), str(tmp_path / "y.npy"), str(target)]
    )
    runpy.run_path(script, run_name="__main__")
    with image.open(target) as picture:
        assert picture.size == (768 + 12 + 768, 512)


def test_the_photo_kernels_are_what_their_script_says() -> None:
    kernels = runpy.run_path(str(ROOT / "examples" / "make_photo_weights.py"))["kernels"]()
    with np.load(SPECS / "photo.npz") as stored:
        assert sorted(stored.files) == sorted(kernels)
        for name, kernel in kernels.items():
            np.testing.assert_array_equal(stored[name], kernel)


def test_the_networks_are_what_their_script_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROOT / "examples" / "make_networks.py"
    found = importlib.util.spec_from_file_location("make_networks", path)
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    monkeypatch.setattr(script, "SPECS", tmp_path)
    script.main()
    written = sorted(p.name for p in tmp_path.iterdir())
    names = ("inception", "mobilenet_v1", "mobilenet_v2", "resnet50", "squeezenet")
    assert written == [f"{name}.yaml" for name in names]
    for name in written:
        assert (tmp_path / name).read_text() == (SPECS / name).read_text()


def test_residual_networks_and_joined_branches_run_without_copies() -> None:
    for name in ("resnet50.yaml", "inception.yaml", "squeezenet.yaml"):
        plan = speccompiler.load(SPECS / name).plan(input_shape=(224, 224, 3))
        assert {step.kernel for step in plan.steps} <= {
            *("conv", "matmul", "winograd", "pool", "global_pool", "softmax")
        }


def test_normalisation_and_relu6_are_part_of_convolutions_of_every_kind() -> None:
    for name, steps in (("mobilenet_v1", 30), ("mobilenet_v2", 55)):
        plan = speccompiler.load(SPECS / f"{name}.yaml").plan()
        assert {step.kernel for step in plan.steps} == {
            *("conv", "matmul", "depthwise", "global_pool", "softmax")
        }
        assert len(plan.steps) == steps


README = (ROOT / "README.md").read_text()
TRANSCRIPTS = re.findall(r"```console\n\$ convspec (.*?)\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("arguments", "shown"), TRANSCRIPTS, ids=[t[0] for t in TRANSCRIPTS])
def test_the_readme_shows_what_the_command_prints(
    arguments: str, shown: str, tmp_path: Path
) -> None:
    """Word for word, but for what ... stands for."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from speccompiler.cli.main import main; main()",
            *arguments.split(),
        ],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # A first run says how long it compiled; which one is the first, the order of tests decides.
    printed = re.sub(r"^kernels compiled in .*\n", "", done.stdout, flags=re.MULTILINE)
    pattern = re.escape(shown.strip()).replace(r"\.\.\.", r"\S+")
    assert re.fullmatch(pattern, printed.strip()), done.stdout


def test_the_python_of_the_readme_prints_what_it_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    ((code, printed),) = re.findall(
        r"```python\n(.*?)```\n\nThis prints\n\n```text\n(.*?)```", README, re.DOTALL
    )
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == printed
