"""Numbers that YAML reads as text."""

from __future__ import annotations

import pytest

from speccompiler.model import check
from speccompiler.source.texts import parse_document


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1_000", "underscores make it text in YAML 1.2: write 1000"),
        ("012", "a leading zero makes it text in YAML 1.2: write 12"),
        ("-0012", "a leading zero makes it text in YAML 1.2: write -12"),
        ("0_12", "underscores make it text in YAML 1.2: write 12"),
        ("'12'", "write the number without quotes"),
        ("'0.5'", "write the number without quotes"),
        ("twelve", None),
        ("nan", None),
    ],
)
def test_a_number_that_is_text(text, hint):
    source = f"convspec: 1\ninput_shape: [4]\nlayers:\n  - {{type: Dense, output_dim: {text}}}\n"
    _, (found,) = check(parse_document(source, "t.yaml"))
    assert (found.code, found.hint) == ("CS024", hint)
