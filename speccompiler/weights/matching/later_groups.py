"""The tensors of a file of Keras 2 or 3, layer by layer, by the names that these give them.

    conv2d_1/kernel:0                        Keras 2; in HDF5 behind the group conv2d_1/
    bidirectional_1/backward_lstm/bias:0     Keras 2.1 and later
    bidirectional_1/bias_1:0                 Keras 2.0: the backward layer's have a number
    model/text/lstm/lstm_cell/kernel         Keras 3, behind the models that it stands in
    layers/conv2d/vars/0                     Keras 3's .weights.h5: see ``saved_paths``

A layer lists its tensors in the order of Keras's classes (keras 2.2.4 layers/convolutional.py,
recurrent.py, normalization.py ``build``), forward before backward.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from speccompiler.weights.matching.layer_groups import LayerGroup, without_variable_number
from speccompiler.weights.matching.saved_paths import NOBODY

_ROOT = "model_weights/"
_RANKS: Mapping[str, int] = {
    "embeddings": 0, "kernel": 0, "depthwise_kernel": 0, "gamma": 0, "alpha": 0,
    "pointwise_kernel": 1, "recurrent_kernel": 1, "beta": 1,
    "bias": 2, "moving_mean": 2, "mean": 2,
    "moving_variance": 3, "variance": 3,
}  # fmt: skip
"""What Keras 2 calls tensors, and where each stands in its layer."""
_NUMBERED = re.compile(r"(.+?)_([0-9]{1,9})")
_NUMBER = re.compile(r"[0-9]{1,9}")
_NOT_OURS = frozenset(
    {"count", "seed_generator_state", "iteration", "learning_rate", "vector_u", "sn_u"}
)
"""Variables that a layer keeps beside its weights: no forward pass reads them."""
_OTHERS = (
    "optimizer_weights/",
    "optimizer/",
    "_optimizer/",
    "metrics/",
    "top_level_model_weights/",
)
_Place = tuple[int, int, int, int]


def groups_by_name(
    keys: Iterable[str], layers: Collection[str], owners: Mapping[str, str]
) -> tuple[LayerGroup, ...] | None:
    """The groups of the model's ``layers``, in their order.

    ``owners`` tells the layer of the paths in a ``.weights.h5``. None where a layer has no
    tensor, or a tensor no layer.
    """
    found: dict[str, list[tuple[_Place, str]]] = {}
    for at, key in enumerate(keys):
        bare = without_variable_number(key.removeprefix(_ROOT))
        *path, last = bare.split("/")
        if bare.startswith(_OTHERS) or last in _NOT_OURS or "seed_generator" in path:
            continue
        owner, place = _of_saved_path(path, last, owners) or _of_named(path, last, layers, at)
        if owner == NOBODY:
            continue
        if owner is None:
            return None
        found.setdefault(owner, []).append((place, key))
    for layer in [one for one in found if f"{one}_cell1" in set(layers) - found.keys()]:
        found |= _by_cell(layer, found[layer])
    if found.keys() != set(layers):
        return None
    return tuple(
        LayerGroup(layer, tuple((None, key) for _, key in sorted(found[layer]))) for layer in layers
    )


def _by_cell(layer: str, tensors: list[tuple[_Place, str]]) -> dict[str, list[tuple[_Place, str]]]:
    """The tensors of an RNN's cells, each of which is a layer here; the last bears its name.

    The names tell the cells apart, the file their order: ``rnn/stacked_rnn_cells/gru_cell/kernel``
    in TensorFlow, ``rnn_1/kernel_1:0`` in Keras 2.
    """
    found: dict[tuple[str, int], list[tuple[_Place, str]]] = {}
    for place, key in sorted(tensors, key=lambda one: one[0][-1]):
        found.setdefault((key.rpartition("/")[0], place[1]), []).append((place, key))
    *inner, last = found.values()
    return {**{f"{layer}_cell{n}": of for n, of in enumerate(inner, 1)}, layer: last}


def _of_saved_path(
    path: list[str], last: str, owners: Mapping[str, str]
) -> tuple[str | None, _Place] | None:
    """By the path of a ``.weights.h5``; None for a name of another form."""
    if not path or path[-1] != "vars" or _NUMBER.fullmatch(last) is None:
        return None
    place = (_direction(path), 0, int(last), 0)
    for end in range(len(path), 0, -1):
        owner = owners.get("/".join(path[:end]))
        if owner is not None:
            return owner, place
    return None, place


def _of_named(
    path: list[str], last: str, layers: Collection[str], at: int
) -> tuple[str | None, _Place]:
    """By the first part of the name that is a layer's: what stands before it are models."""
    number = 0
    if last not in _RANKS and (numbered := _NUMBERED.fullmatch(last)) is not None:
        last, number = numbered[1], int(numbered[2])
    rank = _RANKS.get(last)
    place = (_direction(path), number, len(_RANKS) if rank is None else rank, at)
    return next((part for part in path if part in layers), None), place


def _direction(path: list[str]) -> int:
    return int(any(part.startswith("backward_") for part in path))
