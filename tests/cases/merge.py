"""Cases of Merge."""

from __future__ import annotations

from tests.cases.case import Case, Variant, forward_only

CASES: tuple[Case, ...] = (
    Case(
        "Merge",
        {},
        (4, 3),
        (
            Variant("name", "given_name", "name"),
            Variant("trainable", False, "trainable"),
            *forward_only(
                Variant("input_shape", [5, 3], "CS037"),
                Variant("batch_input_shape", [None, 5, 3], "CS037"),
                Variant("input_dtype", "text", "CS023"),
                Variant("mode_type", "raws", "CS023"),
                Variant("output_shape", [4, 3], "CS026"),
                Variant("output_shape_type", "lambda", "CS023"),
                Variant("output_mask", [1], "CS026"),
                Variant("output_mask_type", "lambda", "CS023"),
                Variant("arguments", {"x": 1}, "CS026"),
            ),
            *(Variant("mode", mode, "output") for mode in ("mul", "ave", "max", "min", "sub")),
            *(Variant("mode", mode, "shape") for mode in ("concat", "dot", "cos")),
            Variant("concat_axis", 1, "shape", {"mode": "concat"}),
            Variant("dot_axes", 1, "shape", {"mode": "dot"}),
            Variant("dot_axes", [1, 1], "shape", {"mode": "dot"}),
            Variant("normalize", True, "output", {"mode": "dot"}),
            # It changes nothing but which shapes are refused: test_merge.py.
            Variant("broadcast", "yes", "CS024"),
        ),
        before=(
            {"type": "Activation", "name": "one", "activation": "softplus"},
            {"type": "Activation", "name": "two", "activation": "sigmoid", "inputs": "one"},
        ),
        inputs=("one", "two"),
    ),
)  # fmt: skip
