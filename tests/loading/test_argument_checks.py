"""Keywords of a Python caller are judged like the same values in a spec."""

from __future__ import annotations

import numpy as np
import pytest

import speccompiler
from tests.cases import spec
from tests.models import checked, refusal


@pytest.mark.parametrize(
    ("keywords", "code", "message"),
    [
        (
            {"semantics": "bogus"},
            "CS023",
            "'semantics' is 'bogus'; allowed: tensorflow, theano, tensorflow-1.0, theano-0.8",
        ),
        (
            {"semantics": 3},
            "CS023",
            "'semantics' is 3; allowed: tensorflow, theano, tensorflow-1.0, theano-0.8",
        ),
        ({"dim_ordering": "xx"}, "CS023", "'dim_ordering' is 'xx'; allowed: th, tf"),
        ({"seed": -1}, "CS025", "'seed' is -1; it must be 0 or more"),
        ({"seed": 2**63}, "CS025", f"'seed' is {2**63}; it must be {2**63 - 1} or less"),
        ({"seed": 1.5}, "CS024", "'seed' is 1.5, not a whole number"),
        ({"seed": True}, "CS024", "'seed' is true, not a whole number"),
        ({"seed": "1"}, "CS024", "'seed' is '1', not a whole number"),
    ],
)
def test_keywords_are_judged_like_a_spec(keywords, code, message, tmp_path):
    text = spec([{"type": "Dense", "output_dim": 2}], [4])
    (tmp_path / "m.json").write_text(text)
    for run in (
        lambda: speccompiler.load(tmp_path / "m.json", **keywords),
        lambda: checked(text, **keywords),
    ):
        found = refusal(run)
        assert (found.code, found.message) == (code, message)


def test_a_seed_may_be_a_numpy_number():
    text = spec([{"type": "Dense", "output_dim": 2}], [4])
    model, _ = checked(text, seed=np.int64(7))
    assert model is not None
    assert model.spec.seed == 7
