"""Cases of Embedding."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common, forward_only
from tests.cases.models import array

CASES: tuple[Case, ...] = (
    Case(
        "Embedding",
        {"input_dim": 5, "output_dim": 3},
        (4,),
        (
            *(v for v in common((4,)) if v.argument != "input_dtype"),
            Variant("input_dtype", "bool", "output"),
            Variant("input_dim", 2, "parameters"),
            Variant("output_dim", 2, "shape"),
            Variant("init", "normal", "output"),
            Variant("input_length", 6, "shape"),
            Variant("weights", [array(5, 3)], "output"),
            Variant("W_regularizer", "l2", "penalty"),
            Variant("activity_regularizer", "l1", "penalty"),
            Variant("W_constraint", "nonneg", "weights"),
            *forward_only(Variant("mask_zero", 1, "CS024"), Variant("dropout", 1.5, "CS025")),
        ),
    ),
)  # fmt: skip
