"""The JSON Schema (drafts 7 and later) of the native form, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from speccompiler.schemas.editor_schema import DIALECT, for_editors
from speccompiler.schemas.model import EXTENSION_PREFIX, EXTENSIONS, ModelHeader
from speccompiler.schemas.registry import LAYERS, WRAPPERS, aliases
from speccompiler.schemas.shared import Shared
from speccompiler.schemas.wrapped_model import WrapperHeader

_NAME = {"type": "string", "pattern": r"\S"}
INPUTS = {
    "anyOf": [_NAME, {"type": "array", "minItems": 1, "items": _NAME}],
    "description": "The layers or inputs whose values this layer reads: a name, or for Merge a "
    "list. Default: the layer before it.",
}
_ONE_ANSWER = {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/Layer"}]}
ANSWER = {"anyOf": [*_ONE_ANSWER["anyOf"], {"type": "array", "minItems": 1, "items": _ONE_ANSWER}]}
"""What a layer computes that is code."""


def native_schema() -> dict[str, Any]:
    """One document with a definition a layer, chosen by ``type``.

    ``if``/``then`` rather than ``oneOf``: an editor then reports the one layer's
    errors and not those of twenty that were not meant.
    """
    models: list[type[BaseModel]] = [ModelHeader, WrapperHeader, Shared, *LAYERS.values()]
    _, shared = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/$defs/{model}",
    )
    definitions: dict[str, Any] = shared["$defs"]
    header = definitions.pop("ModelHeader")
    for key in ("verify", "budget"):
        del header["properties"][key]["title"]  # what it refers to has one
    around = definitions.pop("WrapperHeader")["properties"]
    for case in around["replace"]["anyOf"]:
        if case.get("type") == "object":
            case["patternProperties"] = dict.fromkeys(case["patternProperties"], ANSWER)
    branches = []
    for name in [*LAYERS, Shared.__name__]:
        definitions[name]["properties"]["inputs"] = INPUTS
        if name in WRAPPERS:
            definitions[name]["properties"]["layer"] |= {"$ref": "#/$defs/Layer"}
        names = [name, *(alias for alias, of in aliases().items() if of == name)]
        definitions[name]["properties"]["type"] = {
            "enum": names,
            "description": definitions[name].get("description", "").splitlines()[0],
        }
        branches.append(
            {
                # Of what is no mapping yet, everything would be true.
                "if": {
                    "type": "object",
                    "properties": {"type": {"enum": names}},
                    "required": ["type"],
                },
                "then": {"$ref": f"#/$defs/{name}"},
            }
        )
    definitions["Layer"] = {
        "type": "object",
        "properties": {
            # Without words of its own: a hover then shows those of the layer that is named.
            "type": {"enum": [*LAYERS, *aliases(), Shared.__name__]}
        },
        "required": ["type"],
        "allOf": branches,
    }
    whole = {
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
            **{name: around[name] for name in ("model", "replace")},
        },
        "patternProperties": {f"^{EXTENSION_PREFIX}": {"description": EXTENSIONS}},
        "required": header["required"],
        # A spec lists its layers, or names the model that it is about.
        "if": {"required": ["model"]},
        "then": {
            "not": {"anyOf": [{"required": [k]} for k in ("layers", *WrapperHeader.not_said)]}
        },
        "else": {"required": ["layers"], "not": {"required": ["replace"]}},
        "$defs": definitions,
    }
    return {**for_editors(whole), "title": whole["title"]}
