"""The largest numbers that an argument may be."""

from __future__ import annotations

import pytest

from tests.cases import build, spec
from tests.models import checked, refusal


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        ({"type": "Dense", "output_dim": 2**31}, "'output_dim'"),
        ({"type": "UpSampling2D", "size": [1, 2**31]}, "'size' item 2"),
        ({"type": "ZeroPadding1D", "padding": 2**31}, "'padding'"),
        ({"type": "ZeroPadding2D", "padding": {"top_pad": 2**31}}, "'padding' key 'top_pad'"),
        ({"type": "Reshape", "target_shape": [2**31]}, "'target_shape' item 1"),
        ({"type": "Dropout", "p": 0.5, "noise_shape": [2**31]}, "'noise_shape' item 1"),
        ({"type": "InputLayer", "input_shape": [2**31]}, "'input_shape' item 1"),
    ],
)
def test_sizes_have_an_upper_bound(layer, path):
    found = refusal(lambda: build([layer], [4, 4, 4]))
    assert (found.code, found.message) == (
        "CS025", f"{path} is 2147483648; it must be 2147483647 or less",
    )  # fmt: skip


def test_an_axis_has_bounds():
    layer = {
        "type": "Dense",
        "output_dim": 2,
        "W_constraint": {"name": "MaxNorm", "axis": -(2**40)},
    }
    codes = {d.code for d in checked(spec([layer], [4]))[1]}
    assert "CS025" in codes


def test_the_seed_of_a_spec_has_an_upper_bound():
    dense = [{"type": "Dense", "output_dim": 2}]
    assert build(dense, [4], seed=2**63 - 1).spec.seed == 2**63 - 1
    found = refusal(lambda: build(dense, [4], seed=2**63))
    assert (found.code, found.message) == (
        "CS025", f"'seed' is {2**63}; it must be {2**63 - 1} or less",
    )  # fmt: skip
