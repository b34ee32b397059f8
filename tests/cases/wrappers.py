"""Cases of TimeDistributed."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common

CASES: tuple[Case, ...] = (
    Case(
        "TimeDistributed",
        {"layer": {"type": "Dense", "output_dim": 4}},
        (6, 5),
        (*common((6, 5)), Variant("layer", {"type": "Dense", "output_dim": 2}, "shape")),
    ),
)  # fmt: skip
