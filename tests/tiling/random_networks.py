"""Random convolutional networks: chains, branches that meet, several inputs and outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import speccompiler
from speccompiler.diagnostics.core import SpecError
from speccompiler.model import Model

Layer = dict[str, Any]
MOST_VALUES = 40_000
KERNELS = {1: ["filter_length"], 2: ["nb_row", "nb_col"],
           3: ["kernel_dim1", "kernel_dim2", "kernel_dim3"]}  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A model as a text, its inputs' shapes, and how it is cut."""

    spec: dict[str, Any]
    tile: tuple[int, ...]
    layers: tuple[str, ...]
    """Taps."""
    seed: int

    def model(self) -> Model:
        return speccompiler.loads(json.dumps(self.spec))

    def arrays(self, samples: int = 2) -> list[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        shapes = [node.shape for node in self.model().graph.inputs]
        return [rng.uniform(-1, 1, (samples, *shape)).astype(np.float32) for shape in shapes]


class _Growing:
    """A spec to which layers are appended as long as they fit."""

    def __init__(self, draw: Any) -> None:
        self.pick: Callable[..., Any] = lambda *options: draw(st.sampled_from(options))
        self.whole: Callable[[int, int], int] = lambda low, high: draw(st.integers(low, high))
        self.rank = self.pick(1, 2, 2, 3)
        self.ordering = "tf" if self.rank == 1 else self.pick("th", "tf")
        low, high = {1: (20, 90), 2: (12, 36), 3: (8, 14)}[self.rank]
        spatial = [self.whole(low, high) for _ in range(self.rank)]
        self.inputs = {"a": self.shaped(spatial, self.pick(1, 3, 16))}
        self.layers: list[Layer] = []
        self.last = "a"
        self.semantics = self.pick("tensorflow", "theano")

    def shaped(self, spatial: list[int], channels: int) -> list[int]:
        return [channels, *spatial] if self.ordering == "th" else [*spatial, channels]

    @property
    def spec(self) -> dict[str, Any]:
        return {
            "convspec": 1, "semantics": self.semantics, "seed": 1, "dim_ordering": self.ordering,
            "inputs": self.inputs, "layers": self.layers,
        }  # fmt: skip

    def shape(self) -> list[int]:
        """Of the last value."""
        if not self.layers:
            return self.inputs["a"]
        model = speccompiler.loads(json.dumps(self.spec))
        return [*map(int, model.graph.by_name()[self.last].shape)]

    def add(self, *layers: Layer, inputs: dict[str, list[int]] | None = None) -> bool:
        """All of some layers, if they fit; the last has the value that goes on."""
        before = self.layers, self.last, self.inputs
        self.layers = [*self.layers]
        self.inputs = self.inputs | (inputs or {})
        for layer in layers:
            name = layer.get("name", f"l{len(self.layers)}")
            self.layers.append({"inputs": self.last} | layer | {"name": name})
            self.last = name
        try:
            model = speccompiler.loads(json.dumps(self.spec))
        except SpecError:
            self.layers, self.last, self.inputs = before
            return False
        if any(math.prod(map(int, n.shape)) > MOST_VALUES or 0 in n.shape for n in model.graph):
            self.layers, self.last, self.inputs = before
            return False
        return True

    # Single layers.

    def some(self, *lengths: int) -> list[int]:
        return [self.pick(*lengths) for _ in range(self.rank)]

    def windows(self, names: list[str], lengths: list[int]) -> Layer:
        return dict(zip(names, lengths, strict=True))

    def conv(self, border: str | None = None, filters: int | None = None) -> Layer:
        stride = self.some(1) if border else self.some(1, 1, 2, 3)
        layer = {
            "type": f"Convolution{self.rank}D",
            "nb_filter": filters or self.pick(3, 4, 17, 20),
            **self.windows(KERNELS[self.rank], self.some(1, 2, 3, 3, 5)),
            "border_mode": border or self.pick("valid", "same", "full"),
            "activation": self.pick("linear", "relu", "tanh"),
            "bias": self.pick(True, False),
        }
        if not border and self.pick(True, False, False):
            rate = self.some(1, 2)
            layer |= {"atrous_rate": rate[0] if self.rank == 1 else rate}
            layer |= {"groups": self.pick(1, 4)}
        return layer | (
            {"subsample_length": stride[0]} if self.rank == 1 else {"subsample": stride}
        )

    def pool(self, border: str | None = None) -> Layer:
        size, stride = self.some(1, 2, 2, 3, 4), self.some(1) if border else self.some(1, 2, 3)
        layer = {
            "type": self.pick("Max", "Average") + f"Pooling{self.rank}D",
            "border_mode": border or self.pick("valid", "same"),
        }
        if self.rank == 1:
            return layer | {"pool_length": size[0], "stride": stride[0]}
        return layer | {"pool_size": size, "strides": stride}

    def up(self, *factors: int) -> Layer:
        sizes = self.some(*factors)
        own = {"length": sizes[0]} if self.rank == 1 else {"size": sizes}
        return {"type": f"UpSampling{self.rank}D", **own}

    def pad(self) -> Layer:
        count = {1: 2, 2: self.pick(2, 4), 3: 3}[self.rank]
        most = self.pick(3, 3, 3, 20)
        padding = [self.whole(0, most) for _ in range(count)]
        return {"type": f"ZeroPadding{self.rank}D", "padding": padding}

    def crop(self, sides: tuple[int, int] | None = None) -> Layer:
        cut = [[*(sides or (self.whole(0, 3), self.whole(0, 3)))] for _ in range(self.rank)]
        return {"type": f"Cropping{self.rank}D", "cropping": cut[0] if self.rank == 1 else cut}

    def dilated(self, border: str | None = None, filters: int | None = None) -> Layer:
        layer = {
            "type": f"AtrousConvolution{self.rank}D",
            "nb_filter": filters or self.pick(4, 16),
            **self.windows(KERNELS[self.rank], self.some(2, 3)),
            "border_mode": border or self.pick("valid", "same"),
        }
        rate = self.some(1, 2, 3)
        return layer | {"atrous_rate": rate[0] if self.rank == 1 else rate}

    def separable(self) -> Layer:
        return {
            "type": "SeparableConvolution2D", "nb_filter": self.pick(4, 16), "nb_row": 3,
            "nb_col": self.pick(1, 3), "depth_multiplier": self.pick(1, 2),
            "subsample": [self.pick(1, 2)] * 2, "border_mode": self.pick("valid", "same"),
        }  # fmt: skip

    def depthwise(self) -> Layer:
        return {
            "type": "DepthwiseConvolution2D", "nb_row": 3, "nb_col": self.pick(1, 3),
            "depth_multiplier": self.pick(1, 1, 2), "subsample": [self.pick(1, 2)] * 2,
            "border_mode": self.pick("valid", "same"), "atrous_rate": self.some(1, 2),
            "activation": self.pick("linear", "relu6", "tanh"),
        }  # fmt: skip

    def transposed(self) -> Layer:
        """Deconvolution2D, which says its output's lengths."""
        stride, kernel = self.some(1, 2, 3), self.some(2, 3, 4)
        shape = self.shape()
        spatial = shape[1:] if self.ordering == "th" else shape[:-1]
        mode, filters = self.pick("valid", "same"), self.pick(3, 4)
        out = [
            (n - 1) * s + (k if mode == "valid" else 1)
            for n, s, k in zip(spatial, stride, kernel, strict=True)
        ]
        return {
            "type": "Deconvolution2D", "nb_filter": filters, "nb_row": kernel[0],
            "nb_col": kernel[1], "subsample": stride, "border_mode": mode,
            "output_shape": [None, *self.shaped(out, filters)],
        }  # fmt: skip

    def by_value(self) -> Layer:
        axes = range(2, self.rank + 2) if self.ordering == "th" else range(1, self.rank + 1)
        return self.pick(
            {"type": "Activation", "activation": "elu"},
            {"type": "Activation", "activation": {"expr": "x * sigmoid(x)"}},
            {"type": "BatchNormalization", "axis": 1 if self.ordering == "th" else -1},
            {"type": "PReLU", "shared_axes": [*axes]},
            {"type": "Dropout", "p": 0.5},
        )

    def resize(self) -> Layer:
        ways = {"interpolation": self.pick("nearest", "bilinear")}
        if self.pick(True, False):
            return {"type": "UpSampling2D", "size": [self.pick(1, 2), self.pick(2, 4)], **ways}
        return {"type": "Resize", "factor": [self.pick(1, 2), self.pick(2, 4)], **ways}

    def one(self) -> list[Layer]:
        kinds: list[Callable[[], Layer]] = [
            self.conv, self.conv, self.conv, self.pool, self.pool, lambda: self.up(1, 2, 2, 3),
            self.pad, self.crop, self.by_value, self.by_value,
        ]  # fmt: skip
        if self.rank < 3:
            kinds.append(self.dilated)
        if self.rank == 2:
            kinds += [self.separable, self.depthwise, self.transposed, self.resize]
        if self.ordering == "tf":
            kinds.append(lambda: {"type": "Dense", "output_dim": self.pick(3, 16)})
        return [self.pick(*kinds)()]

    # Branches.

    def merged(self, *branches: str) -> Layer:
        axis = 1 if self.ordering == "th" else -1
        mode = self.pick("sum", "concat", "max", "ave", "mul")
        return {"type": "Merge", "mode": mode, "concat_axis": axis, "inputs": [*branches]}

    def channels(self) -> int:
        return self.shape()[0 if self.ordering == "th" else -1]

    def residual(self) -> list[Layer]:
        """Two ways of different reach, of one shape."""
        start, n, channels = self.last, len(self.layers), self.channels()
        first = self.pick(self.conv, self.dilated if self.rank < 3 else self.conv)
        one = [first("same", channels) | {"name": f"l{n}", "inputs": start}]
        other = self.pick(None, self.pool("same"), self.conv("same", channels))
        if other is None:
            return [*one, self.merged(start, f"l{n}") | {"name": f"l{n + 1}"}]
        other = other | {"name": f"l{n + 1}", "inputs": start}
        return [*one, other, self.merged(f"l{n}", f"l{n + 1}") | {"name": f"l{n + 2}"}]

    def valid_residual(self) -> list[Layer]:
        """Beside a window without padding, what is cropped."""
        start, n = self.last, len(self.layers)
        conv = self.conv("valid", self.channels())
        conv |= self.windows(KERNELS[self.rank], [3] * self.rank)
        crop = self.crop(self.pick((1, 1), (0, 2)))
        return [
            conv | {"name": f"l{n}", "inputs": start},
            crop | {"name": f"l{n + 1}", "inputs": start},
            self.merged(f"l{n + 1}", f"l{n}") | {"name": f"l{n + 2}"},
        ]

    def skip(self) -> list[Layer]:
        """Down, up, and beside it the way straight on."""
        start, n = self.last, len(self.layers)
        twos = {"pool_length": 2} if self.rank == 1 else {"pool_size": [2] * self.rank}
        return [
            {"type": f"MaxPooling{self.rank}D", **twos, "name": f"l{n}", "inputs": start},
            self.conv("same", self.channels()) | {"name": f"l{n + 1}", "inputs": f"l{n}"},
            self.up(2) | {"name": f"l{n + 2}", "inputs": f"l{n + 1}"},
            self.merged(start, f"l{n + 2}") | {"name": f"l{n + 3}"},
        ]

    def second_input(self) -> bool:
        n = len(self.layers)
        if "b" in self.inputs:
            return False
        other = self.conv("same", self.channels()) | {"name": f"l{n}", "inputs": "b"}
        return self.add(
            other,
            self.merged(self.last, f"l{n}") | {"name": f"l{n + 1}"},
            inputs={"b": self.shape()},
        )


@st.composite
def networks(draw: Any, branches: bool = False) -> Network:
    """A network that has at least one layer, and a tile for it."""
    growing = _Growing(draw)
    for _ in range(growing.whole(1, 5)):
        kind = growing.pick("one", "residual", "valid", "skip", "input") if branches else "one"
        if kind == "input":
            growing.second_input()
        else:
            more = {
                "one": growing.one, "residual": growing.residual, "valid": growing.valid_residual,
                "skip": growing.skip,
            }[kind]  # fmt: skip
            growing.add(*more())
    if not growing.layers:
        growing.add({"type": "Activation", "activation": "relu"})
    tile = tuple(growing.some(1, 2, 5, 8, 16, 32))
    names = [layer["name"] for layer in growing.layers]
    taps = (growing.pick(*names),) if growing.pick(True, False) else ()
    return Network(growing.spec, tile, taps, growing.whole(0, 2**32 - 1))
