"""Cases of the locally connected layers."""

from __future__ import annotations

from dataclasses import replace

from tests.cases.case import Case, Variant, common, forward_only, kernel
from tests.cases.models import array

LOCAL_1D = {"weights": [array(6, 4, 3), array(6, 3)]}
LOCAL_2D = {"weights": [array(16, 24, 3), array(4, 4, 3)]}


CASES: tuple[Case, ...] = (
    Case(
        "LocallyConnected1D",
        {"nb_filter": 3, "filter_length": 2},
        (7, 2),
        (
            *common((7, 2)),
            *(replace(v, given=LOCAL_1D) if v.argument.startswith("b_") else v
              for v in kernel((6, 4, 3), (3,)) if v.argument != "weights"),
            Variant("weights", LOCAL_1D["weights"], "output"),
            Variant("nb_filter", 5, "shape"),
            Variant("filter_length", 4, "shape"),
            Variant("subsample_length", 2, "shape"),
            *forward_only(Variant("border_mode", "same", "CS023")),
            Variant("input_dim", 4, "parameters", {"input_length": 7}),
            Variant("input_length", 9, "shape", {"input_dim": 2}),
        ),
    ),
    Case(
        "LocallyConnected2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 6, 4),
        (
            *common((5, 6, 4)),
            *(replace(v, given=LOCAL_2D) if v.argument.startswith("b_") else v
              for v in kernel((16, 24, 3), (3,)) if v.argument != "weights"),
            Variant("weights", LOCAL_2D["weights"], "output"),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape"),
            *forward_only(Variant("border_mode", "same", "CS023")),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
)  # fmt: skip
