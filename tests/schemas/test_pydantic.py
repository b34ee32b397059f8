"""Specifications are validated by pydantic's models: the one thing that judges what a spec says.

No second validator stands beside it, not even for specs without mistakes: two of them would have
to agree for ever. What start-up needs is fewer models built, not other ones.
"""

from __future__ import annotations

import subprocess
import sys

from pydantic import BaseModel

from speccompiler.schemas.registry import LAYERS
from tests.places import ROOT


def test_every_layer_is_a_model_of_pydantic() -> None:
    assert all(issubclass(layer, BaseModel) for layer in dict(LAYERS).values())


def test_a_spec_without_mistakes_is_validated_by_pydantic() -> None:
    program = (
        "import speccompiler\n"
        "model = speccompiler.load('examples/specs/lenet.yaml')\n"
        "import pydantic\n"
        "layers = [entry for entry in model.spec.layers]\n"
        "assert layers and all(isinstance(e, pydantic.BaseModel) for e in layers), layers\n"
        "assert all(type(e).__pydantic_complete__ for e in layers)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
