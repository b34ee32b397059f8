"""The table of NaN, infinities and -0 on the simulated GPU."""

from __future__ import annotations

import pytest

from tests.special_values import LAWS, Law, check, model_of


@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_laws(law: Law, semantics: str) -> None:
    model, x = model_of(law, semantics)
    check(model.compile("cuda").run(x[0] if len(x) == 1 else x), law, semantics)
