"""Cases of the layers of layers/core.py."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common, forward_only

CASES: tuple[Case, ...] = (
    Case(
        "InputLayer",
        {},
        (4, 3),
        (*common((4, 3)), *forward_only(Variant("sparse", True, "CS023"))),
    ),
    Case(
        "Activation",
        {"activation": "linear"},
        (4, 3),
        (
            *common((4, 3)),
            Variant("activation", "softmax", "output"),
            Variant("activation", "hard_sigmoid", "output"),
            Variant("activation", {"expr": "x * sigmoid(x)"}, "output"),
        ),
    ),
    *(
        Case(
            layer,
            {"p": 0.5},
            (4, 3),
            (
                *common((4, 3)),
                *forward_only(
                    Variant("p", 1.5, "CS025"),
                    Variant("noise_shape", [0, 1], "CS025"),
                    Variant("seed", -1, "CS025"),
                ),
            ),
        )
        for layer in ("Dropout", "AlphaDropout")
    ),
    Case(
        "Flatten",
        {},
        (4, 3, 2),
        (*common((4, 3, 2)), Variant("channels_first", True, "output")),
    ),
    Case(
        "Reshape",
        {"target_shape": [-1, 3]},
        (4, 3),
        (*common((4, 3)), Variant("target_shape", [2, -1, 3], "shape")),
    ),
    Case(
        "Permute",
        {"dims": [2, 1, 3]},
        (4, 3, 2),
        (*common((4, 3, 2)), Variant("dims", [3, 1, 2], "shape")),
    ),
    Case(
        "RepeatVector", {"n": 2}, (4,), (*common((4,)), Variant("n", 3, "shape")),
    ),
    Case(
        "GaussianNoise", {"sigma": 0.5}, (4, 3),
        (*common((4, 3)), *forward_only(Variant("sigma", -1, "CS025"))),
    ),
    Case(
        "Masking",
        {},
        (40, 1),
        (
            *common((40, 1)),
            Variant("mask_value", 1.0, "output", {"input_dtype": "int32"}),
        ),
    ),
    Case(
        "ActivityRegularization",
        {},
        (4, 3),
        (*common((4, 3)), Variant("l1", 0.5, "penalty"), Variant("l2", 0.5, "penalty")),
    ),
)  # fmt: skip
