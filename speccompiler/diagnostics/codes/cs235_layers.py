"""CS235 to CS237: arguments of layers that Keras 1.x has not."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code

CODES = {
    "CS235": Code(
        "channels that cannot be divided into groups",
        "A convolution with groups divides its channels and its filters into equal parts, and a "
        "GroupNormalization its channels; a rest would belong to no group.",
        "Give a number of groups that divides both.",
    ),
    "CS236": Code(
        "transposed convolution that does not exist",
        "A transposed convolution is the gradient of a convolution: its output has a size of "
        "which that convolution makes the size of its input. Keras has none with a stride and a "
        "dilation along one axis, and none with an output_padding of a stride or more.",
        "Change the argument that the message names.",
    ),
    "CS237": Code(
        "numbers that do not stand beside values",
        "A Rescaling or a Normalization takes one number for all values, or one for each place "
        "along the axes that it names; the numbers that were given are others.",
        "Give one number for all, or one for each place, row by row.",
    ),
}
