"""Cases of the recurrent layers, of Bidirectional, and of Pick."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case, Variant, common, forward_only
from tests.cases.models import array

STEPS = (6, 5)
FILMS = (4, 7, 6, 2)
UNITS = 3
ALL_STEPS = {"return_sequences": True}
KERNELS = [array(3, 2, 2, 2), array(3, 2, 2, 2), [0.1, -1]] * 4


def declared(
    shape: tuple[int, ...], longer: list[int], given: dict[str, Any] | None = None
) -> tuple[Variant, ...]:
    """The arguments of every layer; ``given`` is what makes a longer input show in the output."""
    return (
        *(v for v in common(shape) if v.argument not in ("input_shape", "batch_input_shape")),
        Variant("input_shape", longer, "shape", given or {}),
        Variant("batch_input_shape", [None, *longer], "shape", given or {}),
    )


def stepping(given: dict[str, Any]) -> tuple[Variant, ...]:
    """The arguments of every recurrent layer. ``given`` are weights with which all have a part."""
    return (
        Variant("init", "he_normal", "output"),
        Variant("inner_init", "identity", "output"),
        Variant("activation", "sigmoid", "output"),
        Variant("activation", "softmax", "output"),
        Variant("activation", "linear", "output"),
        Variant("activation", {"expr": "x * sigmoid(x)"}, "output"),
        Variant("W_regularizer", {"name": "l2", "l": 0.1}, "penalty"),
        Variant("U_regularizer", {"name": "l1", "l": 0.1}, "penalty"),
        Variant("b_regularizer", {"name": "l2", "l": 0.5}, "penalty", given),
        Variant("weights", given["weights"], "output"),
        Variant("return_sequences", True, "shape"),
        Variant("go_backwards", True, "output"),
        Variant("go_backwards", True, "output", {"return_sequences": True}),
        Variant("bias", False, "parameters"),
        *forward_only(
            Variant("stateful", "yes", "CS024"),
            Variant("zero_output_for_mask", "yes", "CS024"),
            Variant("dropout_W", 1.5, "CS025"),
            Variant("dropout_U", -0.5, "CS025"),
        ),
    )


def recurrent(gates: str) -> tuple[Variant, ...]:
    """The arguments of SimpleRNN, LSTM and GRU."""
    each = [array(STEPS[-1], UNITS), array(UNITS, UNITS), array(UNITS)]
    return (
        *declared(STEPS, [9, 5], ALL_STEPS),
        Variant("output_dim", 4, "shape"),
        Variant("input_dim", 7, "parameters"),
        Variant(
            "input_length", 9, "shape", {"input_dim": STEPS[-1], "return_sequences": True}
        ),
        *stepping({"weights": each * max(1, len(gates))}),
        *forward_only(Variant("unroll", "yes", "CS024")),
    )  # fmt: skip


GATED = (
    Variant("inner_activation", "sigmoid", "output"),
    Variant("inner_activation", "softmax", "output"),
    Variant("inner_activation", {"expr": "clip(x, 0, 1)"}, "output"),
)
FUSED = (
    Variant("consume_less", "gpu", "output"),
    *forward_only(Variant("consume_less", "disk", "CS023")),
)
FORGETS = (
    Variant("forget_bias_init", "zero", "output"),
    Variant("forget_bias_init", {"name": "normal", "scale": 2.0}, "output"),
)

CASES: tuple[Case, ...] = (
    Case(
        "SimpleRNN",
        {"output_dim": UNITS},
        STEPS,
        (*recurrent(""), *forward_only(Variant("consume_less", 3, "CS024"))),
    ),
    Case("LSTM", {"output_dim": UNITS}, STEPS, (*recurrent("icfo"), *GATED, *FUSED, *FORGETS)),
    Case(
        "GRU",
        {"output_dim": UNITS},
        STEPS,
        (*recurrent("zrh"), *GATED, *FUSED, Variant("reset_after", True, "parameters")),
    ),
    Case(
        "Bidirectional",
        {"layer": {"type": "GRU", "output_dim": UNITS, "return_sequences": True}},
        STEPS,
        (
            *common(STEPS),
            Variant(
                "layer", {"type": "GRU", "output_dim": 2, "return_sequences": True}, "shape"
            ),
            Variant("merge_mode", "sum", "shape"),
            Variant("merge_mode", "mul", "shape"),
            Variant("merge_mode", "ave", "shape"),
            Variant("merge_mode", None, "shape"),
            Variant("weights", [array(5, 3), array(3, 3), array(3)] * 6, "output"),
        ),
    ),
    Case(
        "ConvLSTM2D",
        {"nb_filter": 2, "nb_row": 3, "nb_col": 2},
        FILMS,
        (
            *declared(FILMS, [7, 7, 6, 2], ALL_STEPS),
            *(v for v in stepping({"weights": KERNELS}) if v.value not in ("identity", "softmax")),
            Variant("inner_init", "glorot_normal", "output"),
            *GATED,
            *FORGETS,
            Variant("nb_filter", 3, "shape"),
            Variant("nb_row", 2, "shape"),
            Variant("nb_col", 4, "shape"),
            Variant("border_mode", "same", "shape"),
            Variant("border_mode", "full", "shape"),
            Variant("subsample", [2, 1], "shape"),
            Variant("atrous_rate", [2, 1], "shape"),
            Variant("dim_ordering", "th", "shape"),
            Variant("fused", True, "output"),
        ),
    ),
    Case(
        "State", {}, STEPS,
        (
            Variant("name", "given_name", "name"),
            Variant("trainable", False, "trainable"),
            Variant("index", 1, "output"),
            *forward_only(
                Variant("input_shape", [5, 3], "CS037"),
                Variant("batch_input_shape", [None, 5, 3], "CS037"),
                Variant("input_dtype", "text", "CS023"),
            ),
        ),
        before=({"type": "LSTM", "output_dim": UNITS},),
    ),
    Case(
        "Pick", {"index": 1}, (3, 4, 5),
        (*declared((3, 4, 5), [3, 6, 5]), Variant("index", 2, "output")),
    ),
)  # fmt: skip
