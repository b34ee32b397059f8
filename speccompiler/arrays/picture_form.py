"""What pictures become: their size, their mode, and where the channels stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speccompiler.frozen import dataclass

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
"""Channels of each mode, by Pillow's names."""
FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
"""Pillow's filters for another size, the plainest first; Keras resized with the first."""


@dataclass(frozen=True, slots=True)
class Resize:
    """The size that pictures are brought to, and how."""

    height: int
    width: int
    filter: str = FILTERS[0]


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """What a caller may say of pictures."""

    resize: Resize | None = None
    mode: str | None = None

    @property
    def given(self) -> bool:
        """Whether anything is said."""
        return self.resize is not None or self.mode is not None


@dataclass(frozen=True, slots=True)
class PictureForm:
    """How a picture becomes a sample."""

    mode: str = "RGB"
    channels_first: bool = False
    channel_axis: bool = True
    """Whether there is one: a model over (height, width) has none."""
    resize: Resize | None = None
    wanted: tuple[int, int] | None = None
    """Height and width of the model's input, where it says both; for messages."""

    def sample_shape(self, height: int, width: int) -> tuple[int, ...]:
        """The shape of a sample from a picture of this size."""
        if self.resize is not None:
            height, width = self.resize.height, self.resize.width
        if not self.channel_axis:
            return (height, width)
        channels = CHANNELS[self.mode]
        return (channels, height, width) if self.channels_first else (height, width, channels)


def picture_form(
    shape: Sequence[object], orderings: Iterable[str], options: PictureOptions
) -> PictureForm:
    """The form for a model's input of this shape, whose layers have these ``dim_ordering``.

    Channels stand where the shape has 1, 3 or 4 of them; where that leaves it open, the layers
    decide, and for none of them they come last, as in Keras by default.
    """
    if len(shape) == 2:
        height, width = shape
        mode = options.mode or "L"
        return _form(options, mode, False, mode != "L", (height, width))
    known = set(CHANNELS.values())
    last = len(shape) == 3 and shape[-1] in known
    first = len(shape) == 3 and shape[0] in known and (not last or set(orderings) == {"th"})
    count = shape[0] if first else (shape[-1] if last else None)
    names = {number: mode for mode, number in CHANNELS.items()}
    mode = options.mode or (names[count] if isinstance(count, int) else "RGB")
    rest = (shape[1:] if first else shape[:-1]) if len(shape) == 3 else ()
    return _form(options, mode, first, True, rest)


def _form(
    options: PictureOptions,
    mode: str,
    channels_first: bool,
    channel_axis: bool,
    sides: Sequence[object],
) -> PictureForm:
    lengths = [side for side in sides if isinstance(side, int)]
    wanted = (lengths[0], lengths[1]) if len(lengths) == 2 else None
    return PictureForm(mode, channels_first, channel_axis, options.resize, wanted)
