"""Models for tests: the text of a native spec, and what is built of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.ir import Graph
from speccompiler.model import Model, check
from speccompiler.source.texts import parse_document


def spec(layers: Sequence[Mapping[str, Any]], input_shape: Any = None, **header: Any) -> str:
    """The text of a native spec, with channels last unless the header says otherwise."""
    shape = {} if input_shape is None else {"input_shape": input_shape}
    head = {"convspec": 1, **shape, "dim_ordering": "tf", **header}
    return json.dumps({**head, "layers": list(layers)})


def build(
    layers: Sequence[Mapping[str, Any]],
    input_shape: Any = None,
    *,
    weights: Any = None,
    **header: Any,
) -> Model:
    """A model from its layers; raises ``SpecError``. Random weights unless told otherwise."""
    header.setdefault("seed", 1)
    model, found = check(
        parse_document(spec(layers, input_shape, **header), "t.json"), weights=weights
    )
    if model is None:
        raise SpecError(found)
    return model


def tapped(model: Model, layers: Sequence[str]) -> Graph:
    """The lowered graph with more layers as outputs."""
    extra = tuple(name for name in layers if name not in model.graph.outputs)
    return replace(model.graph, outputs=(*model.graph.outputs, *extra))


def array(*shape: int, seed: int = 0) -> list[Any]:
    """Inline numbers in [-1, 1] of this shape."""
    values: list[Any] = np.random.default_rng(seed).uniform(-1, 1, shape).round(3).tolist()
    return values
