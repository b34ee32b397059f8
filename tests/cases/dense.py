"""Cases of Dense and its kin."""

from __future__ import annotations

from dataclasses import replace

from tests.cases.case import Case, Variant, common, kernel
from tests.cases.models import array

HIGHWAY = {"weights": [array(5, 5), array(5, 5, seed=1), [1, -1, 0, 2, -2], array(5)]}
MAXOUT = {"weights": [array(4, 5, 4), array(4, 4)]}


CASES: tuple[Case, ...] = (
    Case(
        "Dense",
        {"output_dim": 4},
        (5,),
        (
            *common((5,), "parameters"),
            *kernel((5, 4), (4,)),
            Variant("output_dim", 2, "shape"),
            Variant("input_dim", 7, "parameters"),
        ),
    ),
    Case(
        "Highway",
        {},
        (5,),
        (
            *common((5,), "parameters"),
            *(replace(v, given=HIGHWAY) if v.argument.startswith("b_") else v
              for v in kernel((5, 5), (5,)) if v.argument != "weights"),
            Variant("weights", HIGHWAY["weights"], "output"),
            Variant("input_dim", 7, "parameters"),
            Variant("transform_bias", -2.0, "output"),
        ),
    ),
    Case(
        "MaxoutDense",
        {"output_dim": 4},
        (5,),
        (
            *common((5,), "parameters"),
            *(replace(v, given=MAXOUT) if v.argument.startswith("b_") else v
              for v in kernel((5, 5), (5,)) if v.argument not in {"weights", "activation"}),
            Variant("weights", MAXOUT["weights"], "output"),
            Variant("output_dim", 2, "shape"),
            Variant("nb_feature", 3, "parameters"),
            Variant("input_dim", 7, "parameters"),
        ),
    ),
    Case(
        "TimeDistributedDense",
        {"output_dim": 4},
        (6, 5),
        (
            *common((6, 5)),
            *kernel((5, 4), (4,)),
            Variant("output_dim", 2, "shape"),
            Variant("input_dim", 7, "parameters"),
            Variant("input_length", 9, "shape", {"input_dim": 5}),
        ),
    ),
)  # fmt: skip
