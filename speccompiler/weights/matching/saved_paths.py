"""Which layer a path in a ``.weights.h5`` belongs to: Keras names it by class and number.

    layers/conv2d/vars/0                      the first Conv2D of the model
    layers/sequential/layers/conv2d_1/vars/0  the second one of a model inside it
    layers/bidirectional/forward_layer/cell/vars/0

The n-th layer of a class, counted in each model from 0, has ``_n`` behind its class, in the order
of the model's layers (keras 3.15 saving/saving_lib.py, ``_save_container_state``). Weightless
layers count as well; the InputLayer of a Sequential is none of its layers. TensorFlow 2.12 wrote
``_layer_checkpoint_dependencies`` for ``layers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Sequence, TreeNode

_MODELS = frozenset({"Sequential", "Model", "Functional"})
_FOLDERS = ("layers", "_layer_checkpoint_dependencies")
_DEEPEST = 32


def layers_of_paths(root: TreeNode | None) -> dict[str, str]:
    """The name of the layer at each path; empty for what is no model of Keras."""
    if not isinstance(root, Mapping) or text_at(root, "class_name") not in _MODELS:
        return {}
    return {
        f"{before}{path}": name
        for folder in _FOLDERS
        for before in ("", "model_weights/")
        for path, name in _of_model(root, folder, "", 0)
    }


def _of_model(model: Mapping, folder: str, before: str, depth: int) -> Iterator[tuple[str, str]]:
    config = model.entries["config"].value if "config" in model.entries else None
    listed = config.entries.get("layers") if isinstance(config, Mapping) else None
    layers = config if isinstance(config, Sequence) else None if listed is None else listed.value
    if not isinstance(layers, Sequence) or depth > _DEEPEST:
        return
    counted: dict[str, int] = {}
    for layer in layers.items:
        kind = text_at(layer, "class_name")
        if kind is None or not isinstance(layer, Mapping):
            continue
        if kind == "InputLayer" and text_at(model, "class_name") == "Sequential":
            continue
        name = snake_case(kind)
        number = counted.get(name, 0)
        counted[name] = number + 1
        path = f"{before}{folder}/{name}" + (f"_{number}" if number else "")
        yield from _of_layer(layer, folder, path, depth)


def _of_layer(layer: Mapping, folder: str, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """A layer; a model inside, also of a wrapper, is told by its own layers."""
    config = layer.entries["config"].value if "config" in layer.entries else None
    if text_at(layer, "class_name") in _MODELS:
        yield from _of_model(layer, folder, f"{path}/", depth + 1)
        return
    if not isinstance(config, Mapping):
        return
    inner = config.entries["layer"].value if "layer" in config.entries else None
    if isinstance(inner, Mapping) and text_at(inner, "class_name") in _MODELS:
        yield from _of_model(inner, folder, f"{path}/layer/", depth + 1)
        return
    name = text_at(config, "name")
    if name is not None:
        yield path, name


def snake_case(name: str) -> str:
    """``MaxPooling2D`` as ``max_pooling2d`` (keras 3.15 utils/naming.py, ``to_snake_case``)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
