"""JSON Schema of every schema, as pydantic makes it of the same fields."""

from __future__ import annotations

import json
import subprocess
import sys

from pydantic.json_schema import models_json_schema

from speccompiler.schemas.json_types import Definitions
from speccompiler.schemas.judgement import pydantic_model
from speccompiler.schemas.merge import Shared
from speccompiler.schemas.model import ModelHeader
from speccompiler.schemas.registry import LAYERS
from speccompiler.schemas.wrapped_model import WrapperHeader


def test_the_same_as_of_pydantic() -> None:
    schemas = [ModelHeader, WrapperHeader, Shared, *LAYERS.values()]
    models = [pydantic_model(schema) for schema in schemas]
    _, wanted = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/$defs/{model}"
    )
    # Said as any mapping, which has no title of its own.
    layer = wanted["$defs"]["TimeDistributed"]["properties"]["layer"]
    wanted["$defs"]["TimeDistributed"]["properties"]["layer"] = {
        "description": layer["description"],
        "title": "Layer",
        "type": layer["type"],
    }
    ours = Definitions()
    for schema in schemas:
        ours.add(schema)
    assert ours.found == wanted["$defs"]
    for name, definition in wanted["$defs"].items():
        assert json.dumps(ours.found[name]) == json.dumps(definition)


def test_the_json_schema_needs_no_pydantic() -> None:
    code = (
        "import sys\n"
        "from speccompiler.schemas.jsonschema import native_schema\n"
        "native_schema()\n"
        "print(*sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pydantic", "pydantic_core"} & set(out.stdout.split()) == set()
