"""Options that mean the same on every command that has them, and how a command gets them.

``gathered`` turns them into the option objects of the library.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from speccompiler.schemas.profiles import PROFILES

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


def gathered(**kinds: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command dataclasses instead of single options: each field takes its namesake.

    ``@gathered(loading=LoadOptions)`` stands next to the function, below the options. A field
    that the command has no option for keeps its default.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(**given: Any) -> Any:
            names = {name: [f.name for f in fields(kind)] for name, kind in kinds.items()}
            made = {
                name: kind(**{n: given[n] for n in names[name] if n in given})
                for name, kind in kinds.items()
            }
            taken = {n for each in names.values() for n in each}
            rest = {name: value for name, value in given.items() if name not in taken}
            return function(**rest, **made)

        return command

    return decorate


class ShapeOption(click.ParamType[tuple[str, tuple[int, ...]]]):
    """``224,224,3`` or ``image=224,224,3``: the shape of one sample, and which input's."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Whole numbers of 1 or more, separated by commas; no name is the empty one."""
        if isinstance(value, tuple):
            return value
        name, _, numbers = str(value).rpartition("=")
        parts = numbers.strip("()[] ").split(",")
        try:
            shape = tuple(int(part) for part in parts)
        except ValueError:
            self.fail(f"'{value}' is no shape; write it as 224,224,3", param, ctx)
        if min(shape) < 1:
            self.fail(f"'{value}' has a length below 1", param, ctx)
        return name, shape


class AnswerOption(click.ParamType[tuple[str, str]]):
    """``lambda_1=x / 127.5 - 1``: a layer's name, and what it computes."""

    name = "answer"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Name and text, at the first equals sign."""
        if isinstance(value, tuple):
            return value
        name, equals, answer = str(value).partition("=")
        if not equals or not name.strip() or not answer.strip():
            self.fail(f'{value!r} is no answer; write it as lambda_1="x / 127.5 - 1"', param, ctx)
        return name.strip(), answer


class TargetOption(click.ParamType[str]):
    """A name of the table of targets, such as ``cpu`` or ``cuda:1``."""

    name = "target"

    def __init__(self, targets: tuple[str, ...]) -> None:
        self.targets = targets

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What may be given."""
        return f"[{'|'.join(self.targets)}]"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The targets by their names; a GPU's number is whatever the machine has."""
        from click.shell_completion import CompletionItem

        names = [name.replace("N", "0") for name in self.targets]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """One of the targets; N is a GPU's number."""
        from speccompiler.targets import find_target

        text = str(value)
        if find_target(text) is not None and text.partition(":")[0] in self.targets:
            return text
        known = ", ".join(map(repr, self.targets))
        self.fail(f"{value!r} is not one of {known}", param, ctx)


def target_option(*, with_steps: bool = False) -> Callable[[F], F]:
    """What the model is made for; ``with_steps`` leaves out what does not run a plan's steps."""
    # Not every command that takes options here has a target.
    from speccompiler.targets import target_names

    targets = target_names(with_steps=with_steps)
    return click.option(
        "--target",
        type=TargetOption(targets),
        default=targets[0],
        show_default=True,
        help="cuda: all GPUs that equal the first; cuda:N: GPU number N.",
    )


def format_option(*styles: str) -> Callable[[F], F]:
    """How the result is printed; the first of ``styles`` is the default."""
    return click.option(
        "--format", "style", type=click.Choice(styles), default=styles[0], show_default=True
    )


def complete_files(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete names of files, as it does by itself for other commands."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def model_argument(function: F) -> F:
    """The spec: a file, or - for standard input."""
    return click.argument("model", metavar="MODEL", shell_complete=complete_files)(function)


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
            type=click.Choice(PROFILES),
            help="Whose numbers, of today or of an old release (tensorflow-1.0 is up to 1.6): "
            "overrides the spec; a Keras file needs it where it matters.",
        ),
    ):
        function = option(function)
    return function


Given = TypeVar("Given", str, tuple[str, ...], None)


def not_empty(ctx: click.Context, param: click.Parameter, given: Given) -> Given:
    """Refuse an empty name: a shell makes one of a variable that is not set."""
    if given == "" or (isinstance(given, tuple) and "" in given):
        raise click.BadParameter("the name is empty", ctx, param)
    return given


def weights_path(ctx: click.Context, param: click.Parameter, given: str | None) -> Path | None:
    """The file of weights, if one is named."""
    return None if given is None else Path(not_empty(ctx, param, given))


def replace_option(function: F) -> F:
    """What Lambda and custom layers compute."""
    return click.option(
        "--replace",
        type=AnswerOption(),
        multiple=True,
        callback=_answers,
        metavar="NAME=ANSWER",
        help="What a Lambda or custom layer computes: an expression in x, such as "
        '"x / 127.5 - 1", or layers, such as "{type: Slice, axis: -1, step: -1}". '
        "Once for each such layer.",
    )(function)


def _answers(
    ctx: click.Context, param: click.Parameter, given: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    """Answers by the names of layers."""
    if len(dict(given)) < len(given):
        names = [name for name, _ in given]
        twice = next(name for name in names if names.count(name) > 1)
        raise click.BadParameter(f"'{twice}' is answered twice", ctx, param)
    return dict(given)


weights_by_option = click.option(
    "--weights-by",
    type=click.Choice(["name", "topology"]),
    help="How tensors of a Keras HDF5 file find their layers. Default: names where they "
    "fit, else the order of the layers.",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    help="Draw weights that nothing gives from each layer's init, with this seed.",
)


def weights_options(function: F) -> F:
    """Where weights come from."""
    for option in (
        weights_by_option,
        seed_option,
        click.option(
            "--weights",
            metavar="FILE",
            callback=weights_path,
            shell_complete=complete_files,
            help="Every array, with keys <layer>/W, <layer>/b: .npz, .npy, .safetensors or HDF5 "
            "(with convspec[hdf5]) under any name, or a folder of .npy and .npz files; replaces "
            "the weights that the spec names.",
        ),
    ):
        function = option(function)
    return function


def _by_name(
    ctx: click.Context, param: click.Parameter, given: tuple[tuple[str, tuple[int, ...]], ...]
) -> tuple[int, ...] | dict[str, tuple[int, ...]] | None:
    """One shape, or shapes by the names of inputs."""
    if not given:
        return None
    if len(given) == 1 and not given[0][0]:
        return given[0][1]
    if not all(name for name, _ in given) or len(dict(given)) < len(given):
        raise click.BadParameter("give it once for each input, as NAME=224,224,3", ctx, param)
    return dict(given)


threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1, max=1024),
    help="Default: the processors that this process may use; a container's limit counts.",
)


def input_shape_option(function: F) -> F:
    """Binds open lengths."""
    return click.option(
        "--input-shape",
        type=ShapeOption(),
        multiple=True,
        callback=_by_name,
        metavar="[NAME=]SHAPE",
        help="Shape of one sample, for example 224,224,3: gives open (null) lengths a number. "
        "With several inputs once for each, as NAME=224,224,3.",
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
