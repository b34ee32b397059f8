"""The .keras file: a ZIP of config.json, metadata.json and model.weights.h5, complete or not there.

The format is that of Keras 3 (src/saving/saving_lib.py); members are stored as they are.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from speccompiler.convert.keras3.builder import KerasLayer, LayerCall, Value, snake_case
from speccompiler.convert.keras3.export import Functional
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files.atomic_output import atomic_file, write_failure
from speccompiler.system.unfinished_files import write_all

WRITTEN_FOR = "3.0.0"
"""The release of Keras whose names and arguments are used; later ones read them."""
A_DATE = (1980, 1, 1, 0, 0, 0)
"""Of the members, so that the same model makes the same bytes."""


def write_keras(path: Path, made: Functional) -> None:
    """Write the model. CS120, CS121."""
    metadata = {**made.origin.facts, "keras_version": WRITTEN_FOR, "date_saved": ""}
    members = {
        "metadata.json": json.dumps(metadata).encode(),
        "config.json": json.dumps(config_of(made)).encode(),
        "model.weights.h5": weights_of(made),
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member, A_DATE), data)
    whole = held.getbuffer()
    try:
        with atomic_file(path, len(whole)) as file:
            try:
                write_all(file, whole)
            except OSError as error:
                raise write_failure(error, "a part of the model") from None
    except Problem as problem:
        raise SpecError([problem.at(file=str(path))]) from None


def config_of(made: Functional) -> dict[str, Any]:
    """What ``config.json`` holds."""
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": made.origin.name,
            "trainable": True,
            "layers": [_layer(layer) for layer in made.layers],
            "input_layers": _places(made.inputs),
            "output_layers": _places(made.outputs),
        },
        "registered_name": "Functional",
    }


def _places(values: tuple[Value, ...]) -> list[Any]:
    """One value by itself, several in a list, as Keras 3 has them."""
    places = [_history(value) for value in values]
    return places[0] if len(places) == 1 else places


def _history(value: Value) -> list[Any]:
    return [value.layer.name, value.call, value.output]


def _layer(layer: KerasLayer) -> dict[str, Any]:
    calls = [_call(call) for call in layer.calls if call.read]
    return {
        "module": "keras.layers",
        "class_name": layer.kind,
        "config": {"name": layer.name, "dtype": "float32", **layer.config},
        "registered_name": None,
        "name": layer.name,
        "inbound_nodes": calls,
    }


def _call(call: LayerCall) -> dict[str, Any]:
    tensors = [_tensor(value) for value in call.read]
    given = {} if call.mask is None else {"mask": _tensor(call.mask)}
    return {"args": [tensors] if len(tensors) > 1 else tensors, "kwargs": given}


def _tensor(value: Value) -> dict[str, Any]:
    shape = [None, *(n if isinstance(n, int) else None for n in value.shape)]
    dtype = value.layer.config.get("dtype", "float32")
    config = {"shape": shape, "dtype": dtype, "keras_history": _history(value)}
    return {"class_name": "__keras_tensor__", "config": config}


def weights_of(made: Functional) -> bytes:
    """What ``model.weights.h5`` holds: a group for each layer, by its class and number."""
    import h5py
    import numpy as np

    held = io.BytesIO()
    counts: dict[str, int] = {}
    with h5py.File(held, "w") as file:
        for layer in made.layers:
            title = snake_case(layer.kind)
            number = counts.get(title, 0)
            counts[title] = number + 1
            own = file.create_group(f"layers/{title}_{number}" if number else f"layers/{title}")
            own.create_group("vars").attrs["name"] = layer.name
            for group, tensors in layer.tensors.items():
                variables = own.require_group(f"{group}/vars" if group else "vars")
                for place, tensor in enumerate(tensors):
                    variables.create_dataset(str(place), data=np.ascontiguousarray(tensor, "<f4"))
    return held.getvalue()
