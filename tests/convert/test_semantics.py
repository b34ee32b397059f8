"""The other semantics: the same numbers, or a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speccompiler.convert.conversion import convert
from speccompiler.diagnostics.core import SpecError
from tests.cases import build
from tests.convert.conversions import (
    SINGLE,
    WHOLE,
    arrays,
    assert_same,
    cases,
    expected,
    loaded,
    refusal,
    results,
    written,
)


@pytest.mark.parametrize("folder", cases(WHOLE + SINGLE))
def test_the_other_semantics_give_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    model = loaded(folder)
    assert model.spec.semantics is not None
    other: Any = "tensorflow" if model.spec.semantics.profile == "theano" else "theano"
    refused = refusal(model, semantics=other)
    if refused is not None:
        assert {d.code for d in refused} == {"CS150"}
        windows = [layer.name for layer in model.spec.layers if "same" in str(layer)]
        assert {d.layer for d in refused} <= set(windows)
        return
    native = written(model, tmp_path, semantics=other)
    assert native.spec.semantics is not None
    assert native.spec.semantics.profile == other
    assert_same(results(native, arrays(folder, "input")), expected(folder, model))


def test_even_kernels_and_strides_are_refused_with_the_reason() -> None:
    conv = {"type": "Convolution1D", "nb_filter": 1, "filter_length": 3, "border_mode": "same"}
    layers = [
        {**conv, "name": "plain"},
        {**conv, "name": "even", "filter_length": 4},
        {**conv, "name": "strided", "subsample_length": 2},
        {"type": "MaxPooling1D", "name": "pool", "border_mode": "same"},
    ]
    with pytest.raises(SpecError) as caught:
        convert(build(layers, [8, 1], seed=1), semantics="theano")
    found = caught.value.diagnostics
    assert [d.layer for d in found] == ["even", "strided", "pool"]
    assert found[0].message == (
        "'same' is padded differently by the two backends: (1, 2) here, (2, 1) there; no kernel "
        "makes up for that"
    )
    assert "ZeroPadding" in str(found[0].hint)
    assert found[1].message.endswith("(0, 1) here, (1, 0) there; no kernel makes up for that")
