"""Cases of BatchNormalization."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common, forward_only
from tests.cases.models import array


def scaled(n: int) -> tuple[Variant, ...]:
    """The arguments of a layer with a gamma and a beta for each of so many channels."""
    shift = {"beta_init": "one"}
    return (
        Variant("epsilon", 0.5, "output"),
        Variant("scale", False, "parameters"),
        Variant("center", False, "parameters"),
        Variant("weights", [array(n), array(n, seed=1)], "output"),
        Variant("beta_init", "one", "output"),
        Variant("gamma_init", "uniform", "output"),
        Variant("gamma_regularizer", "l2", "penalty"),
        Variant("beta_regularizer", "l1", "penalty", shift),
        Variant("gamma_constraint", {"name": "MaxNorm", "m": 0.01, "axis": 0}, "weights"),
        Variant("beta_constraint", {"name": "MaxNorm", "m": 0.01, "axis": 0}, "weights", shift),
    )


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
            Variant("scale", False, "parameters"),
            Variant("center", False, "parameters", {"mode": 1}),
            Variant("scale", False, "parameters", {"center": False}),
            *forward_only(Variant("momentum", 1.5, "CS025")),
            Variant("weights", [[1, 2, 3], [0.5, 0, 1], [0, -1, 1], [1, 0.5, 2]], "output"),
            Variant("beta_init", "one", "output"),
            Variant("gamma_init", "uniform", "output"),
            Variant("gamma_regularizer", "l2", "penalty"),
            Variant("beta_regularizer", "l1", "penalty", {"beta_init": "one"}),
        ),
    ),
    Case(
        "LayerNormalization",
        {},
        (4, 3),
        (*common((4, 3)), *scaled(3), Variant("axis", 1, "parameters"),
         Variant("axis", [2, 1], "parameters")),
    ),
    Case(
        "GroupNormalization",
        {},
        (3, 2, 32),
        (
            *common((3, 2, 32)),
            *scaled(32),
            Variant("groups", 4, "output"),
            Variant("groups", -1, "output", {"groups": 4}),
            Variant("axis", 2, "parameters", {"groups": -1}),
        ),
    ),
    Case(
        "UnitNormalization",
        {},
        (4, 3),
        (*common((4, 3)), Variant("axis", 1, "output"), Variant("axis", [1, 2], "output"),
         Variant("epsilon", 9.0, "output")),
    ),
    Case(
        "Rescaling",
        {"scale": 0.5},
        (4, 3),
        (*common((4, 3)), Variant("scale", [1.0, -2.0, 0.5], "output"),
         Variant("offset", -1.0, "output"), Variant("offset", [1.0, 2.0, 0.0], "output")),
    ),
    Case(
        "Normalization",
        {},
        (4, 3),
        (
            *common((4, 3)),
            Variant("axis", 1, "parameters"),
            Variant("axis", None, "parameters"),
            Variant("mean", [1.0, 2.0, 3.0], "output", {"mean": 0.5, "variance": 4.0}),
            Variant("variance", [4.0, 0.0, 1.0], "output", {"mean": 0.5, "variance": 4.0}),
            Variant("invert", True, "output", {"mean": 0.5, "variance": 4.0}),
            Variant("weights", [array(3), [4, 0.25, 1]], "output"),
        ),
    ),
)  # fmt: skip
