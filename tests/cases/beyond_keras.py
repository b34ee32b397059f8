"""Cases of the layers that Keras does not have."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common

CASES: tuple[Case, ...] = (
    Case(
        "Slice",
        {"axis": 1},
        (6, 5, 3),
        (
            *common((6, 5, 3)),
            Variant("axis", 2, "shape", {"stop": 2}),
            Variant("axis", [1, -1], "output", {"step": -1}),
            Variant("start", 2, "shape"),
            Variant("start", -2, "shape"),
            Variant("stop", -1, "shape"),
            Variant("step", -1, "output"),
            Variant("step", 2, "shape"),
            Variant("step", [-2, 3], "shape", {"axis": [2, 3], "start": [3, None]}),
            Variant("squeeze", True, "shape", {"start": 1, "stop": 2}),
        ),
    ),
    Case(
        "Reduce",
        {"axis": 2},
        (6, 5, 3),
        (
            *common((6, 5, 3)),
            Variant("axis", -1, "shape"),
            Variant("axis", [1, 3], "shape"),
            Variant("mode", "mean", "output"),
            Variant("mode", "max", "output"),
            Variant("mode", "prod", "output"),
            Variant("keepdims", True, "shape"),
        ),
    ),
    Case(
        "Resize",
        {},
        (5, 7, 4),
        (
            *common((5, 7, 4)),
            Variant("size", [3, 10], "shape"),
            Variant("factor", [3, 1], "shape"),
            Variant("interpolation", "nearest", "output"),
            Variant("align_corners", True, "output"),
            Variant("align_corners", True, "output", {"interpolation": "nearest", "size": [8, 4]}),
            Variant("half_pixel", True, "output"),
            Variant("half_pixel", True, "output", {"interpolation": "nearest", "size": [8, 4]}),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "LRN2D",
        {},
        (3, 4, 7),
        (
            *common((3, 4, 7)),
            Variant("alpha", 1.0, "output"),
            Variant("k", 1.0, "output"),
            Variant("beta", 0.6, "output"),
            Variant("n", 3, "output", {"alpha": 1.0}),
            Variant("n", 99, "output", {"alpha": 1.0}),
            Variant("dim_ordering", "th", "output", {"alpha": 1.0}),
        ),
    ),
)  # fmt: skip
