"""Shapes and reports of small models, and a 1-D convolution."""

from __future__ import annotations

from speccompiler.graph.shapes import format_shape
from tests.cases import build


def report(layers, shape, **header):
    return build(layers, shape, **header).shapes()


def shapes_of(layers, shape, **header):
    return [format_shape(layer.output_shape) for layer in report(layers, shape, **header).layers]


def conv1d(k, s, mode):
    return {"type": "Convolution1D", "nb_filter": 1, "filter_length": k, "subsample_length": s,
            "border_mode": mode, "init": "one"}  # fmt: skip
