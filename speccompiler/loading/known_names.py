"""Names that a spec may have meant."""

from __future__ import annotations

KERAS_2_NAMES = {
    "filters": "nb_filter",
    "kernel_size": "nb_row and nb_col, filter_length or kernel_dim1..3",
    "padding": "border_mode",
    "data_format": "dim_ordering",
    "use_bias": "bias",
    "kernel_initializer": "init",
    "kernel_regularizer": "W_regularizer",
    "bias_regularizer": "b_regularizer",
    "kernel_constraint": "W_constraint",
    "bias_constraint": "b_constraint",
    "units": "output_dim",
    "rate": "p",
    "dtype": "input_dtype",
}
"""Arguments of Keras 2 and what Keras 1 calls them."""
