"""The JSON Schema (draft 2020-12) of the native form, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .merge import Shared
from .model import EXTENSION_PREFIX, EXTENSIONS, ModelHeader
from .registry import ALIASES, LAYERS
from .wrappers import TimeDistributed

_NAME = {"type": "string", "pattern": r"\S"}
INPUTS = {
    "anyOf": [_NAME, {"type": "array", "minItems": 1, "items": _NAME}],
    "description": "The layers or inputs whose values this layer reads: a name, or for Merge a "
    "list. Default: the layer before it.",
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def native_schema() -> dict[str, Any]:
    """One document with a definition a layer, chosen by ``type``.

    ``if``/``then`` rather than ``oneOf``: an editor then reports the one layer's
    errors and not those of twenty that were not meant.
    """
    models: list[type[BaseModel]] = [ModelHeader, Shared, *LAYERS.values()]
    _, shared = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/$defs/{model}",
    )
    definitions: dict[str, Any] = shared["$defs"]
    header = definitions.pop("ModelHeader")
    branches = []
    for name in [*LAYERS, Shared.__name__]:
        definitions[name]["properties"]["inputs"] = INPUTS
        if name == TimeDistributed.__name__:
            definitions[name]["properties"]["layer"] |= {"$ref": "#/$defs/Layer"}
        names = [name, *(alias for alias, of in ALIASES.items() if of == name)]
        definitions[name]["properties"]["type"] = {
            "enum": names,
            "description": definitions[name].get("description", "").splitlines()[0],
        }
        branches.append(
            {
                "if": {"properties": {"type": {"enum": names}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
        )
    definitions["Layer"] = {
        "type": "object",
        "properties": {
            "type": {
                "enum": [*LAYERS, *ALIASES, Shared.__name__],
                "description": "Which layer; its other arguments follow from it.",
            }
        },
        "required": ["type"],
        "allOf": branches,
    }
    return {
        "$schema": DIALECT,
        "title": "convspec model",
        "description": "A convolutional model in convspec's native form.",
        **{k: v for k, v in header.items() if k not in {"title", "description"}},
        "properties": {
            **header["properties"],
            "layers": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/$defs/Layer"},
                "description": "The layers, first to last.",
            },
        },
        "patternProperties": {f"^{EXTENSION_PREFIX}": {"description": EXTENSIONS}},
        "required": [*header["required"], "layers"],
        "$defs": definitions,
    }
