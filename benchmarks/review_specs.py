"""Specs of any size for what a review does: long chains, branched graphs, folders of small files.

Each in the four ways in which models are written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Layer = dict[str, Any]


def chain(count: int) -> list[Layer]:
    """So many layers in a row, of the kinds that a network is made of."""
    kinds: tuple[Layer, ...] = (
        {"type": "Convolution2D", "nb_filter": 8, "nb_row": 3, "nb_col": 3, "border_mode": "same"},
        {"type": "BatchNormalization", "axis": -1},
        {"type": "Activation", "activation": "relu"},
        {"type": "ZeroPadding2D", "padding": [1, 1]},
        {"type": "MaxPooling2D", "pool_size": [3, 3], "strides": [1, 1]},
        {"type": "Dropout", "p": 0.25},
    )
    return [
        {"type": kinds[i % 6]["type"], "name": f"layer{i}", **kinds[i % 6]} for i in range(count)
    ]


def branches(count: int) -> list[Layer]:
    """At least so many layers: residual blocks and inception blocks in turns."""
    layers: list[Layer] = [_conv("stem", None)]
    while len(layers) < count:
        block = f"block{len(layers)}_"
        last = layers[-1]["name"]
        layers += _residual(block, last) if len(layers) % 2 else _inception(block, last)
    return layers


def _conv(name: str, source: str | None, size: int = 3) -> Layer:
    inputs = {} if source is None else {"inputs": source}
    sizes = {"nb_filter": 8, "nb_row": size, "nb_col": size, "border_mode": "same"}
    return {"type": "Convolution2D", "name": name, **inputs, **sizes, "activation": "relu"}


def _residual(block: str, last: str) -> list[Layer]:
    return [
        _conv(f"{block}a", last),
        {"type": "BatchNormalization", "name": f"{block}norm", "inputs": f"{block}a", "axis": -1},
        _conv(f"{block}b", f"{block}norm"),
        {"type": "Merge", "name": f"{block}sum", "inputs": [f"{block}b", last], "mode": "sum"},
    ]


def _inception(block: str, last: str) -> list[Layer]:
    pool = {"pool_size": [3, 3], "strides": [1, 1], "border_mode": "same"}
    ways = [f"{block}{way}" for way in ("one", "three", "five", "pooled")]
    joined = {"mode": "concat", "concat_axis": -1}
    return [
        _conv(ways[0], last, 1),
        _conv(f"{block}three_in", last, 1),
        _conv(ways[1], f"{block}three_in"),
        _conv(f"{block}five_in", last, 1),
        _conv(ways[2], f"{block}five_in", 5),
        {"type": "MaxPooling2D", "name": f"{block}pool", "inputs": last, **pool},
        _conv(ways[3], f"{block}pool", 1),
        {"type": "Merge", "name": f"{block}join", "inputs": ways, **joined},
        _conv(f"{block}out", f"{block}join", 1),
    ]


HEADER = {"convspec": 1, "dim_ordering": "tf", "input_shape": [32, 32, 3]}


def flow_yaml(layers: Sequence[Layer]) -> str:
    """A layer a line, as people write short ones."""
    head = [f"{key}: {json.dumps(value)}" for key, value in HEADER.items()]
    lines = [f"  - {{{', '.join(f'{k}: {_plain(v)}' for k, v in e.items())}}}" for e in layers]
    return "\n".join([*head, "layers:", *lines, ""])


def block_yaml(layers: Sequence[Layer]) -> str:
    """An argument a line."""
    lines = [f"{key}: {json.dumps(value)}" for key, value in HEADER.items()] + ["layers:"]
    for layer in layers:
        for mark, (key, value) in zip(
            ["  - ", *["    "] * len(layer)], layer.items(), strict=False
        ):
            if isinstance(value, list):
                lines += [f"{mark}{key}:", *(f"      - {_plain(v)}" for v in value)]
            else:
                lines.append(f"{mark}{key}: {_plain(value)}")
    return "\n".join([*lines, ""])


def native_json(layers: Sequence[Layer]) -> str:
    """As a program writes it."""
    return json.dumps({**HEADER, "layers": layers}, indent=1)


def keras_json(layers: Sequence[Layer]) -> str:
    """What ``to_json()`` of Keras 1.x wrote: a Sequential of a chain, a Model of a graph."""
    if any("inputs" in layer for layer in layers):
        return json.dumps(_keras_graph(layers))
    entries = [
        {"class_name": layer["type"], "config": _config(layer, {} if i else _SHAPE)}
        for i, layer in enumerate(layers)
    ]
    return json.dumps({"class_name": "Sequential", "config": entries, "keras_version": "1.2.2"})


_SHAPE = {"batch_input_shape": [None, 32, 32, 3], "input_dtype": "float32"}


def _config(layer: Layer, more: Mapping[str, Any]) -> Layer:
    config = {k: v for k, v in layer.items() if k not in ("type", "inputs")} | dict(more)
    if layer["type"] in ("Convolution2D", "MaxPooling2D", "ZeroPadding2D"):
        config["dim_ordering"] = "tf"
    return config


def _keras_graph(layers: Sequence[Layer]) -> Layer:
    inputs = {"name": "input_1", "sparse": False, **_SHAPE}
    entries: list[Layer] = [
        {"class_name": "InputLayer", "config": inputs, "name": "input_1", "inbound_nodes": []}
    ]
    for layer in layers:
        sources = layer.get("inputs", "input_1")
        sources = [sources] if isinstance(sources, str) else sources
        entries.append(
            {
                "class_name": layer["type"],
                "config": _config(layer, {}),
                "name": layer["name"],
                "inbound_nodes": [[[source, 0, 0] for source in sources]],
            }
        )
    config = {
        "name": "model_1",
        "layers": entries,
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, 0]],
    }
    return {"class_name": "Model", "config": config, "keras_version": "1.2.2"}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


WAYS: Mapping[str, tuple[str, Callable[[Sequence[Layer]], str]]] = {
    "flow YAML": ("flow.yaml", flow_yaml),
    "block YAML": ("block.yaml", block_yaml),
    "JSON": ("native.json", native_json),
    "Keras JSON": ("keras.json", keras_json),
}
"""Ways to write a model: the file's ending, and the text."""


def write_specs(folder: Path, name: str, layers: Sequence[Layer]) -> dict[str, Path]:
    """One file for each way to write these layers."""
    files = {}
    for way, (ending, text) in WAYS.items():
        files[way] = folder / f"{name}-{ending}"
        files[way].write_text(text(layers), encoding="utf-8")
    return files


def changed(layers: Sequence[Layer]) -> list[Layer]:
    """The model of a pull request, with three changes in its middle.

    One convolution has other filters, a normalisation stands behind it, and the layer that was
    there has another name.
    """
    middle = next(
        number
        for number, layer in enumerate(layers)
        if number >= len(layers) // 2
        and layer["type"] == "Convolution2D"
        and ("inputs" not in layer or layer["name"].endswith("_a"))
    )
    conv, renamed = layers[middle], layers[middle + 1]["name"]
    inserted = {"type": "BatchNormalization", "name": "inserted", "axis": -1}
    if "inputs" in conv:
        inserted["inputs"] = conv["name"]
    names = {renamed: f"{renamed}_renamed"}
    found = []
    for number, layer in enumerate(layers):
        layer = {**layer, "name": names.get(layer["name"], layer["name"])}
        if "inputs" in layer:
            read = layer["inputs"]
            many = [names.get(name, name) for name in ([read] if isinstance(read, str) else read)]
            layer["inputs"] = many[0] if isinstance(read, str) else many
        if number == middle:
            found += [{**layer, "nb_filter": 2 * layer["nb_filter"]}, inserted]
            continue
        if number == middle + 1 and "inputs" in layer:
            layer["inputs"] = "inserted"
        found.append(layer)
    return found
