"""What is known of an HDF5 file, all of it as plain data that can be sent as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from speccompiler.files.tensor_info import StoredLayer, TensorInfo
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where the numbers of a tensor lie in the file, in one piece and as they are."""

    offset: int
    dtype: str
    """NumPy's text, with the order of the bytes."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The names and texts of an HDF5 file; no numbers."""

    tensors: Mapping[str, TensorInfo]
    links: Mapping[str, str]
    """What each soft or external link leads to, by its path."""
    places: Mapping[str, Place]
    """Where the numbers lie of each tensor that can be read without the library."""
    layers: tuple[StoredLayer, ...] | None
    """The layers in Keras's order; None where the file does not list them."""
    model_config: str | None
    keras_version: str | None
    backend: str | None = None
    """What Keras 2 and later computed on, which decides how kernels are applied."""

    def to_data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @staticmethod
    def of(data: Any) -> Contents:
        """What ``to_data`` gave."""
        layers = data["layers"]
        return Contents(
            {n: TensorInfo(n, tuple(t["shape"]), t["dtype"]) for n, t in data["tensors"].items()},
            data["links"],
            {name: Place(**place) for name, place in data["places"].items()},
            None
            if layers is None
            else tuple(
                StoredLayer(e["name"], tuple((n, key) for n, key in e["tensors"])) for e in layers
            ),
            data["model_config"],
            data["keras_version"],
            data["backend"],
        )


@dataclass(frozen=True, slots=True)
class StoredArray:
    """A dataset as an array to run over; of any type and size."""

    name: str
    shape: tuple[int, ...] | None
    """None for a dataset without a shape."""
    dtype: str | None
    """NumPy's text; None for fields, and "text" or "references" for what NumPy has no type for."""
    chunks: tuple[int, ...] | None
    offset: int | None
    """Where the numbers lie in the file in one piece and as they are; None where they do not."""
    elsewhere: bool
    """Whether the numbers are in another file."""

    @staticmethod
    def of(data: Any) -> StoredArray:
        """What ``asdict`` gave, by way of JSON."""
        tuples = {
            key: None if data[key] is None else tuple(data[key]) for key in ("shape", "chunks")
        }
        return StoredArray(**{**data, **tuples})
