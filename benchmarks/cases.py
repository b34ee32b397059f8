"""What is measured: networks and single layers, and the ratio each has to reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conv:
    """Correlation with bias, and relu unless told; zeros on both sides of every axis."""

    filters: int
    size: int = 3
    stride: int = 1
    padding: int | None = None
    """None pads by half the window, which keeps the lengths at stride 1 and odd sizes."""
    dilation: int = 1
    normalized: bool = False
    """Followed by a batch normalisation, before the activation."""
    relu: bool = True
    elu: bool = False
    """An elu in the place of the relu."""
    most: int | None = None
    """The largest value of the relu: relu6 for 6."""
    groups: int = 1
    """Equal parts of the channels, each with filters of its own; as many as channels make it a
    depthwise convolution."""

    @property
    def pad(self) -> int:
        """Zeros before, and after, each axis."""
        return self.dilation * (self.size // 2) if self.padding is None else self.padding


@dataclass(frozen=True, slots=True)
class Separable:
    """A kernel for each channel, padded by half its size; then all channels to all filters.

    With bias and relu at the end, and nothing in between.
    """

    filters: int
    size: int = 3
    stride: int = 1


@dataclass(frozen=True, slots=True)
class Pool:
    """Windows that lie inside the image, or all that begin in it."""

    size: int = 2
    stride: int = 2
    kind: Literal["max", "average"] = "max"
    same: bool = False
    """``ceil(length / stride)`` windows: what hangs over the ends counts for nothing."""


@dataclass(frozen=True, slots=True)
class Up:
    """Every pixel repeated along every axis."""

    size: int = 2


@dataclass(frozen=True, slots=True)
class Dense:
    """All values of a sample, then a matrix product, bias and activation."""

    outputs: int
    activation: Literal["relu", "softmax", "sigmoid"] = "relu"


@dataclass(frozen=True, slots=True)
class Squeeze:
    """The first axis of lengths, of which one value is left, goes."""


@dataclass(frozen=True, slots=True)
class Recurrent:
    """Steps along the only axis of lengths; tanh, and sigmoid for the gates.

    The reset gate of a GRU comes after its matrix product, as torch has it.
    """

    cell: Literal["lstm", "gru"]
    units: int
    sequences: bool = True
    """Whether every step's output is given, or only that of the last."""

    @property
    def gates(self) -> int:
        """Matrix products of a step: i, f, c, o, or z, r, h."""
        return 4 if self.cell == "lstm" else 3


@dataclass(frozen=True, slots=True)
class ConvLstm:
    """Steps along the first of three axes of lengths, states that are images; every output."""

    filters: int
    size: int = 3
    gates = 4


@dataclass(frozen=True, slots=True)
class Branches:
    """Chains that all read one value, joined along the channels, or added up.

    A chain without layers is the value itself.
    """

    join: Literal["concat", "sum"]
    chains: tuple[tuple[Layer, ...], ...]
    relu: bool = True
    """Whether a sum is followed by one."""


Layer = Conv | Separable | Pool | Up | Dense | Squeeze | Recurrent | ConvLstm | Branches


@dataclass(frozen=True, slots=True)
class Case:
    """A chain of layers, some of them branches, over a batch."""

    name: str
    layers: tuple[Layer, ...]
    shape: Shape
    """Samples, channels, lengths: as the runtimes that put channels first want it."""
    bar: float | None = None
    """At least this: best peer's time / ours."""
    network: bool = False
    planes: bool = False
    """Whether everybody is given, and gives back, arrays with their channels first."""

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.shape) - 2

    @property
    def steps_first(self) -> bool:
        """Whether peers read and write steps, samples, channels: what their kernels want."""
        return isinstance(self.layers[0], Recurrent)

    @property
    def images_over_time(self) -> bool:
        """Whether peers read and write samples, steps, channels, lengths."""
        return isinstance(self.layers[0], ConvLstm)


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


def _bottlenecks(filters: int, count: int, stride: int = 1) -> tuple[Layer, ...]:
    """Residual blocks; the first has a convolution on its shortcut, and the strides."""

    def block(first: int, shortcut: tuple[Layer, ...]) -> Branches:
        chain = (
            Conv(filters, 1, first, normalized=True, padding=0),
            Conv(filters, normalized=True),
            Conv(4 * filters, 1, normalized=True, relu=False),
        )
        return Branches("sum", (chain, shortcut))

    projection = Conv(4 * filters, 1, stride, padding=0, normalized=True, relu=False)
    return (block(stride, (projection,)), *[block(1, ())] * (count - 1))


RESNET = (
    *(Conv(64, 7, stride=2, normalized=True), Pool(3, 2)),
    *_bottlenecks(64, 3),
    *_bottlenecks(128, 4, stride=2),
    *_bottlenecks(256, 6, stride=2),
    *_bottlenecks(512, 3, stride=2),
    *(Pool(7, 7, "average"), Dense(1000, "softmax")),
)
"""He and others, 2015: the 50 layers, as Keras has them."""


def _inception(one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> Branches:
    def conv(filters: int, size: int = 1) -> Conv:
        return Conv(filters, size, normalized=True)

    chains = (
        (conv(one),),
        (conv(three[0]), conv(three[1], 3)),
        (conv(five[0]), conv(five[1], 5)),
        (Pool(3, 1, same=True), conv(pool)),
    )
    return Branches("concat", chains)


INCEPTION = (
    *(Conv(64, 7, stride=2, normalized=True), Pool(3, 2, same=True)),
    *(Conv(64, 1, normalized=True), Conv(192, normalized=True), Pool(3, 2, same=True)),
    _inception(64, (96, 128), (16, 32), 32),
    _inception(128, (128, 192), (32, 96), 64),
    Pool(3, 2, same=True),
    _inception(192, (96, 208), (16, 48), 64),
    _inception(160, (112, 224), (24, 64), 64),
    _inception(128, (128, 256), (24, 64), 64),
    _inception(112, (144, 288), (32, 64), 64),
    _inception(256, (160, 320), (32, 128), 128),
    Pool(3, 2, same=True),
    _inception(256, (160, 320), (32, 128), 128),
    _inception(384, (192, 384), (48, 128), 128),
    *(Pool(7, 7, "average"), Dense(1000, "softmax")),
)
"""Szegedy and others, 2014 (GoogLeNet), with normalisation after each convolution and for both
of its local response normalisations."""


def _fire(squeezed: int, expanded: int) -> tuple[Layer, ...]:
    wide = Branches("concat", ((Conv(expanded, 1),), (Conv(expanded),)))
    return (Conv(squeezed, 1), wide)


SQUEEZENET = (
    *(Conv(64, 3, stride=2, padding=0), Pool(3, 2), *_fire(16, 64), *_fire(16, 64)),
    *(Pool(3, 2), *_fire(32, 128), *_fire(32, 128)),
    *(Pool(3, 2), *_fire(48, 192), *_fire(48, 192), *_fire(64, 256), *_fire(64, 256)),
    *(Conv(1000, 1), Pool(13, 13, "average")),
)
"""Iandola and others, 2016: version 1.1, without its softmax."""


MOBILENET: tuple[Layer, ...] = (
    Conv(32, stride=2),
    *(Separable(64), Separable(128, stride=2), Separable(128), Separable(256, stride=2)),
    *(Separable(256), Separable(512, stride=2), *[Separable(512)] * 5),
    *(Separable(1024, stride=2), Separable(1024), Pool(7, 7, "average"), Dense(1000, "softmax")),
)
"""Howard and others, 2017: version 1, as Keras 1.x's own separable layers can write it, with
nothing between the two convolutions of each."""


def _relu6(filters: int, size: int = 3, stride: int = 1, groups: int = 1) -> Conv:
    return Conv(filters, size, stride, normalized=True, most=6, groups=groups)


def _mobile(channels: int, filters: int, stride: int = 1) -> tuple[Layer, ...]:
    """A depthwise convolution, then one of all channels, each normalised, with relu6."""
    return (_relu6(channels, 3, stride, channels), _relu6(filters, 1))


MOBILENET_V1: tuple[Layer, ...] = (
    _relu6(32, stride=2),
    *(*_mobile(32, 64), *_mobile(64, 128, 2), *_mobile(128, 128), *_mobile(128, 256, 2)),
    *(*_mobile(256, 256), *_mobile(256, 512, 2), *_mobile(512, 512) * 5),
    *(*_mobile(512, 1024, 2), *_mobile(1024, 1024)),
    *(Pool(7, 7, "average"), Dense(1000, "softmax")),
)
"""Howard and others, 2017: version 1, as Keras 2 has it in its applications."""


def _inverted(
    channels: int, filters: int, count: int, stride: int, widened: int = 6
) -> tuple[Layer, ...]:
    """Blocks that widen the channels, convolve each by itself, and narrow them again."""

    def chain(before: int, first: int) -> tuple[Layer, ...]:
        inner = widened * before
        wide = (_relu6(inner, 1),) if widened > 1 else ()
        last = Conv(filters, 1, normalized=True, relu=False)
        return (*wide, _relu6(inner, 3, first, inner), last)

    others = Branches("sum", (chain(filters, 1), ()), relu=False)
    return (*chain(channels, stride), *[others] * (count - 1))


MOBILENET_V2: tuple[Layer, ...] = (
    _relu6(32, stride=2),
    *(*_inverted(32, 16, 1, 1, 1), *_inverted(16, 24, 2, 2), *_inverted(24, 32, 3, 2)),
    *(*_inverted(32, 64, 4, 2), *_inverted(64, 96, 3, 1), *_inverted(96, 160, 3, 2)),
    *(*_inverted(160, 320, 1, 1), _relu6(1280, 1)),
    *(Pool(7, 7, "average"), Dense(1000, "softmax")),
)
"""Sandler and others, 2018: version 2."""


def _listening(filters: int, pool: int) -> tuple[Layer, ...]:
    return (Conv(filters, normalized=True, elu=True), Pool(pool, pool))


CRNN: tuple[Layer, ...] = (
    *(*_listening(64, 2), *_listening(128, 3), *_listening(128, 4), *_listening(128, 4)),
    *(Squeeze(), Recurrent("gru", 32), Recurrent("gru", 32, sequences=False)),
    Dense(50, "sigmoid"),
)
"""Choi and others, 2016: a tagger of music, without what it does to its input."""


def _network(name: str, layers: tuple[Layer, ...], shape: Shape, bar: float | None = None) -> Case:
    return Case(name, layers, shape, bar, network=True)


def _layer(name: str, layer: Layer, shape: Shape, bar: float | None = None) -> Case:
    return Case(name, (layer,), shape, bar)


NETWORKS = (
    _network("vgg16-conv 3x224x224 b1", VGG, (1, 3, 224, 224), 2.6),
    _network("vgg16-conv 3x224x224 b8", VGG, (8, 3, 224, 224), 2.6),
    _network("alexnet-conv 3x224x224 b8", ALEXNET, (8, 3, 224, 224), 1.4),
    _network("fcn 3x256x256 b1", FCN, (1, 3, 256, 256), 2.6),
    _network("c3d 3x16x112x112 b1", C3D, (1, 3, 16, 112, 112), 1.9),
    _network("conv1d 64x1000 b32", CONV1D, (32, 64, 1000), 1.3),
    _network("lenet 1x28x28 b1", LENET, (1, 1, 28, 28), 1.0),
    _network("resnet50 3x224x224 b1", RESNET, (1, 3, 224, 224), 1.15),
    _network("inception 3x224x224 b1", INCEPTION, (1, 3, 224, 224), 1.2),
    _network("squeezenet 3x224x224 b1", SQUEEZENET, (1, 3, 224, 224), 1.15),
    _network("mobilenet 3x224x224 b1", MOBILENET, (1, 3, 224, 224), 1.0),
    _network("mobilenet v1 3x224x224 b1", MOBILENET_V1, (1, 3, 224, 224), 1.0),
    _network("mobilenet v2 3x224x224 b1", MOBILENET_V2, (1, 3, 224, 224), 1.0),
    _network("crnn tagger 1x96x1440 b1", CRNN, (1, 1, 96, 1440), 1.2),
)

LAYERS = (
    _layer("conv3x3 64-64 56x56", Conv(64), (1, 64, 56, 56), 1.0),
    _layer("conv3x3 256-256 28x28", Conv(256), (1, 256, 28, 28), 1.0),
    _layer("conv3x3 512-512 14x14", Conv(512), (1, 512, 14, 14), 1.0),
    _layer("conv1x1 256-256 56x56", Conv(256, 1), (1, 256, 56, 56), 1.0),
    _layer("conv5x5 64-64 56x56", Conv(64, 5), (1, 64, 56, 56), 1.0),
    _layer("conv3x3/2 64-128 112x112", Conv(128, stride=2), (1, 64, 112, 112), 1.0),
    _layer("conv3x3 dilated by 2 64-64 56x56", Conv(64, dilation=2), (1, 64, 56, 56)),
    _layer("conv1d 3 dilated by 4 64-64 1000", Conv(64, dilation=4), (8, 64, 1000)),
    _layer("separable3x3 64-128 112x112", Separable(128), (1, 64, 112, 112), 1.0),
    _layer("separable3x3 512-512 14x14", Separable(512), (1, 512, 14, 14), 1.0),
    _layer("depthwise3x3 64 112x112", Conv(64, groups=64), (1, 64, 112, 112), 1.0),
    _layer("depthwise3x3 512 14x14", Conv(512, groups=512), (1, 512, 14, 14), 1.0),
    _layer("conv3x3 256-256 in 32 groups 28x28", Conv(256, groups=32), (1, 256, 28, 28)),
    _layer("maxpool2 64 224x224", Pool(), (1, 64, 224, 224), 1.0),
    _layer("avgpool2 64 224x224", Pool(kind="average"), (1, 64, 224, 224), 1.0),
    _layer("up2 64 112x112", Up(), (1, 64, 112, 112), 1.0),
)

RECURRENT = (
    _layer("lstm 128-128 100 steps b1", Recurrent("lstm", 128), (1, 128, 100), 1.2),
    _layer("lstm 128-128 100 steps b32", Recurrent("lstm", 128), (32, 128, 100), 1.2),
    _layer("gru 128-128 100 steps b1", Recurrent("gru", 128), (1, 128, 100), 1.2),
    _layer("gru 128-128 100 steps b32", Recurrent("gru", 128), (32, 128, 100), 1.2),
    _layer("convlstm3x3 40-40 10x40x40 b1", ConvLstm(40), (1, 40, 10, 40, 40), 1.5),
    _layer("convlstm3x3 40-40 10x40x40 b8", ConvLstm(40), (8, 40, 10, 40, 40), 1.5),
)
"""torch alone runs a ConvLstm: written by hand, with one convolution for the input of all steps."""

PLANES = tuple(
    replace(case, name=f"{case.name} th", planes=True, bar=1.0) for case in LAYERS if case.rank > 1
)
"""The same in Keras 1's own order."""

EDGES = (
    _layer("conv3x3 256-256 27x27", Conv(256), (1, 256, 27, 27)),
    _layer("conv3x3 384-256 13x13", Conv(256), (1, 384, 13, 13)),
    _layer("conv3x3 512-512 7x7", Conv(512), (1, 512, 7, 7)),
    _layer("conv3x3 256-256 1x1", Conv(256), (1, 256, 1, 1), 1.0),
    _layer("conv1x1 512-512 1x1", Conv(512, 1), (1, 512, 1, 1), 1.0),
    _layer("conv3x3 3-64 224x224", Conv(64), (1, 3, 224, 224), 1.0),
    _layer("conv3x3 3-8 256x256", Conv(8), (1, 3, 256, 256), 1.0),
    _layer("conv3x3 8-8 256x256", Conv(8), (1, 8, 256, 256), 1.0),
    _layer("conv5x5 3-3 256x256", Conv(3, 5), (1, 3, 256, 256), 1.0),
    _layer("conv3x3 17-17 56x56", Conv(17), (1, 17, 56, 56)),
    _layer("conv3x3 100-100 56x56", Conv(100), (1, 100, 56, 56)),
    _layer("maxpool3/2 100 27x27", Pool(3, 2), (1, 100, 27, 27)),
)
"""Sizes that do not divide into the kernels' tiles. No bar; a cliff would show."""

CASES = (*NETWORKS, *LAYERS, *RECURRENT, *PLANES, *EDGES)

SMALL_BATCH = _network("vgg16-conv 3x224x224 b8", VGG, (8, 3, 224, 224))
LARGE_BATCH = _network("vgg16-conv 3x224x224 b64", VGG, (64, 3, 224, 224))
SCALING_BAR = 8.2
"""At most this: time of ``LARGE_BATCH`` / time of ``SMALL_BATCH``."""

PROCESS_CASES = (
    _network("vgg16 3x224x224 b1", VGG_WHOLE, (1, 3, 224, 224), 1.0),
    _network("vgg16-conv 3x224x224 b1", VGG, (1, 3, 224, 224)),
)
"""Run as whole processes, from files to a file; the bar is on the second run."""
_IMPORTED = ("vgg16", "lenet", "resnet", "squeeze", "inception", "mobilenet v", "lstm", "crnn")
IMPORTS = tuple(
    case
    for case in (*NETWORKS, PROCESS_CASES[0], *RECURRENT)
    if case.name.startswith(_IMPORTED) and case.name.endswith("b1")
)
"""As ONNX files beside their native specs."""
MEMORY_CASES = (*NETWORKS, PROCESS_CASES[0])


def chosen(cases: tuple[Case, ...], words: tuple[str, ...]) -> tuple[Case, ...]:
    """Those whose name holds one of the words; all of them without words."""
    return tuple(c for c in cases if not words or any(word in c.name for word in words))
