"""One picture through Pillow: what its header says, and its values as Keras would give them.

Keras's ``load_img`` and ``img_to_array`` (Keras 1.2.2 preprocessing/image.py:223): converted to
the mode, then resized with the nearest value, 0 to 255, and not turned by what EXIF says.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from speccompiler.arrays.picture_form import PictureForm
from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import on_one_line, quoted, shown
from speccompiler.files.file_kinds import FileKind, kind_of
from speccompiler.files.ordinary_files import NotOrdinary, first_bytes, open_ordinary
from speccompiler.files.system_errors import reading_reason
from speccompiler.frozen import dataclass

FORMATS = tuple(str(kind.format) for kind in (PngImageFile, JpegImageFile, TiffImageFile))
"""Pillow's readers that may look at a file; a JPEG may have more pictures behind it (MPO)."""
MOST_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485
_DEEP = ("I", "F")
"""How the modes begin whose values have more than 8 bits."""
_ORIENTATION = 0x0112
# What Pillow raises for damaged files, found by feeding it some.
_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError,
    RuntimeError, AttributeError, NotImplementedError, struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture says of itself, before its values are unpacked."""

    height: int
    width: int
    turned: bool
    """Whether EXIF says that it is to be shown turned."""
    frames: int
    sixteen_bits: bool
    """Whether a channel has 16 bits, of which Pillow keeps the upper 8."""
    state: str
    """Of the file: what changes when its content does."""


def read_header(path: str) -> PictureHeader:
    """Open a picture without unpacking it. CS110, CS185. Not from several threads at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return _header(path)


def _header(path: str) -> PictureHeader:
    with _opened(path) as image:
        width, height = image.size
        # Of a PNG without EXIF in front, Pillow would unpack all to find it behind the values.
        looked_at = image.format != PngImageFile.format or "exif" in image.info
        turned = looked_at and image.getexif().get(_ORIENTATION, 1) not in (0, 1)
        # Counting the frames of a TIFF goes through all of them.
        frames = 2 if _has_second(image) else 1
        deep = any(";16" in str(tile[3]) for tile in getattr(image, "tile", None) or ())
        return PictureHeader(height, width, turned, frames, deep, _state(path))


def decode(path: str, form: PictureForm) -> npt.NDArray[np.uint8]:
    """The values of a picture as a sample of this form. CS110, CS115, CS185."""
    with _opened(path) as image:
        if image.mode == "P" and "transparency" in image.info:
            # What Pillow would do, without its warning.
            values = image.convert("RGBA").convert(form.mode)
        else:
            values = image.convert(form.mode)
        if form.resize is not None:
            size = (form.resize.width, form.resize.height)
            if values.size != size:
                values = values.resize(size, Image.Resampling[form.resize.filter.upper()])
        array = np.asarray(values)
    if not form.channel_axis:
        return array
    if array.ndim == 2:
        array = array[..., None]
    return np.ascontiguousarray(np.moveaxis(array, -1, 0)) if form.channels_first else array


@contextmanager
def _opened(path: str) -> Iterator[Image.Image]:
    """A picture whose header is read, of a sort that can be converted."""
    try:
        with open_ordinary(Path(path)) as stream, _open(stream, path) as image:
            if image.mode.startswith(_DEEP):
                raise Problem(
                    "CS185",
                    f"the values of {quoted(path)} have more than 8 bits (Pillow's mode "
                    f"'{image.mode}'); pictures are read as 0 to 255",
                    "scale them to 8 bits, or save them as an array with numpy.save",
                )
            yield image
    except NotOrdinary as found:
        text = f"{quoted(path)} cannot be read: {found.reason}"
        raise Problem("CS110", text, "check the path and the permissions") from None
    except MemoryError:
        text = f"there is no memory for the picture {quoted(path)}"
        raise Problem("CS115", text, "make it smaller") from None
    except _ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            text = f"{quoted(path)} cannot be read: {reading_reason(error)}"
            raise Problem("CS110", text, "check the path and the device") from None
        reason = shown(on_one_line(str(error)) or type(error).__name__, 120)
        text = f"the picture {quoted(path)} is damaged ({reason})"
        raise Problem("CS185", text, "copy the file again, or leave it out") from None


def _open(stream: Any, path: str) -> Image.Image:
    try:
        return Image.open(stream, formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Problem(
            "CS185",
            f"the picture {quoted(path)} has more than {MOST_PIXELS} pixels",
            "make it smaller, or save its values as an array with numpy.save",
        ) from None
    except UnidentifiedImageError:
        raise _no_picture(path) from None


_KINDS = {FileKind.PNG: "PNG", FileKind.JPEG: "JPEG", FileKind.TIFF: "TIFF"}


def _no_picture(path: str) -> Problem:
    begin = first_bytes(Path(path), 64)
    kind = _KINDS.get(kind_of(begin))
    if not begin:
        what = f"the picture {quoted(path)} is empty"
    elif kind is not None:
        what = f"the picture {quoted(path)} is damaged: it begins as {kind}, and goes on otherwise"
    else:
        what = f"{quoted(path)} is no PNG, JPEG or TIFF"
    return Problem("CS185", what, "copy the file again, or leave it out")


def _has_second(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except _ERRORS:
        return False


def _state(path: str) -> str:
    status = Path(path).stat()
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
