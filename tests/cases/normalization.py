"""Cases of BatchNormalization."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common, forward_only

CASES: tuple[Case, ...] = (
    Case(
        "BatchNormalization",
        {},
        (4, 3),
        (
            *common((4, 3)),
            Variant("epsilon", 0.5, "output"),
            Variant("mode", 1, "output"),
            Variant("mode", 2, "output"),
            Variant("axis", 1, "parameters"),
            Variant("axis", None, "parameters"),
            Variant("mode", 1, "output", {"axis": None}),
            *forward_only(Variant("momentum", 1.5, "CS025")),
            Variant("weights", [[1, 2, 3], [0.5, 0, 1], [0, -1, 1], [1, 0.5, 2]], "output"),
            Variant("beta_init", "one", "output"),
            Variant("gamma_init", "uniform", "output"),
            Variant("gamma_regularizer", "l2", "penalty"),
            Variant("beta_regularizer", "l1", "penalty", {"beta_init": "one"}),
        ),
    ),
)  # fmt: skip
