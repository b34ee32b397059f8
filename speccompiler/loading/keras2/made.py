"""A layer of the form that is written: its type, its arguments, and what it is beside others."""

from __future__ import annotations

from collections.abc import Callable

from speccompiler.frozen import dataclass
from speccompiler.loading.keras2.reading import Reading
from speccompiler.source.tree import Mapping


@dataclass(frozen=True, slots=True)
class Made:
    """One of the layers that a layer of Keras 2 or 3 becomes; the one that bears its name has no
    ``suffix``. ``unknown`` says that it is a class which convspec does not have.
    """

    kind: str
    config: Mapping
    suffix: str = ""
    unknown: bool = False


Special = Callable[[Reading, str, Mapping], list[Made]]
"""Gives the layers for a class of Keras 2 and its arguments, those of every layer renamed."""
