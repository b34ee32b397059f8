"""Options that mean the same on every command that has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class ShapeOption(click.ParamType[tuple[int, ...]]):
    """``224,224,3``: the shape of one sample."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Whole numbers of 1 or more, separated by commas."""
        if isinstance(value, tuple):
            return value
        parts = str(value).strip("()[] ").split(",")
        try:
            shape = tuple(int(part) for part in parts)
        except ValueError:
            self.fail(f"'{value}' is no shape; write it as 224,224,3", param, ctx)
        if min(shape) < 1:
            self.fail(f"'{value}' has a length below 1", param, ctx)
        return shape


def model_argument(function: F) -> F:
    """The spec: a file, or - for standard input."""
    return click.argument("model", metavar="MODEL")(function)


def semantics_options(function: F) -> F:
    """What a spec may leave open."""
    for option in (
        click.option(
            "--dim-ordering",
            type=click.Choice(["th", "tf"]),
            help="Where channels are in layers that do not say: 'th' first, 'tf' last.",
        ),
        click.option(
            "--semantics",
            type=click.Choice(["tensorflow", "theano"]),
            help="Whose numbers: overrides the spec; a Keras file needs it where it matters.",
        ),
    ):
        function = option(function)
    return function


def weights_options(function: F) -> F:
    """Where weights come from."""
    for option in (
        click.option(
            "--weights-by",
            type=click.Choice(["name", "topology"]),
            help="How tensors of a Keras HDF5 file find their layers. Default: names where they "
            "fit, else the order of the layers.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0, max=2**63 - 1),
            help="Draw weights that nothing gives from each layer's init, with this seed.",
        ),
        click.option(
            "--weights",
            metavar="FILE",
            help="Every array, .npz, .npy or .safetensors (.h5 with convspec[hdf5]), with keys "
            "<layer>/W, <layer>/b; replaces the weights that the spec names.",
        ),
    ):
        function = option(function)
    return function


def input_shape_option(function: F) -> F:
    """Binds open lengths."""
    return click.option(
        "--input-shape",
        type=ShapeOption(),
        help="Shape of one sample, for example 224,224,3: gives open (null) lengths a number.",
    )(function)


def math_option(function: F) -> F:
    """How much a kernel may round."""
    return click.option(
        "--math",
        type=click.Choice(["fast", "precise"]),
        default="fast",
        show_default=True,
        help="precise leaves out Winograd convolution, which has fewer multiplications and a "
        "rounding error of up to 5e-5 of the largest output instead of 5e-6.",
    )(function)


def tune_option(function: F) -> F:
    """Measure before the run."""
    return click.option(
        "--tune",
        is_flag=True,
        help="Measure how each step is best cut into tasks on this machine, and remember it.",
    )(function)
