"""A change as a branch makes it, compared by hand: what a page shows of it is known."""

from __future__ import annotations

from speccompiler.comparing.model_diff import (
    Amount,
    Change,
    Fit,
    Impact,
    LayerPair,
    Match,
    ModelDiff,
    TensorFit,
)
from speccompiler.model import loads

OLD = """\
convspec: 1
name: shapes
dim_ordering: tf
input_shape: [32, 32, 3]
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 32, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: Activation, name: relu1, activation: relu}
  - {type: MaxPooling2D, name: pool1}
  - {type: Convolution2D, name: conv2, nb_filter: 32, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: Dropout, name: drop, p: 0.5}
  - {type: GlobalAveragePooling2D, name: mean}
  - {type: Dense, name: classes, output_dim: 10, activation: softmax}
"""
NEW = """\
convspec: 1
name: shapes
dim_ordering: tf
input_shape: [32, 32, 3]
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 48, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: BatchNormalization, name: bn1, axis: -1}
  - {type: Activation, name: relu_one, activation: relu}
  - {type: MaxPooling2D, name: pool1}
  - {type: Convolution2D, name: conv2, nb_filter: 48, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: Merge, name: skip, mode: sum, inputs: [conv2, pool1]}
  - {type: GlobalAveragePooling2D, name: mean}
  - {type: Dense, name: classes, output_dim: 10, activation: softmax}
"""
PAIRS = [
    (Match.SAME, "conv1", "conv1"),
    (Match.INSERTED, None, "bn1"),
    (Match.RENAMED, "relu1", "relu_one"),
    (Match.SAME, "pool1", "pool1"),
    (Match.SAME, "conv2", "conv2"),
    (Match.REMOVED, "drop", None),
    (Match.INSERTED, None, "skip"),
    (Match.SAME, "mean", "mean"),
    (Match.SAME, "classes", "classes"),
]
BREAKING, COST, NOTE = Impact
WHOLE = (Change("CD901", COST, "parameters 10,464 -> 22,810", "p"),)
CHANGES = {
    "conv1": (
        Change("CD903", BREAKING, "nb_filter 32 -> 48", "a", "conv1", "nb_filter", "32", "48"),
        Change("CD904", BREAKING, "2 tensors no longer fit", "b", "conv1"),
    ),
    "bn1": (Change("CD905", BREAKING, "inserted after conv1", "c", "bn1"),),
    "relu_one": (Change("CD906", NOTE, "renamed from relu1", "d", "relu_one"),),
    "conv2": (Change("CD903", BREAKING, "nb_filter 32 -> 48", "e", "conv2", "nb_filter"),),
    "drop": (Change("CD907", NOTE, "removed; it has no effect in a run", "f", "drop"),),
    "skip": (Change("CD905", BREAKING, "inserted, it adds pool1 to conv2", "g", "skip"),),
}
TENSORS = {
    "conv1": (
        TensorFit(Fit.RESHAPED, "conv1/W", "conv1/W", (3, 3, 3, 32), (3, 3, 3, 48)),
        TensorFit(Fit.RESHAPED, "conv1/b", "conv1/b", (32,), (48,)),
    ),
    "bn1": (TensorFit(Fit.ADDED, None, "bn1/gamma", None, (48,)),),
    "classes": (TensorFit(Fit.KEPT, "classes/b", "classes/b", (10,), (10,)),),
}


def by_hand(old_text: str = OLD, new_text: str = NEW) -> ModelDiff:
    """The comparison of the two."""
    old, new = loads(old_text).shapes(), loads(new_text).shapes()
    before = {layer.name: layer for layer in old.layers}
    after = {layer.name: layer for layer in new.layers}
    pairs = tuple(
        LayerPair(
            match,
            before.get(was or ""),
            after.get(now or ""),
            CHANGES.get(now or was or "", ()),
            TENSORS.get(now or was or "", ()),
        )
        for match, was, now in PAIRS
    )
    return ModelDiff(
        old,
        new,
        "main:shapes.yaml",
        "shapes.yaml",
        pairs,
        (*WHOLE, *(change for pair in pairs for change in pair.changes)),
        "conv1",
        (
            Amount("parameters", old.parameters, new.parameters),
            Amount("multiply_adds", old.multiply_adds, new.multiply_adds),
            Amount("activation_bytes", old.activation_bytes, new.activation_bytes),
            Amount("peak_bytes", old.peak_bytes, new.peak_bytes),
        ),
    )
