"""The tensors of a file, layer by layer or one after the other."""

from __future__ import annotations

import re

from speccompiler.frozen import dataclass

_VARIABLE = re.compile(r":[0-9]+$")


def without_variable_number(name: str) -> str:
    """A tensor's name without the ``:0`` that TensorFlow puts behind it."""
    return _VARIABLE.sub("", name)


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """The tensors of one layer in a file: what each is to the layer, and its key in the file.

    What it is to the layer (``W``) is None where the file has only numbers.
    """

    name: str
    tensors: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True, slots=True)
class InOneRow:
    """Keys of tensors that follow one another as ``get_weights()`` gives them."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InGroups:
    """Tensors layer by layer; ``named`` where the groups are named as layers of the model."""

    groups: tuple[LayerGroup, ...]
    named: bool = False
