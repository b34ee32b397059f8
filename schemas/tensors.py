"""The tensors that a layer stores, and which of its arguments are about each."""

from __future__ import annotations

from typing import Literal, NamedTuple


class StoredTensor(NamedTuple):
    """How a tensor is drawn where no weights are given, and what may judge it.

    ``init`` names the argument that says how it is drawn, ``drawn`` an initialiser where no
    argument does, ``scale`` an argument whose number it is multiplied by. ``fans`` says what
    feeds a value of it.
    """

    init: str | None = None
    drawn: str = "zero"
    scale: str | None = None
    fans: Literal["kernel", "depthwise", "local", "stacked", "elementwise"] = "kernel"
    regularizer: str | None = None
    constraint: str | None = None
    part: tuple[int, int] | None = None
    """Which of how many equal parts of the last axis is drawn, the others being 0; None: all."""
    trainable: bool = True
    """Whether training by gradients changes it; else it is counted as not trainable, as
    Keras's summary does."""
