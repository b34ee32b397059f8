"""What is measured: networks and single layers, and the ratio each has to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conv:
    """Correlation with bias and relu; zeros on both sides of every axis."""

    filters: int
    size: int = 3
    stride: int = 1
    padding: int | None = None
    """None: ``size // 2``, which keeps the lengths at stride 1 and odd sizes."""

    @property
    def pad(self) -> int:
        """Zeros before, and after, each axis."""
        return self.size // 2 if self.padding is None else self.padding


@dataclass(frozen=True, slots=True)
class Pool:
    """Windows that lie inside the image."""

    size: int = 2
    stride: int = 2
    kind: Literal["max", "average"] = "max"


@dataclass(frozen=True, slots=True)
class Up:
    """Every pixel repeated along every axis."""

    size: int = 2


@dataclass(frozen=True, slots=True)
class Dense:
    """All values of a sample, then a matrix product, bias and activation."""

    outputs: int
    activation: Literal["relu", "softmax"] = "relu"


Layer = Conv | Pool | Up | Dense


@dataclass(frozen=True, slots=True)
class Case:
    """A chain of layers over a batch."""

    name: str
    layers: tuple[Layer, ...]
    shape: Shape
    """Samples, channels, lengths: as the runtimes that put channels first want it."""
    bar: float | None = None
    """At least this: best peer's time / ours."""
    network: bool = False

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.shape) - 2


def _vgg_block(filters: int, convolutions: int) -> tuple[Layer, ...]:
    return (*[Conv(filters)] * convolutions, Pool())


VGG = (
    *_vgg_block(64, 2),
    *_vgg_block(128, 2),
    *_vgg_block(256, 3),
    *_vgg_block(512, 3),
    *_vgg_block(512, 3),
)
"""Simonyan and Zisserman, 2014, configuration D, without its Dense layers."""
VGG_WHOLE = (*VGG, Dense(4096), Dense(4096), Dense(1000, "softmax"))
ALEXNET = (
    Conv(64, 11, stride=4, padding=2),
    Pool(3, 2),
    Conv(192, 5),
    Pool(3, 2),
    Conv(384),
    Conv(256),
    Conv(256),
    Pool(3, 2),
)
FCN = (
    *(Conv(32), Conv(32), Pool()),
    *(Conv(64), Conv(64), Pool()),
    *(Conv(128), Conv(128), Up()),
    *(Conv(64), Conv(64), Up()),
    *(Conv(32), Conv(32), Conv(1, 1)),
)
C3D = (
    *(Conv(64), Pool(), Conv(128), Pool()),
    *(Conv(256), Conv(256), Pool()),
    *(Conv(512), Conv(512)),
)
CONV1D = (Conv(128, 7), Conv(128), Pool(), Conv(256), Conv(256), Pool(), Conv(256))
LENET = (
    *(Conv(20, 5, padding=0), Pool(), Conv(50, 5, padding=0), Pool()),
    *(Dense(500), Dense(10, "softmax")),
)


def _network(name: str, layers: tuple[Layer, ...], shape: Shape, bar: float | None = None) -> Case:
    return Case(name, layers, shape, bar, network=True)


def _layer(name: str, layer: Layer, shape: Shape, bar: float | None = None) -> Case:
    return Case(name, (layer,), shape, bar)


NETWORKS = (
    _network("vgg16-conv 3x224x224 b1", VGG, (1, 3, 224, 224), 2.3),
    _network("vgg16-conv 3x224x224 b8", VGG, (8, 3, 224, 224), 2.3),
    _network("alexnet-conv 3x224x224 b8", ALEXNET, (8, 3, 224, 224), 1.4),
    _network("fcn 3x256x256 b1", FCN, (1, 3, 256, 256), 1.8),
    _network("c3d 3x16x112x112 b1", C3D, (1, 3, 16, 112, 112), 1.6),
    _network("conv1d 64x1000 b32", CONV1D, (32, 64, 1000), 1.3),
    _network("lenet 1x28x28 b1", LENET, (1, 1, 28, 28), 1.0),
)

LAYERS = (
    _layer("conv3x3 64-64 56x56", Conv(64), (1, 64, 56, 56), 1.0),
    _layer("conv3x3 256-256 28x28", Conv(256), (1, 256, 28, 28), 1.0),
    _layer("conv3x3 512-512 14x14", Conv(512), (1, 512, 14, 14), 1.0),
    _layer("conv1x1 256-256 56x56", Conv(256, 1), (1, 256, 56, 56), 1.0),
    _layer("conv5x5 64-64 56x56", Conv(64, 5), (1, 64, 56, 56), 1.0),
    _layer("conv3x3/2 64-128 112x112", Conv(128, stride=2), (1, 64, 112, 112), 1.0),
    _layer("maxpool2 64 224x224", Pool(), (1, 64, 224, 224), 1.0),
    _layer("avgpool2 64 224x224", Pool(kind="average"), (1, 64, 224, 224), 1.0),
    _layer("up2 64 112x112", Up(), (1, 64, 112, 112), 1.0),
)

EDGES = (
    _layer("conv3x3 256-256 27x27", Conv(256), (1, 256, 27, 27)),
    _layer("conv3x3 384-256 13x13", Conv(256), (1, 384, 13, 13)),
    _layer("conv3x3 512-512 7x7", Conv(512), (1, 512, 7, 7)),
    _layer("conv3x3 256-256 1x1", Conv(256), (1, 256, 1, 1)),
    _layer("conv1x1 512-512 1x1", Conv(512, 1), (1, 512, 1, 1)),
    _layer("conv3x3 3-64 224x224", Conv(64), (1, 3, 224, 224)),
    _layer("conv3x3 17-17 56x56", Conv(17), (1, 17, 56, 56)),
    _layer("conv3x3 100-100 56x56", Conv(100), (1, 100, 56, 56)),
    _layer("maxpool3/2 100 27x27", Pool(3, 2), (1, 100, 27, 27)),
)
"""Sizes that do not divide into the kernels' tiles. No bar; a cliff would show."""

CASES = (*NETWORKS, *LAYERS, *EDGES)

SMALL_BATCH = _network("vgg16-conv 3x224x224 b8", VGG, (8, 3, 224, 224))
LARGE_BATCH = _network("vgg16-conv 3x224x224 b64", VGG, (64, 3, 224, 224))
SCALING_BAR = 8.2
"""At most this: time of ``LARGE_BATCH`` / time of ``SMALL_BATCH``."""

PROCESS_CASES = (
    _network("vgg16 3x224x224 b1", VGG_WHOLE, (1, 3, 224, 224), 1.0),
    _network("vgg16-conv 3x224x224 b1", VGG, (1, 3, 224, 224)),
)
"""Run as whole processes, from files to a file; the bar is on the second run."""
MEMORY_CASES = (*NETWORKS, PROCESS_CASES[0])


def chosen(cases: tuple[Case, ...], words: tuple[str, ...]) -> tuple[Case, ...]:
    """Those whose name holds one of the words; all of them without words."""
    return tuple(c for c in cases if not words or any(word in c.name for word in words))
