"""The pictures of ``convspec run``: what layers give for the first samples, a PNG for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from speccompiler.cli.options import not_empty
from speccompiler.cli.render import printable
from speccompiler.cli.text_files import refuse_to_overwrite
from speccompiler.diagnostics.core import about
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.model import Model

F = TypeVar("F", bound=Callable[..., Any])
LONGEST = 100
"""Characters of a layer's name in the name of a file."""


@dataclass(frozen=True, slots=True)
class Images:
    """Where pictures go, and what is drawn."""

    images: str | None
    image_samples: int
    image_channels: int
    image_range: Literal["map", "layer"]


def images_options(function: F) -> F:
    """``--images`` and what says how they are drawn."""
    for option in (
        click.option(
            "--image-range",
            type=click.Choice(["map", "layer"]),
            default="map",
            show_default=True,
            help="Whose least and largest values are the darkest and the lightest.",
        ),
        click.option(
            "--image-channels",
            type=click.IntRange(min=1, max=4096),
            default=64,
            show_default=True,
            help="The most channels in a picture.",
        ),
        click.option(
            "--image-samples",
            type=click.IntRange(min=1, max=1000),
            default=4,
            show_default=True,
            help="How many samples are drawn, from the first.",
        ),
        click.option(
            "--images",
            metavar="DIR",
            callback=not_empty,
            help="Draw what each --layer gives, or the outputs where none is named: "
            "DIR/<layer>.<sample>.png, a map for each channel (extra pictures).",
        ),
    ):
        function = option(function)
    return function


class FirstSamples:
    """A sink that keeps the first samples of an output."""

    def __init__(self, most: int) -> None:
        self.values: list[Any] = []
        self._most = most

    def write(self, batch: Any) -> None:
        """The next samples."""
        missing = self._most - len(self.values)
        if missing > 0:
            self.values += [value.copy() for value in batch[:missing]]


def image_sinks(wanted: Images, names: Iterable[str]) -> dict[str, FirstSamples]:
    """What keeps the samples of each layer that is drawn; nothing where none is."""
    if wanted.images is None:
        return {}
    return {name: FirstSamples(wanted.image_samples) for name in dict.fromkeys(names)}


def check_images(wanted: Images) -> None:
    """Refuse what cannot be done, before anything is run. CS120."""
    if wanted.images is None:
        return
    if find_spec("matplotlib") is None:
        raise click.UsageError('--images needs matplotlib: pip install "convspec[pictures]"')
    from speccompiler.files.atomic_output import cannot_create, check_target

    folder = Path(wanted.images)
    with about(str(folder)):
        if not folder.exists():
            check_target(folder)
        elif not folder.is_dir():
            raise cannot_create("this is no folder", "name a folder, for example 'maps'")
        written = folder if folder.exists() else folder.absolute().parent
        if not os.access(written, os.W_OK | os.X_OK):
            raise cannot_create(
                f"no file can be made in the folder '{written}'",
                "choose a folder that you may write to",
            )


def write_images(
    wanted: Images,
    model: Model,
    sinks: dict[str, FirstSamples],
    read: Sequence[str | Path],
    *,
    err: bool,
) -> None:
    """Draw all samples; the files take their names together."""
    if wanted.images is None:
        return
    from speccompiler.drawing.channel_axes import channel_axes
    from speccompiler.drawing.feature_maps import feature_maps, png
    from speccompiler.drawing.layer_graph import layer_graph
    from speccompiler.files.atomic_output import (
        FileGroup,
        atomic_file,
        cannot_create,
        write_failure,
    )
    from speccompiler.files.system_errors import writing_reason

    axes = channel_axes(layer_graph(model.shapes()).nodes, model.spec.by_call())
    folder = Path(wanted.images)
    with about(str(folder)):
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_create(writing_reason(error), "choose another folder") from None
    said = []
    with FileGroup() as group:
        for name, stem in zip(sinks, _stems(sinks), strict=True):
            for index, value in enumerate(sinks[name].values):
                target = folder / f"{stem}.{index}.png"
                refuse_to_overwrite(target, read)
                maps = feature_maps(value, axes[name], wanted.image_channels, wanted.image_range)
                content = png(maps, f"{model.name}: {name}, sample {index}")
                with about(str(target)), atomic_file(target, len(content), group) as file:
                    try:
                        file.write(content)
                    except OSError as error:
                        raise write_failure(error, "a part of the file") from None
                said.append(f"wrote {target}: {maps.words}")
    for line in said:
        click.echo(printable(line), err=err)


def _stems(names: Iterable[str]) -> list[str]:
    """A name for a file for each layer, of letters that every system takes, each once."""
    found: list[str] = []
    for name in names:
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)[:LONGEST]
        safe = f"_{safe}" if safe.startswith(".") else safe
        stem, number = safe, 1
        while stem.casefold() in map(str.casefold, found):
            number += 1
            stem = f"{safe}-{number}"
        found.append(stem)
    return found
