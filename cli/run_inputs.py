"""The inputs of ``convspec run``, ``verify`` and ``diff``: what is read, and how it is opened."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from speccompiler.arrays.picture_form import CHANNELS, FILTERS, PictureOptions, Resize
from speccompiler.arrays.places import place_of, shown_name
from speccompiler.cli.render import printable
from speccompiler.cli.streams import standard_input
from speccompiler.diagnostics.core import about, did_you_mean

if TYPE_CHECKING:
    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.model import Model
    from speccompiler.running.verify import Opener

F = TypeVar("F", bound=Callable[..., Any])
AS_THEY_ARE = PictureOptions()


class ResizeOption(click.ParamType[Resize]):
    """``224,224``, ``224`` or ``224,224,bilinear``: height, width and filter."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Resize:
        """One or two whole numbers of 1 or more, and a filter of Pillow's."""
        if isinstance(value, Resize):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        how = FILTERS[0] if parts[-1].isdigit() else parts.pop()
        if how not in FILTERS:
            hint = did_you_mean(how, FILTERS) or f"filters: {', '.join(FILTERS)}"
            self.fail(f"'{how}' is no number and no filter; {hint}", param, ctx)
        lengths = [int(part) for part in parts if part.isdecimal() and part.isascii()]
        if len(lengths) != len(parts) or len(parts) not in {1, 2} or min(lengths) < 1:
            self.fail(f"'{value}' is no size; write it as 224,224 (height, width)", param, ctx)
        if max(lengths) > 65_500:
            self.fail(f"'{value}' is larger than pictures can be", param, ctx)
        return Resize(lengths[0], lengths[-1], how)


def picture_options(function: F) -> F:
    """What becomes of pictures."""
    for option in (
        click.option(
            "--mode",
            type=click.Choice(list(CHANNELS)),
            help="Pictures: the channels to read. Default: as many as the model's input has.",
        ),
        click.option(
            "--resize",
            type=ResizeOption(),
            metavar="H,W[,FILTER]",
            help=f"Pictures: bring all to this size. Filters: {', '.join(FILTERS)}; default "
            f"{FILTERS[0]}, as in Keras.",
        ),
    ):
        function = option(function)
    return function


def input_files(model: Model, given: Sequence[str]) -> dict[str | None, str]:
    """File of each input by its name; under None one file for the whole model."""
    names = model.input_names
    files: dict[str | None, str] = {}
    for text in given:
        before, equals, after = text.partition("=")
        name, file = (before, after) if equals and before in names else (None, text)
        if name is None and equals and not _is_place(text) and _is_named(names, after):
            hint = did_you_mean(before, names) or f"inputs: {', '.join(names)}"
            raise click.UsageError(f"no input '{before}' in {model.name}; {hint}")
        if name in files and (name is not None or len(names) == 1):
            what = "--input" if name is None else f"--input {name}="
            raise click.UsageError(f"{what} is given twice")
        if not file:
            raise click.UsageError(f"--input {text}: the name of the file is empty")
        files[name] = file
    whole = files.get(None)
    if whole is not None and (len(files) > 1 or (len(names) > 1 and not _named_as_several(whole))):
        example = " ".join(f"--input {name}=FILE" for name in names)
        raise click.UsageError(
            f"{model.name} has {len(names)} {'inputs' if len(names) > 1 else 'input'}: give "
            f"{example}" + (", or one .npz with members of these names" if len(names) > 1 else "")
        )
    missing = [name for name in names if name not in files]
    if whole is None and missing:
        raise click.UsageError(f"no --input {missing[0]}=FILE: {model.name} needs it")
    return files


def _is_named(names: Sequence[str], after: str) -> bool:
    """Whether NAME=FILE is meant, and not a file with '=' in its name.

    With several inputs a name is needed. A model's only input needs none: there NAME=FILE is
    meant where the part after the '=' is a file.
    """
    return len(names) > 1 or os.path.exists(after)


def _is_place(text: str) -> bool:
    """Whether a whole text is where something is, with '=' in it."""
    place = place_of(text)
    return place.scheme is not None or os.path.exists(place.file)


def _named_as_several(file: str) -> bool:
    """Whether a file is meant as an archive: what is wrong with it is said when it is opened."""
    return file.lower().endswith(".npz") or _holds_several(file)


def _holds_several(file: str) -> bool:
    """Whether a file is an archive, whatever its name."""
    from speccompiler.arrays.open_input import holds_several

    return file != "-" and holds_several(file)


@contextlib.contextmanager
def opened(
    model: Model, files: Mapping[str | None, str], pictures: PictureOptions = AS_THEY_ARE
) -> Iterator[list[ArrayInput]]:
    """The arrays of all inputs, in the model's order."""
    names = model.input_names
    with contextlib.ExitStack() as stack:
        file = files.get(None, "-")
        if file != "-" and (len(names) > 1 or _holds_several(file)):
            from speccompiler.arrays.npz_input import open_archive

            with about(file):
                members = stack.enter_context(open_archive(Path(file), names, file))
            sources = [members[name] for name in names]
        else:
            sources = []
            for name in names:
                file = files[None] if None in files else files[name]
                sources.append(stack.enter_context(_opened(model, name, file, pictures)))
        if pictures.given and all(source.files is None for source in sources):
            option = "--mode" if pictures.resize is None else "--resize"
            raise click.UsageError(f"{option} is for pictures, and no input is one")
        if any(source.files or source.chunks for source in sources):
            stack.enter_context(silent())
        yield sources


def write_file_lists(
    model: Model, sources: Sequence[ArrayInput], output: str | None, *, err: bool
) -> None:
    """Beside an output the file of each row, where the rows came from files of their own."""
    place = None if output in {None, "-"} else place_of(str(output))
    if place is None or place.scheme is not None:
        return
    from speccompiler.arrays.picture_rows import rows_path, write_rows

    several = len(model.input_names) > 1
    for name, source in zip(model.input_names, sources, strict=True):
        if source.files is not None:
            path = rows_path(Path(place.file), name if several else None)
            with about(str(path)):
                write_rows(path, source.files)
            click.echo(printable(f"wrote {path}: the file of each row of {source.name}"), err=err)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """What the libraries behind an input warn of has no place on the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def input_openers(
    model: Model, files: Mapping[str, str], pictures: PictureOptions = AS_THEY_ARE
) -> dict[str, Opener]:
    """What opens each input, as often as it is called."""
    from speccompiler.running.input_form import input_form
    from speccompiler.running.verify import file_opener

    return {
        name: file_opener(file, form=input_form(model, name, pictures))
        for name, file in files.items()
    }


def _opened(model: Model, name: str, file: str, pictures: PictureOptions) -> ArrayInput:
    if file == "-":
        from speccompiler.arrays.npy_input import open_array

        with about("<stdin>"):
            # Past the buffer: a thread that waits there when the process ends would hold its lock.
            stream = standard_input("CS110")
            return open_array(getattr(stream, "raw", stream), "<stdin>")
    from speccompiler.arrays.open_input import open_input
    from speccompiler.running.input_form import input_form

    with about(shown_name(file)):
        return open_input(file, input_form(model, name, pictures))
