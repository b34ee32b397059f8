"""Writes specs/resnet50.yaml, inception.yaml, squeezenet.yaml, mobilenet_v1.yaml and _v2.yaml.

    python examples/make_networks.py

What layers have in common is written once, at the first of its kind, as a
YAML anchor that the others merge (``<<``). The numbers are those of the papers.
"""

from __future__ import annotations

import re
from pathlib import Path

from speccompiler.editing.formatting import formatted
from speccompiler.source.texts import parse_document

SPECS = Path(__file__).resolve().parent / "specs"

HEAD = """\
# yaml-language-server: $schema=../../docs/convspec.schema.json
#
{about}
convspec: 1
name: {name}
dim_ordering: tf
input_shape: {shape}
seed: {seed}

layers:
"""


class Spec:
    """Lines of layers, and the anchors that they have so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._anchors: dict[str, bool] = {}
        self._before = ""

    def add(self, entry: str, anchor: str = "") -> None:
        """A layer, as the inside of a flow mapping."""
        self.lines.append(f"  - {anchor}{{{entry}}}")
        self._before = entry.partition("name: ")[2].partition(",")[0]

    def like(self, anchor: str, common: str, own: str) -> None:
        """A layer of a kind: ``common`` is written with the first one.

        Where the first says what it reads, all do: they would read the same.
        """
        reads = "inputs: " in own
        if anchor not in self._anchors:
            self._anchors[anchor] = reads
            self.add(f"{common}, {own}", f"&{anchor} ")
            return
        if self._anchors[anchor] and not reads:
            own += f", inputs: {self._before}"
        self.add(f"<<: *{anchor}, {own}")

    def part(self, title: str) -> None:
        """A comment above the layers that follow."""
        self.lines += ["", f"  # {title}"]

    def conv(self, size: int, own: str, *, strides: bool = False, relu: bool = False) -> None:
        """A square convolution that keeps the lengths, or one without padding that has strides."""
        anchor = f"conv{size}" + ("s" if strides else "") + ("r" if relu else "")
        common = f"type: Convolution2D, nb_row: {size}, nb_col: {size}, "
        common += "subsample: [2, 2]" if strides else "border_mode: same"
        self.like(anchor, common + (", activation: relu" if relu else ""), own)

    def normalized(self, size: int, name: str, filters: int, inputs: str = "") -> None:
        """A convolution, normalisation and relu; the last is called ``name``."""
        reads = f", inputs: {inputs}" if inputs else ""
        self.conv(size, f"name: {name}_conv, nb_filter: {filters}{reads}")
        self.like("bn", "type: BatchNormalization", f"name: {name}_bn")
        self.like("relu", "type: Activation, activation: relu", f"name: {name}")

    def write(self, name: str, about: str, shape: str, seed: int) -> None:
        """The file, laid out as `convspec fmt` does."""
        head = HEAD.format(name=name, about=about, shape=shape, seed=seed)
        text = head + "\n".join(self.lines) + "\n"
        for anchor in self._anchors:
            if not re.search(rf"\*{anchor}\b", text):  # there is one layer of its kind
                text = text.replace(f"&{anchor} ", "")
        file = SPECS / f"{name}.yaml"
        file.write_text(formatted(parse_document(text, file.name)), encoding="utf-8")


def resnet50() -> None:
    """He and others, 2015, with the names and the pooling without padding that Keras has."""
    spec = Spec()

    def conv(size: int, block: str, branch: str, filters: int, *, first: str = "") -> None:
        reads = f", inputs: {first}" if first else ""
        strides = size == 1 and bool(first) and block[-1] == "a" and block != "2a"
        own = f"name: res{block}_branch{branch}, nb_filter: {filters}{reads}"
        spec.conv(size, own, strides=strides)
        spec.like("bn", "type: BatchNormalization", f"name: bn{block}_branch{branch}")

    def relu(name: str) -> None:
        spec.like("relu", "type: Activation, activation: relu", f"name: {name}")

    spec.add("type: ZeroPadding2D, padding: [3, 3]")
    spec.conv(7, "name: conv1, nb_filter: 64", strides=True)
    spec.like("bn", "type: BatchNormalization", "name: bn_conv1")
    relu("relu_conv1")
    spec.add("type: MaxPooling2D, name: pool1, pool_size: [3, 3], strides: [2, 2]")
    before = "pool1"
    for stage, count, filters in ((2, 3, 64), (3, 4, 128), (4, 6, 256), (5, 3, 512)):
        for letter in "abcdef"[:count]:
            block = f"{stage}{letter}"
            spec.part(f"block {block}")
            conv(1, block, "2a", filters, first=before)
            relu(f"relu{block}_branch2a")
            conv(3, block, "2b", filters)
            relu(f"relu{block}_branch2b")
            conv(1, block, "2c", 4 * filters)
            shortcut = before
            if letter == "a":
                conv(1, block, "1", 4 * filters, first=before)
                shortcut = f"bn{block}_branch1"
            inputs = f"inputs: [bn{block}_branch2c, {shortcut}]"
            spec.like("sum", "type: Merge, mode: sum", f"name: add{block}, {inputs}")
            before = f"relu{block}"
            relu(before)
    spec.part("classifier")
    spec.add("type: AveragePooling2D, name: avg_pool, pool_size: [7, 7]")
    spec.add("type: Flatten, name: flat")
    spec.add("type: Dense, name: fc1000, output_dim: 1000, activation: softmax")
    about = (
        "# ResNet-50 (He and others, 2015): 16 residual blocks. Every normalisation folds into\n"
    )
    about += "# the convolution before it, every sum into the last one of its block."
    spec.write("resnet50", about, "[224, 224, 3]", 50)


INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters: 1x1; 3x3 and the 1x1 before it; 5x5 and the 1x1 before it; 1x1 behind the pool."""


def inception() -> None:
    """Szegedy and others, 2014 (GoogLeNet), with batch normalisation instead of the local one."""
    spec = Spec()

    def pool(name: str) -> None:
        own = f"name: {name}"
        common = "type: MaxPooling2D, pool_size: [3, 3], strides: [2, 2], border_mode: same"
        spec.like("half", common, own)

    spec.add("type: ZeroPadding2D, padding: [3, 3]")
    spec.conv(7, "name: conv1_conv, nb_filter: 64", strides=True)
    spec.like("bn", "type: BatchNormalization", "name: conv1_bn")
    spec.like("relu", "type: Activation, activation: relu", "name: conv1")
    pool("pool1")
    spec.normalized(1, "conv2_reduce", 64)
    spec.normalized(3, "conv2", 192)
    pool("pool2")
    before = "pool2"
    for module, (one, reduce3, three, reduce5, five, behind) in INCEPTIONS.items():
        spec.part(f"module {module}")
        spec.normalized(1, f"m{module}_1x1", one, before)
        spec.normalized(1, f"m{module}_3x3_reduce", reduce3, before)
        spec.normalized(3, f"m{module}_3x3", three)
        spec.normalized(1, f"m{module}_5x5_reduce", reduce5, before)
        spec.normalized(5, f"m{module}_5x5", five)
        common = "type: MaxPooling2D, pool_size: [3, 3], strides: [1, 1], border_mode: same"
        spec.like("pool", common, f"name: m{module}_pool, inputs: {before}")
        spec.normalized(1, f"m{module}_pool_1x1", behind)
        parts = ", ".join(f"m{module}_{part}" for part in ("1x1", "3x3", "5x5", "pool_1x1"))
        spec.like("concat", "type: Merge, mode: concat", f"name: m{module}, inputs: [{parts}]")
        before = f"m{module}"
        if module in ("3b", "4e"):
            before = f"pool{module[0]}"
            pool(before)
    spec.part("classifier")
    spec.add("type: GlobalAveragePooling2D, name: means")
    spec.add("type: Dropout, p: 0.4")
    spec.add("type: Dense, name: classes, output_dim: 1000, activation: softmax")
    about = "# GoogLeNet (Szegedy and others, 2014): nine modules of four branches, whose\n"
    about += "# convolutions write side by side into one value. With batch normalisation (2015)."
    spec.write("inception", about, "[224, 224, 3]", 22)


def squeezenet() -> None:
    """Iandola and others, 2016: version 1.1."""
    spec = Spec()

    def pool(name: str) -> None:
        common = "type: MaxPooling2D, pool_size: [3, 3], strides: [2, 2]"
        spec.like("half", common, f"name: {name}")

    spec.conv(3, "name: conv1, nb_filter: 64", strides=True, relu=True)
    pool("pool1")
    for number, squeezed, expanded in (
        *((2, 16, 64), (3, 16, 64), (4, 32, 128), (5, 32, 128)),
        *((6, 48, 192), (7, 48, 192), (8, 64, 256), (9, 64, 256)),
    ):
        name = f"fire{number}"
        spec.part(f"module {number}")
        spec.conv(1, f"name: {name}_squeeze, nb_filter: {squeezed}", relu=True)
        spec.conv(1, f"name: {name}_expand1, nb_filter: {expanded}", relu=True)
        reads = f"inputs: {name}_squeeze"
        spec.conv(3, f"name: {name}_expand3, nb_filter: {expanded}, {reads}", relu=True)
        parts = f"inputs: [{name}_expand1, {name}_expand3]"
        spec.like("concat", "type: Merge, mode: concat", f"name: {name}, {parts}")
        if number in (3, 5):
            pool(f"pool{number}")
    spec.part("classifier")
    spec.add("type: Dropout, p: 0.5")
    spec.conv(1, "name: conv10, nb_filter: 1000", relu=True)
    spec.add("type: GlobalAveragePooling2D, name: means")
    spec.add("type: Activation, name: classes, activation: softmax")
    about = "# SqueezeNet 1.1 (Iandola and others, 2016), for images of any size: each module\n"
    about += "# squeezes the channels, then widens them in two branches."
    spec.write("squeezenet", about, "[null, null, 3]", 11)


class _Mobile(Spec):
    """Convolutions and depthwise ones, each normalised, most with relu6."""

    def ending(self, name: str, relu: bool = True) -> None:
        self.like("bn", "type: BatchNormalization, epsilon: 0.001", f"name: {name}_bn")
        if relu:
            self.like("relu", "type: Activation, activation: relu6", f"name: {name}")

    def depthwise(self, name: str, stride: int, reads: str = "") -> None:
        """Nine places of each channel by itself."""
        anchor = "depthwise" + ("s" if stride > 1 else "")
        common = (
            "type: DepthwiseConvolution2D, nb_row: 3, nb_col: 3, border_mode: same, bias: false"
        )
        common += ", subsample: [2, 2]" if stride > 1 else ""
        self.like(anchor, common, f"name: {name}_conv{reads}")
        self.ending(name)

    def pointwise(self, name: str, filters: int, reads: str = "", relu: bool = True) -> None:
        """All channels of one place."""
        common = "type: Convolution2D, nb_row: 1, nb_col: 1, border_mode: same, bias: false"
        self.like("pointwise", common, f"name: {name}_conv, nb_filter: {filters}{reads}")
        self.ending(name, relu)

    def first(self) -> None:
        """What both versions begin with."""
        self.add(
            "type: Convolution2D, name: first_conv, nb_filter: 32, nb_row: 3, nb_col: 3, "
            "subsample: [2, 2], border_mode: same, bias: false"
        )
        self.ending("first")

    def last(self) -> None:
        """What both end with."""
        self.part("classifier")
        self.add("type: GlobalAveragePooling2D, name: means")
        self.add("type: Dense, name: classes, output_dim: 1000, activation: softmax")


def mobilenet_v1() -> None:
    """Howard and others, 2017, as Keras 2 has it in its applications."""
    spec = _Mobile()
    spec.first()
    blocks = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
              (1024, 2), (1024, 1))  # fmt: skip
    for number, (filters, stride) in enumerate(blocks, start=1):
        spec.part(f"block {number}")
        spec.depthwise(f"block{number}_depthwise", stride)
        spec.pointwise(f"block{number}", filters)
    spec.last()
    about = "# MobileNet (Howard and others, 2017): a convolution of each channel by itself, then\n"
    about += "# one of all channels at each place. Normalisation and relu6 are part of both."
    spec.write("mobilenet_v1", about, "[224, 224, 3]", 17)


def mobilenet_v2() -> None:
    """Sandler and others, 2018."""
    spec = _Mobile()
    spec.first()
    before, channels, number = "first", 32, 0
    for widened, filters, count, stride in (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    ):
        for index in range(count):
            name = f"block{number}"
            spec.part(f"block {number}")
            if widened > 1:
                spec.pointwise(f"{name}_wide", widened * channels, f", inputs: {before}")
            spec.depthwise(f"{name}_depthwise", stride if index == 0 else 1)
            spec.pointwise(name, filters, relu=False)
            after = f"{name}_bn"
            if index > 0:
                inputs = f"inputs: [{after}, {before}]"
                spec.like("sum", "type: Merge, mode: sum", f"name: {name}, {inputs}")
                after = name
            before, channels, number = after, filters, number + 1
    spec.part("last")
    spec.pointwise("last", 1280, f", inputs: {before}")
    spec.last()
    about = "# MobileNetV2 (Sandler and others, 2018): each block widens the channels, convolves\n"
    about += "# every one by itself and narrows them again; blocks of one shape are added up."
    spec.write("mobilenet_v2", about, "[224, 224, 3]", 18)


def main() -> None:
    """Write all five."""
    resnet50()
    inception()
    squeezenet()
    mobilenet_v1()
    mobilenet_v2()


if __name__ == "__main__":
    main()
