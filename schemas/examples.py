"""One example of each layer, with its shapes and those of its weights.

``docs/spec.md`` shows them; a test runs each and compares. Written out, not computed: the page
is made without the compiler, and a wrong shape is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Shapes:
    """What goes in, what comes out, and what is stored; arrays without the batch axis."""

    given: Shape | Mapping[str, Shape]
    """The input's shape; of several inputs by name."""
    output: Shape
    weights: Mapping[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A layer's arguments as a spec writes them, and its shapes by default (``th``)."""

    arguments: str
    th: Shapes
    tf: Shapes | None = None
    """With ``dim_ordering: tf``, where the layer has one."""
    tf_arguments: str | None = None
    """Where they are other ones then."""
    before: str | None = None
    """The layer in front, for one that no model begins with."""

    def spec(self, layer: str, ordering: str = "th") -> str:
        """The whole spec: four lines, and the ordering where it is not the default."""
        shapes, arguments = self.th, self.arguments
        if ordering == "tf":
            assert self.tf is not None, f"{layer} has no dim_ordering"
            shapes, arguments = self.tf, self.tf_arguments or self.arguments
        lines = ["convspec: 1"]
        if ordering == "tf":
            lines.append("dim_ordering: tf")
        if isinstance(shapes.given, Mapping):
            named = ", ".join(f"{name}: {list(shape)}" for name, shape in shapes.given.items())
            lines.append(f"inputs: {{{named}}}")
        else:
            lines.append(f"input_shape: {list(shapes.given)}")
        item = ", ".join([f"type: {layer}", *([arguments] if arguments else [])])
        front = [] if self.before is None else [f"  - {{{self.before}}}"]
        return "\n".join([*lines, "layers:", *front, f"  - {{{item}}}"]) + "\n"


_OF_A_GATE: dict[str, Shape] = {"W": (32, 16), "U": (16, 16), "b": (16,)}
_OF_IMAGES: dict[str, Shape] = {"W": (3, 3, 3, 16), "U": (3, 3, 4, 16), "b": (16,)}

EXAMPLES: dict[str, Example] = {
    "Convolution1D": Example(
        "nb_filter: 64, filter_length: 3, border_mode: same",
        Shapes((10, 32), (10, 64), {"W": (3, 1, 32, 64), "b": (64,)}),
    ),
    "Convolution2D": Example(
        "nb_filter: 64, nb_row: 3, nb_col: 3, border_mode: same",
        Shapes((3, 256, 256), (64, 256, 256), {"W": (64, 3, 3, 3), "b": (64,)}),
        tf=Shapes((256, 256, 3), (256, 256, 64), {"W": (3, 3, 3, 64), "b": (64,)}),
    ),
    "Convolution3D": Example(
        "nb_filter: 16, kernel_dim1: 3, kernel_dim2: 3, kernel_dim3: 3",
        Shapes((3, 10, 128, 128), (16, 8, 126, 126), {"W": (16, 3, 3, 3, 3), "b": (16,)}),
        tf=Shapes((10, 128, 128, 3), (8, 126, 126, 16), {"W": (3, 3, 3, 3, 16), "b": (16,)}),
    ),
    "MaxPooling1D": Example(
        "pool_length: 3, stride: 2, border_mode: same", Shapes((10, 32), (5, 32))
    ),
    "MaxPooling2D": Example(
        "pool_size: [3, 3], strides: [2, 2]",
        Shapes((64, 28, 28), (64, 13, 13)),
        tf=Shapes((28, 28, 64), (13, 13, 64)),
    ),
    "MaxPooling3D": Example(
        "pool_size: [1, 2, 2]",
        Shapes((16, 8, 28, 28), (16, 8, 14, 14)),
        tf=Shapes((8, 28, 28, 16), (8, 14, 14, 16)),
    ),
    "AveragePooling1D": Example("pool_length: 2", Shapes((10, 32), (5, 32))),
    "AveragePooling2D": Example(
        "pool_size: [2, 2]",
        Shapes((64, 28, 28), (64, 14, 14)),
        tf=Shapes((28, 28, 64), (14, 14, 64)),
    ),
    "AveragePooling3D": Example(
        "pool_size: [2, 2, 2]",
        Shapes((16, 8, 28, 28), (16, 4, 14, 14)),
        tf=Shapes((8, 28, 28, 16), (4, 14, 14, 16)),
    ),
    "UpSampling1D": Example("length: 2", Shapes((10, 32), (20, 32))),
    "UpSampling2D": Example(
        "size: [2, 3]", Shapes((64, 28, 28), (64, 56, 84)), tf=Shapes((28, 28, 64), (56, 84, 64))
    ),
    "UpSampling3D": Example(
        "size: [1, 2, 2]",
        Shapes((16, 8, 28, 28), (16, 8, 56, 56)),
        tf=Shapes((8, 28, 28, 16), (8, 56, 56, 16)),
    ),
    "ZeroPadding1D": Example("padding: 1", Shapes((10, 32), (12, 32))),
    "ZeroPadding2D": Example(
        "padding: [1, 2]", Shapes((64, 28, 28), (64, 30, 32)), tf=Shapes((28, 28, 64), (30, 32, 64))
    ),
    "ZeroPadding3D": Example(
        "padding: [0, 1, 1]",
        Shapes((16, 8, 28, 28), (16, 8, 30, 30)),
        tf=Shapes((8, 28, 28, 16), (8, 30, 30, 16)),
    ),
    "InputLayer": Example("", Shapes((3, 32, 32), (3, 32, 32))),
    "Activation": Example("activation: relu", Shapes((3, 32, 32), (3, 32, 32))),
    "Dropout": Example("p: 0.5", Shapes((10, 32), (10, 32))),
    "Flatten": Example("", Shapes((3, 32, 32), (3072,))),
    "Reshape": Example("target_shape: [1, 28, -1]", Shapes((784,), (1, 28, 28))),
    "Dense": Example(
        "output_dim: 10, activation: softmax", Shapes((784,), (10,), {"W": (784, 10), "b": (10,)})
    ),
    "Merge": Example("mode: concat, inputs: [a, b]", Shapes({"a": (10,), "b": (20,)}, (30,))),
    "Cropping1D": Example("cropping: [1, 2]", Shapes((10, 32), (7, 32))),
    "Cropping2D": Example(
        "cropping: [[1, 1], [2, 2]]",
        Shapes((64, 28, 28), (64, 26, 24)),
        tf=Shapes((28, 28, 64), (26, 24, 64)),
    ),
    "Cropping3D": Example(
        "cropping: [[0, 0], [1, 1], [2, 2]]",
        Shapes((16, 8, 28, 28), (16, 8, 26, 24)),
        tf=Shapes((8, 28, 28, 16), (8, 26, 24, 16)),
    ),
    "GlobalMaxPooling1D": Example("", Shapes((10, 32), (32,))),
    "GlobalMaxPooling2D": Example("", Shapes((64, 28, 28), (64,)), tf=Shapes((28, 28, 64), (64,))),
    "GlobalMaxPooling3D": Example(
        "", Shapes((16, 8, 28, 28), (16,)), tf=Shapes((8, 28, 28, 16), (16,))
    ),
    "GlobalAveragePooling1D": Example("", Shapes((10, 32), (32,))),
    "GlobalAveragePooling2D": Example(
        "", Shapes((64, 28, 28), (64,)), tf=Shapes((28, 28, 64), (64,))
    ),
    "GlobalAveragePooling3D": Example(
        "", Shapes((16, 8, 28, 28), (16,)), tf=Shapes((8, 28, 28, 16), (16,))
    ),
    "Permute": Example("dims: [2, 3, 1]", Shapes((3, 32, 32), (32, 32, 3))),
    "RepeatVector": Example("n: 10", Shapes((32,), (10, 32))),
    "SpatialDropout1D": Example("p: 0.5", Shapes((10, 32), (10, 32))),
    "SpatialDropout2D": Example("p: 0.5", Shapes((64, 28, 28), (64, 28, 28))),
    "SpatialDropout3D": Example("p: 0.5", Shapes((16, 8, 28, 28), (16, 8, 28, 28))),
    "GaussianDropout": Example("p: 0.5", Shapes((10, 32), (10, 32))),
    "GaussianNoise": Example("sigma: 0.1", Shapes((10, 32), (10, 32))),
    "LeakyReLU": Example("alpha: 0.1", Shapes((3, 32, 32), (3, 32, 32))),
    "ELU": Example("alpha: 1.0", Shapes((3, 32, 32), (3, 32, 32))),
    "ThresholdedReLU": Example("theta: 1.0", Shapes((3, 32, 32), (3, 32, 32))),
    "PReLU": Example(
        "shared_axes: [2, 3]", Shapes((64, 28, 28), (64, 28, 28), {"alphas": (64, 1, 1)})
    ),
    "ParametricSoftplus": Example(
        "alpha_init: 0.2, beta_init: 5.0", Shapes((32,), (32,), {"alphas": (32,), "betas": (32,)})
    ),
    "SReLU": Example(
        "",
        Shapes(
            (32,), (32,), {"t_left": (32,), "a_left": (32,), "t_right": (32,), "a_right": (32,)}
        ),
    ),
    "BatchNormalization": Example(
        "axis: 1",
        Shapes(
            (64, 28, 28),
            (64, 28, 28),
            {"gamma": (64,), "beta": (64,), "running_mean": (64,), "running_std": (64,)},
        ),
    ),
    "AtrousConvolution1D": Example(
        "nb_filter: 64, filter_length: 3, border_mode: same, atrous_rate: 2",
        Shapes((10, 32), (10, 64), {"W": (3, 1, 32, 64), "b": (64,)}),
    ),
    "AtrousConvolution2D": Example(
        "nb_filter: 64, nb_row: 3, nb_col: 3, atrous_rate: [2, 2]",
        Shapes((3, 32, 32), (64, 28, 28), {"W": (64, 3, 3, 3), "b": (64,)}),
        tf=Shapes((32, 32, 3), (28, 28, 64), {"W": (3, 3, 3, 64), "b": (64,)}),
    ),
    "Deconvolution2D": Example(
        "nb_filter: 8, nb_row: 3, nb_col: 3, output_shape: [null, 8, 14, 14]",
        Shapes((16, 12, 12), (8, 14, 14), {"W": (8, 16, 3, 3), "b": (8,)}),
        tf=Shapes((12, 12, 16), (14, 14, 8), {"W": (3, 3, 16, 8), "b": (8,)}),
        tf_arguments="nb_filter: 8, nb_row: 3, nb_col: 3, output_shape: [null, 14, 14, 8]",
    ),
    "SeparableConvolution2D": Example(
        "nb_filter: 64, nb_row: 3, nb_col: 3, depth_multiplier: 2",
        Shapes(
            (3, 32, 32),
            (64, 30, 30),
            {"depthwise_kernel": (2, 3, 3, 3), "pointwise_kernel": (64, 6, 1, 1), "b": (64,)},
        ),
        tf=Shapes(
            (32, 32, 3),
            (30, 30, 64),
            {"depthwise_kernel": (3, 3, 3, 2), "pointwise_kernel": (1, 1, 6, 64), "b": (64,)},
        ),
    ),
    "LocallyConnected1D": Example(
        "nb_filter: 64, filter_length: 3",
        Shapes((10, 32), (8, 64), {"W": (8, 96, 64), "b": (8, 64)}),
    ),
    "LocallyConnected2D": Example(
        "nb_filter: 8, nb_row: 3, nb_col: 3",
        Shapes((3, 32, 32), (8, 30, 30), {"W": (900, 27, 8), "b": (30, 30, 8)}),
        tf=Shapes((32, 32, 3), (30, 30, 8), {"W": (900, 27, 8), "b": (30, 30, 8)}),
    ),
    "Embedding": Example(
        "input_dim: 1000, output_dim: 64", Shapes((40,), (40, 64), {"W": (1000, 64)})
    ),
    "Masking": Example("mask_value: 0.0", Shapes((10, 32), (10, 32))),
    "ActivityRegularization": Example("l2: 0.01", Shapes((32,), (32,))),
    "Highway": Example(
        "activation: relu",
        Shapes((32,), (32,), {"W": (32, 32), "b": (32,), "W_carry": (32, 32), "b_carry": (32,)}),
    ),
    "MaxoutDense": Example(
        "output_dim: 10, nb_feature: 4", Shapes((32,), (10,), {"W": (4, 32, 10), "b": (4, 10)})
    ),
    "TimeDistributedDense": Example(
        "output_dim: 8", Shapes((10, 32), (10, 8), {"W": (32, 8), "b": (8,)})
    ),
    "Slice": Example("axis: 2, start: 60, stop: -25", Shapes((3, 160, 320), (3, 75, 320))),
    "Reduce": Example("axis: 1, mode: mean", Shapes((10, 32), (32,))),
    "Resize": Example(
        "size: [66, 200]",
        Shapes((3, 160, 320), (3, 66, 200)),
        tf=Shapes((160, 320, 3), (66, 200, 3)),
    ),
    "LRN2D": Example(
        "n: 5", Shapes((96, 55, 55), (96, 55, 55)), tf=Shapes((55, 55, 96), (55, 55, 96))
    ),
    "SimpleRNN": Example(
        "output_dim: 16", Shapes((10, 32), (16,), {"W": (32, 16), "U": (16, 16), "b": (16,)})
    ),
    "LSTM": Example(
        "output_dim: 16, return_sequences: true",
        Shapes((10, 32), (10, 16), {f"{n}_{g}": s for g in "icfo" for n, s in _OF_A_GATE.items()}),
    ),
    "GRU": Example(
        "output_dim: 16, consume_less: gpu",
        Shapes((10, 32), (16,), {"W": (32, 48), "U": (16, 48), "b": (48,)}),
    ),
    "Bidirectional": Example(
        "layer: {type: SimpleRNN, output_dim: 16, return_sequences: true}",
        Shapes(
            (10, 32),
            (10, 32),
            {f"{d}_{n}": s for d in ("forward", "backward") for n, s in _OF_A_GATE.items()},
        ),
    ),
    "ConvLSTM2D": Example(
        "nb_filter: 4, nb_row: 3, nb_col: 3, border_mode: same, fused: true",
        Shapes((10, 3, 32, 32), (4, 32, 32), _OF_IMAGES),
        tf=Shapes((10, 32, 32, 3), (32, 32, 4), _OF_IMAGES),
    ),
    "Pick": Example("index: 1", Shapes((2, 10, 32), (10, 32))),
    "State": Example(
        "index: 0", Shapes((10, 32), (16,), _OF_A_GATE), before="type: SimpleRNN, output_dim: 16"
    ),
    "DepthwiseConvolution1D": Example(
        "filter_length: 3, depth_multiplier: 2, border_mode: causal",
        Shapes((10, 32), (10, 64), {"W": (3, 32, 2), "b": (64,)}),
    ),
    "DepthwiseConvolution2D": Example(
        "nb_row: 3, nb_col: 3, border_mode: same",
        Shapes((64, 28, 28), (64, 28, 28), {"W": (3, 3, 64, 1), "b": (64,)}),
        tf=Shapes((28, 28, 64), (28, 28, 64), {"W": (3, 3, 64, 1), "b": (64,)}),
    ),
    "SeparableConvolution1D": Example(
        "nb_filter: 64, filter_length: 3",
        Shapes(
            (10, 32),
            (8, 64),
            {"depthwise_kernel": (3, 32, 1), "pointwise_kernel": (1, 32, 64), "b": (64,)},
        ),
    ),
    "Deconvolution1D": Example(
        "nb_filter: 8, filter_length: 4, subsample_length: 2, border_mode: same",
        Shapes((10, 32), (20, 8), {"W": (4, 8, 32), "b": (8,)}),
    ),
    "Deconvolution3D": Example(
        "nb_filter: 8, kernel_dim1: 2, kernel_dim2: 2, kernel_dim3: 2",
        Shapes((16, 4, 14, 14), (8, 5, 15, 15), {"W": (2, 2, 2, 8, 16), "b": (8,)}),
        tf=Shapes((4, 14, 14, 16), (5, 15, 15, 8), {"W": (2, 2, 2, 8, 16), "b": (8,)}),
    ),
    "ReLU": Example("max_value: 6.0", Shapes((3, 32, 32), (3, 32, 32))),
    "Softmax": Example("axis: 1", Shapes((10, 32, 32), (10, 32, 32))),
    "LayerNormalization": Example(
        "axis: [1, 2]", Shapes((10, 32), (10, 32), {"gamma": (10, 32), "beta": (10, 32)})
    ),
    "GroupNormalization": Example(
        "groups: 8, axis: 1",
        Shapes((64, 28, 28), (64, 28, 28), {"gamma": (64,), "beta": (64,)}),
    ),
    "UnitNormalization": Example("", Shapes((32,), (32,))),
    "Rescaling": Example("scale: 0.00784313725, offset: -1.0", Shapes((3, 32, 32), (3, 32, 32))),
    "Normalization": Example(
        "axis: 1",
        Shapes((3, 32, 32), (3, 32, 32), {"mean": (3,), "variance": (3,)}),
    ),
    "AlphaDropout": Example("p: 0.5", Shapes((10, 32), (10, 32))),
    "TimeDistributed": Example(
        "layer: {type: Dense, output_dim: 8}", Shapes((10, 32), (10, 8), {"W": (32, 8), "b": (8,)})
    ),
}
