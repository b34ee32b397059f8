"""Cases of the activations that are layers."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common
from tests.cases.models import array

CASES: tuple[Case, ...] = (
    Case("LeakyReLU", {}, (4, 3), (*common((4, 3)), Variant("alpha", 0.01, "output"))),
    Case("ELU", {}, (4, 3), (*common((4, 3)), Variant("alpha", 0.5, "output"))),
    Case("ThresholdedReLU", {}, (4, 3), (*common((4, 3)), Variant("theta", 0.2, "output"))),
    Case(
        "PReLU",
        {},
        (4, 3),
        (
            *common((4, 3)),
            Variant("init", "normal", "output"),
            Variant("weights", [array(4, 3)], "output"),
            Variant("shared_axes", [1], "parameters"),
        ),
    ),
    Case(
        "ParametricSoftplus",
        {},
        (4, 3),
        (
            *common((4, 3)),
            Variant("alpha_init", 0.5, "output"),
            Variant("beta_init", 1.5, "output"),
            Variant("weights", [array(4, 3), array(4, 3, seed=1)], "output"),
            Variant("shared_axes", [2], "parameters"),
        ),
    ),
    Case(
        "SReLU",
        {},
        (4, 3),
        (
            *common((4, 3)),
            Variant("t_left_init", "uniform", "output"),
            Variant("a_left_init", "he_normal", "output"),
            Variant("t_right_init", "zero", "output", {"a_right_init": "normal"}),
            Variant("a_right_init", {"name": "uniform", "scale": 0.5}, "output"),
            Variant("shared_axes", [1, 2], "parameters"),
            Variant("weights", [array(4, 3, seed=s) for s in range(4)], "output"),
        ),
    ),
    Case(
        "ReLU",
        {},
        (4, 3),
        (
            *common((4, 3)),
            Variant("max_value", 1.0, "output"),
            Variant("max_value", 1.0, "output", {"negative_slope": 0.5}),
            Variant("negative_slope", 0.5, "output"),
            Variant("threshold", 0.5, "output"),
            Variant("threshold", -0.5, "output", {"negative_slope": 0.5, "max_value": 1.0}),
        ),
    ),
    Case(
        "Softmax",
        {},
        (4, 3, 2),
        (
            *common((4, 3, 2)),
            Variant("axis", 1, "output"),
            Variant("axis", [1, -1], "output"),
        ),
    ),
)  # fmt: skip
