"""Cases of the convolutions."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common, kernel
from tests.cases.models import array

LONG_STEPS = {"subsample": [8, 8], "input_shape": [1, 2, 1]}


CASES: tuple[Case, ...] = (
    Case(
        "Convolution1D",
        {"nb_filter": 3, "filter_length": 2},
        (7, 2),
        (
            *common((7, 2)),
            *kernel((2, 1, 2, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("filter_length", 4, "shape"),
            Variant("subsample_length", 2, "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape"),
            Variant("input_dim", 4, "parameters"),
            Variant("input_length", 9, "shape", {"input_dim": 2}),
        ),
    ),
    Case(
        "Convolution2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 6, 4),
        (
            *common((5, 6, 4)),
            *kernel((2, 3, 4, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape"),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "Convolution3D",
        {"nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 1, "kernel_dim3": 3},
        (4, 3, 5, 3),
        (
            *common((4, 3, 5, 3)),
            *kernel((2, 1, 3, 3, 2), (2,)),
            Variant("nb_filter", 5, "shape"),
            Variant("kernel_dim1", 3, "shape"),
            Variant("kernel_dim2", 2, "shape"),
            Variant("kernel_dim3", 1, "shape"),
            Variant("subsample", [1, 3, 2], "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape"),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "AtrousConvolution1D",
        {"nb_filter": 3, "filter_length": 2},
        (7, 2),
        (
            *common((7, 2)),
            *kernel((2, 1, 2, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("filter_length", 4, "shape"),
            Variant("subsample_length", 2, "shape"),
            Variant("atrous_rate", 3, "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape", {"atrous_rate": 2}),
            Variant("input_dim", 4, "parameters"),
            Variant("input_length", 9, "shape", {"input_dim": 2}),
        ),
    ),
    Case(
        "AtrousConvolution2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 7, 4),
        (
            *common((5, 7, 4)),
            *kernel((2, 3, 4, 3), (3,)),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape", {"atrous_rate": [1, 2]}),
            Variant("atrous_rate", [3, 2], "shape"),
            Variant("border_mode", "same", "output", {"atrous_rate": [2, 3]}),
            Variant("border_mode", "full", "shape", {"atrous_rate": [2, 1]}),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
    Case(
        "Deconvolution2D",
        # Steps so long that the output belongs to the same input under other arguments too.
        {"nb_filter": 3, "nb_row": 3, "nb_col": 3, "output_shape": [None, 3, 14, 3]},
        (1, 12, 1),
        (
            *(v for v in common((1, 12, 1)) if v.changes != "shape"),
            Variant("input_shape", [1, 12, 2], "parameters"),
            Variant("batch_input_shape", [None, 1, 12, 2], "parameters"),
            *kernel((3, 3, 1, 3), (3,)),
            Variant("nb_filter", 2, "shape", {"output_shape": [None, 3, 14, None]}),
            Variant("nb_row", 2, "output", LONG_STEPS),
            Variant("nb_col", 2, "output", LONG_STEPS),
            Variant("output_shape", [None, 4, 13, 3], "shape", LONG_STEPS),
            Variant("border_mode", "full", "output", LONG_STEPS),
            Variant("subsample", [8, 7], "output", LONG_STEPS),
            Variant("dim_ordering", "th", "output", {**LONG_STEPS, "nb_row": 2}),
        ),
    ),
    Case(
        "SeparableConvolution2D",
        {"nb_filter": 3, "nb_row": 2, "nb_col": 3},
        (5, 6, 4),
        (
            *common((5, 6, 4)),
            *(v for v in kernel((2, 3, 4, 3), (3,))
              if not v.argument.startswith(("W_", "b_", "weights"))),
            Variant("weights", [array(2, 3, 4, 1), array(1, 1, 4, 3), [1, 0, 2]], "output"),
            Variant("nb_filter", 5, "shape"),
            Variant("nb_row", 4, "shape"),
            Variant("nb_col", 1, "shape"),
            Variant("subsample", [2, 1], "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("depth_multiplier", 2, "parameters"),
            Variant("dim_ordering", "th", "shape"),
            Variant("depthwise_regularizer", "l2", "penalty"),
            Variant("pointwise_regularizer", "l1", "penalty"),
            Variant("b_regularizer", "l1", "penalty",
                    {"weights": [array(2, 3, 4, 1), array(1, 1, 4, 3), [1, 0, 2]]}),
            Variant("depthwise_constraint", {"name": "MaxNorm", "m": 0.01}, "weights"),
            Variant("pointwise_constraint", "nonneg", "weights"),
            Variant("b_constraint", "nonneg", "weights",
                    {"weights": [array(2, 3, 4, 1), array(1, 1, 4, 3), [1, -1, 2]]}),
        ),
    ),
)  # fmt: skip
