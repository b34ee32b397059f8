"""Makes the functions that a step calls callable: the values of its ``f``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.nodes import Expression
from speccompiler.kernels.cpu import functions as places
from speccompiler.kernels.cpu.codegen.activation_text import activation_text, constants_of
from speccompiler.kernels.cpu.codegen.register_tile import product_tile_text, tile_text
from speccompiler.kernels.cpu.functions import Finish, Functions
from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel

Text = tuple[str, str]
"""A kernel's name and text."""


class StepFunctions:
    """``values`` are a step's ``f``. They name memory that lives as long as this object."""

    def __init__(self, wanted: Functions, lanes: int) -> None:
        self.values = np.zeros(places.LENGTH, np.int64)
        self._lanes = lanes
        self._constants: list[npt.NDArray[np.float32]] = []
        self.values[places.TOP] = np.float32(wanted.own.top).view(np.int32)
        self._set(wanted.own, places.RELU, places.ACTIVATION, places.CONSTANTS)
        self.values[places.ADDS] = wanted.adds
        self._set(wanted.total, places.SUM_RELU, places.SUM_ACTIVATION, places.SUM_CONSTANTS)
        if wanted.tile:
            self.values[places.TILE] = load_kernel(*_tile(wanted, lanes)).address

    def _set(self, finish: Finish, relu: int, activation: int, constants: int) -> None:
        self.values[relu] = finish.relu
        if finish.activation is not None:
            kept = np.array(constants_of(finish.activation), np.float32)
            self._constants.append(kept)
            text = _activation(finish.activation, self._lanes)
            self.values[activation] = load_kernel(*text).address
            self.values[constants] = kept.ctypes.data


def texts_of(wanted: Functions, lanes: int) -> Iterator[Text]:
    """The texts that the functions are compiled from."""
    for finish in (wanted.own, wanted.total):
        if finish.activation is not None:
            yield _activation(finish.activation, lanes)
    if wanted.tile:
        yield _tile(wanted, lanes)


def _activation(expression: Expression, lanes: int) -> Text:
    return "activation", activation_text(expression, lanes)


def _tile(wanted: Functions, lanes: int) -> Text:
    return "tile", (product_tile_text if wanted.products else tile_text)(lanes)
