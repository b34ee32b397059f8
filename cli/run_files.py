"""The files of ``convspec run``: which file an input is read from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.cli.streams import standard_input
from speccompiler.diagnostics.core import about, did_you_mean

if TYPE_CHECKING:
    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.model import Model

ARCHIVE = ".npz"


def input_files(model: Model, given: Sequence[str]) -> dict[str | None, str]:
    """File of each input by its name; under None one file for the whole model."""
    names = model.input_names
    files: dict[str | None, str] = {}
    for text in given:
        before, equals, after = text.partition("=")
        name, file = (before, after) if equals and before in names else (None, text)
        if name is None and equals and not Path(text).exists() and _is_named(names, after):
            hint = did_you_mean(before, names) or f"inputs: {', '.join(names)}"
            raise click.UsageError(f"no input '{before}' in {model.name}; {hint}")
        if name in files and (name is not None or len(names) == 1):
            what = "--input" if name is None else f"--input {name}="
            raise click.UsageError(f"{what} is given twice")
        if not file:
            raise click.UsageError(f"--input {text}: the name of the file is empty")
        files[name] = file
    whole = files.get(None)
    if whole is not None and (len(files) > 1 or (len(names) > 1 and not _is_archive_file(whole))):
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
    return len(names) > 1 or Path(after).exists()


def _is_archive(file: str) -> bool:
    return Path(file).suffix.lower() == ARCHIVE


def _is_archive_file(file: str) -> bool:
    """Whether a file to read is an archive, whatever its name."""
    from speccompiler.arrays.npz_input import is_archive

    return file != "-" and (_is_archive(file) or is_archive(Path(file)))


@contextlib.contextmanager
def opened(model: Model, files: Mapping[str | None, str]) -> Iterator[list[ArrayInput]]:
    """The arrays of all inputs, in the model's order."""
    from speccompiler.arrays.npy_input import open_array
    from speccompiler.arrays.npz_input import is_archive, open_archive, open_file

    names = model.input_names
    with contextlib.ExitStack() as stack:
        file = files.get(None, "-")
        if file != "-" and (len(names) > 1 or is_archive(Path(file))):
            with about(file):
                members = stack.enter_context(open_archive(Path(file), names, file))
            yield [members[name] for name in names]
            return
        sources = []
        for name in names:
            file = files[None] if None in files else files[name]
            shown = "<stdin>" if file == "-" else file
            with about(shown):
                source = (
                    open_array(standard_input("CS110"), shown)
                    if file == "-"
                    else open_file(Path(file), shown)
                )
            sources.append(stack.enter_context(source))
        yield sources
