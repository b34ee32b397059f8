"""ONNX's backend tests pass wherever convspec takes them, and docs/onnx.md says how many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import speccompiler
from speccompiler.lowering.onnx.table import RULES, rule_of
from tests.onnx.backend_suite import Case, Outcome, cases, outcome
from tests.onnx.backend_table import PAGE, counts, judged_cases, outcomes, table

FEW = {
    "node": {"ConvTranspose", "LSTM", "GRU", "RNN", "Split", "DepthToSpace", "LRN", "Expand"},
    "pytorch-converted": {"Conv", "BatchNormalization", "MaxPool", "AveragePool", "Pad", "Gemm"},
}
"""Operations that run on the CPU too, in a test that is not slow: few kernels are compiled."""


@pytest.fixture(scope="module")
def on_reference() -> Mapping[Case, Outcome]:
    return outcomes("reference")


def test_no_number_is_wrong(on_reference: Mapping[Case, Outcome]) -> None:
    wrong = {case.name: one.wrong for case, one in on_reference.items() if one.wrong}
    assert not wrong
    assert sum(one.error is not None for one in on_reference.values()) >= 650


def test_the_page_counts_them(on_reference: Mapping[Case, Outcome]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, (count, passed, why) in counts(on_reference).items():
        shown = f"`{name}`" if name in RULES else name
        assert f"| {shown} | {count} | {passed} | {why} |" in page


@pytest.mark.slow
def test_the_page_is_what_is_written(on_reference: Mapping[Case, Outcome]) -> None:
    assert table(on_reference, outcomes("cpu")) in PAGE.read_text(encoding="utf-8")


def test_every_operation_has_a_rule() -> None:
    for op in RULES:
        assert callable(rule_of(op)), op
        assert f"`{op}`" in PAGE.read_text(encoding="utf-8")


def test_the_suite_is_there() -> None:
    assert len(cases()) > 1500
    assert len(judged_cases()) > 1000


@pytest.mark.parametrize("kind", FEW)
def test_on_the_cpu(kind: str, tmp_path: Path) -> None:
    """Those with few kernels; ``test_the_page_is_what_is_written`` runs the others."""
    mine = [c for c in judged_cases() if c.kind == kind and set(c.ops) <= FEW[kind]]
    found = {case.name: outcome(case, tmp_path, "cpu") for case in mine}
    assert not {name: one.wrong for name, one in found.items() if one.wrong}
    assert sum(one.error is not None for one in found.values()) > 30


LIGHT = ["squeezenet"]
SLOW = [
    "shufflenet",
    "inception_v2",
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "resnet50",
    "vgg19",
    "zfnet512",
]


@pytest.mark.parametrize("name", [*LIGHT, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_a_light_model(name: str) -> None:
    """Networks whose weights are constants of one number, as the wheel has them."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    wanted = numpy_helper.to_array(onnx.load_tensor(folder / f"light_{name}_output_0.pb"))
    model = speccompiler.load(folder / f"light_{name}.onnx")
    (shape,) = (node.shape for node in model.graph.inputs)
    count = int(np.prod(shape))
    x = (np.arange(count).reshape(1, *shape) / count).astype(np.float32)
    got = model.compile(threads=1, batch_size=1).run(x)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
