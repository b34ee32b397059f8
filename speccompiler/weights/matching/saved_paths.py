"""Which layer a path in a ``.weights.h5`` belongs to: Keras names it by class and number.

    layers/conv2d/vars/0                      the first Conv2D of the model
    layers/sequential/layers/conv2d_1/vars/0  the second one of a model inside it
    layers/bidirectional/forward_layer/cell/vars/0
    layers/rnn/cell/cells/gru_cell/vars/0     the first GRUCell of several cells

The n-th layer of a class, counted in each model from 0, has ``_n`` behind its class, in the order
of the model's layers (keras 3.15 saving/saving_lib.py, ``_save_container_state``). Weightless
layers count as well; the InputLayer of a Sequential is none of its layers. TensorFlow 2.12 wrote
``_layer_checkpoint_dependencies`` for ``layers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from speccompiler.loading.keras2.unique_names import unique
from speccompiler.loading.keras2.wrappers import SPECTRAL
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Sequence, TreeNode

_MODELS = frozenset({"Sequential", "Model", "Functional"})
_FOLDERS = ("layers", "_layer_checkpoint_dependencies")
_DEEPEST = 32
NOBODY = ""
"""In the place of a layer's name: what is there is read by no forward pass."""


def layers_of_paths(root: TreeNode | None) -> dict[str, str]:
    """The name of the layer at each path; empty for what is no model of Keras."""
    if not isinstance(root, Mapping) or text_at(root, "class_name") not in _MODELS:
        return {}
    return {
        f"{before}{path}": name
        for folder in _FOLDERS
        for path, name in _of_model(root, folder, "", set(), 0)
        for before in ("", "model_weights/")
    }


def _of_model(
    model: Mapping, folder: str, before: str, taken: set[str], depth: int
) -> Iterator[tuple[str, str]]:
    """Paths and names; ``taken`` are the names of layers so far, which reading made unique too."""
    config = model.entries["config"].value if "config" in model.entries else None
    listed = config.entries.get("layers") if isinstance(config, Mapping) else None
    layers = config if isinstance(config, Sequence) else None if listed is None else listed.value
    if not isinstance(layers, Sequence) or depth > _DEEPEST:
        return
    container = text_at(config, "name") or ""
    counted: dict[str, int] = {}
    for layer in layers.items:
        kind = text_at(layer, "class_name")
        if kind is None or not isinstance(layer, Mapping):
            continue
        if kind == "InputLayer" and text_at(model, "class_name") == "Sequential":
            _named(layer, container, taken)
            continue
        name = snake_case(kind)
        number = counted.get(name, 0)
        counted[name] = number + 1
        path = f"{before}{folder}/{name}" + (f"_{number}" if number else "")
        yield from _of_layer(layer, folder, path, container, taken, depth)


def _named(layer: Mapping, container: str, taken: set[str]) -> str | None:
    config = layer.entries["config"].value if "config" in layer.entries else None
    name = text_at(config, "name")
    return None if name is None else unique(taken, name, container)


def _of_layer(
    layer: Mapping, folder: str, path: str, container: str, taken: set[str], depth: int
) -> Iterator[tuple[str, str]]:
    """A layer; a model inside, also of a wrapper, is told by its own layers."""
    config = layer.entries["config"].value if "config" in layer.entries else None
    if text_at(layer, "class_name") in _MODELS:
        yield from _of_model(layer, folder, f"{path}/", taken, depth + 1)
        return
    if not isinstance(config, Mapping):
        return
    inner = config.entries["layer"].value if "layer" in config.entries else None
    if isinstance(inner, Mapping) and text_at(inner, "class_name") in _MODELS:
        yield from _of_model(inner, folder, f"{path}/layer/", taken, depth + 1)
        _named(layer, container, taken)
        return
    if isinstance(inner, Mapping) and (stacked := list(_of_cells(inner, f"{path}/layer"))):
        yield from stacked
        return
    name = _named(layer, container, taken)
    if name is not None and text_at(layer, "class_name") in SPECTRAL:
        yield path, NOBODY
        path = f"{path}/layer"
    if name is not None:
        yield path, name
        yield from _of_cells(layer, path, name)


def _of_cells(layer: Mapping, path: str, name: str | None = None) -> Iterator[tuple[str, str]]:
    """The cells of an RNN that stand on one another: layers in a row, the last of its name."""
    config = layer.entries["config"].value if "config" in layer.entries else None
    cell = config.entries.get("cell") if isinstance(config, Mapping) else None
    of_cell = cell.value if cell is not None else None
    if text_at(of_cell, "class_name") != "StackedRNNCells" or not isinstance(of_cell, Mapping):
        return
    inside = of_cell.entries["config"].value if "config" in of_cell.entries else None
    listed = inside.entries.get("cells") if isinstance(inside, Mapping) else None
    cells = listed.value.items if listed and isinstance(listed.value, Sequence) else ()
    counted: dict[str, int] = {}
    for number, one in enumerate(cells, 1):
        kind = snake_case(text_at(one, "class_name") or "")
        before = counted.get(kind, 0)
        counted[kind] = before + 1
        end = f"_{before}" if before else ""
        name = name or text_at(config, "name")
        own = name if number == len(cells) else f"{name}_cell{number}"
        yield f"{path}/cell/cells/{kind}{end}", str(own)


def snake_case(name: str) -> str:
    """``MaxPooling2D`` as ``max_pooling2d`` (keras 3.15 utils/naming.py, ``to_snake_case``)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
