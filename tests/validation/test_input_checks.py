"""Hints for arrays that do not fit."""

from __future__ import annotations

import pytest


def test_one_grey_image_is_told_which_axes_it_lacks():
    from speccompiler.diagnostics.core import Problem
    from speccompiler.validation.input_checks import check_array

    with pytest.raises(Problem) as caught:
        check_array((28, 28, 1), (28, 28))
    assert caught.value.hint == "this is one sample without its channel axis: x[None, ..., None]"
    with pytest.raises(Problem) as caught:
        check_array((28, 28, 1), (28, 30))
    assert caught.value.hint is None
