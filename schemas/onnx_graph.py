"""What lowering needs of an ONNX file beside its layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """The nodes of a file in an order in which they can be computed, and what they are called."""

    model: Any
    """The file (``files.onnx.model.OnnxModel``)."""
    nodes: tuple[Any, ...]
    inputs: tuple[str, ...]
    """The names of the inputs, as in the file."""
    axes: Mapping[str, int]
    """The axis of an input that counts samples."""
    lengths: Mapping[str, tuple[int | str | None, ...]]
    """The lengths of a sample of each input, by the name of its layer; open ones by their names."""
    places: Mapping[int, tuple[tuple[int, str], ...]]
    """The outputs of each node that are layers, and the layers; by the node's number."""
    called: Mapping[str, str]
    """The layer of each value."""
