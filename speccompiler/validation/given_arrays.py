"""The arrays of a call, read as files are: each checked against the input that it is given for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.caller_arrays import Array, as_array
from speccompiler.arrays.npy_input import from_array
from speccompiler.diagnostics.core import about
from speccompiler.graph.ir import Node
from speccompiler.validation.input_checks import check_array


def called(names: Sequence[str]) -> list[str]:
    """What findings about the arrays of these inputs call them."""
    return ["the array"] if len(names) == 1 else [f"input '{name}'" for name in names]


def given_arrays(
    given: Sequence[Any], names: Sequence[str], inputs: Sequence[Node], out: Sequence[Array] | None
) -> list[ArrayInput]:
    """The arrays of inputs that are called ``names``; a copy of what shares memory with ``out``.

    Raises ``SpecError``: CS113 to CS115 for what no run takes, CS116 to CS119 for what does not fit
    the model.
    """
    sources = []
    for x, name, node in zip(given, names, inputs, strict=True):
        with about(name):
            source = from_array(as_array(x), name)
            check_array(node.shape, source.shape)
            if out is not None and any(np.may_share_memory(x, y) for y in out):
                source = from_array(np.array(x), name)
            sources.append(source)
    return sources
