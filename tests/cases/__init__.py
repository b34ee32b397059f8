"""The case table: every layer, every argument, and what changing it changes.

``tests/lowering/test_lowering.py`` drives each row through schema, lowering, shapes, all targets
and the report. A new layer joins by a ``Case`` in the module of its family.
"""

from __future__ import annotations

import json
from typing import Any

from speccompiler.schemas.registry import LAYERS
from tests.cases import (
    advanced_activations,
    beyond_keras,
    convolution,
    core,
    dense,
    embedding,
    local,
    merge,
    normalization,
    pooling,
    recurrent,
    resizing,
    wrappers,
)
from tests.cases.case import Case as Case
from tests.cases.case import Variant as Variant
from tests.cases.models import array as array
from tests.cases.models import build as build
from tests.cases.models import spec as spec
from tests.cases.models import tapped as tapped

DECLARES_INPUT = {"input_shape", "batch_input_shape", "input_dim", "input_length"}

FAMILIES = (
    advanced_activations,
    beyond_keras,
    convolution,
    core,
    dense,
    embedding,
    local,
    merge,
    normalization,
    pooling,
    recurrent,
    resizing,
    wrappers,
)
CASES = tuple(
    sorted(
        (case for family in FAMILIES for case in family.CASES),
        key=lambda case: [*LAYERS, case.layer].index(case.layer),
    )
)
"""In the order of the registry; a case of a layer that it does not have comes last."""

ROWS = [
    (case, variant) for case in CASES for variant in (None, *case.variants)
    if variant is None or not variant.refused
]  # fmt: skip
"""Each case by itself and with each of its variants that a spec may hold."""


def row_id(value: object) -> str:
    """A readable test id of a row's part."""
    if isinstance(value, Case):
        return value.layer
    if isinstance(value, Variant):
        shown = json.dumps(value.value).replace('"', "")
        return f"{value.argument}={shown if len(shown) < 40 else '..'}"
    return "base"


def variant_layers(case: Case, variant: Variant | None) -> tuple[list[dict[str, Any]], Any]:
    """The layers and the header's input shape of a case, with a variant or without."""
    shape: Any = case.input_shape
    if variant is None:
        return case.layers(), shape
    declares = variant.argument in DECLARES_INPUT or "input_shape" in variant.given
    if declares and not variant.refused:
        shape = None
    return case.layers(**{**variant.given, variant.argument: variant.value}), shape


def without(case: Case, variant: Variant) -> tuple[list[dict[str, Any]], Any]:
    """What a variant is compared with: the case, and what is given on both sides."""
    layers = case.layers(**variant.given)
    return layers, None if "input_shape" in variant.given else case.input_shape
