"""Read pictures as an array: one a sample, of one size, in float32 from 0 to 255.

The headers of all are read first, so that what does not fit is said before anything runs. The
next pictures are unpacked in a few threads while others are at work.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from math import prod

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box, shape_of, slices
from speccompiler.arrays.npy_batches import Batches, allocated
from speccompiler.arrays.picture_decoding import PictureHeader, decode, read_header
from speccompiler.arrays.picture_files import PictureFiles
from speccompiler.arrays.picture_form import PictureForm
from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.system.threads import default_threads

_THREADS = 4
_MOST_AHEAD = 256 << 20
"""Bytes of pictures that are unpacked and not yet taken."""
_KEPT = 2
"""Pictures that stay unpacked while they are read in parts."""


def open_pictures(found: PictureFiles, form: PictureForm, name: str) -> ArrayInput:
    """The pictures as an array. CS110, CS115, CS185."""
    files = found.files
    headers = [read_header(path) for path in files]
    first = headers[0]
    for path, header in zip(files, headers, strict=True):
        if form.resize is None and (header.height, header.width) != (first.height, first.width):
            raise _of_another_size(files[0], first, path, header, form)
    sample = form.sample_shape(first.height, first.width)
    states = "\n".join(
        f"{path} {header.state}" for path, header in zip(files, headers, strict=True)
    )

    @lru_cache(maxsize=_KEPT)
    def kept(index: int) -> npt.NDArray[np.uint8]:
        return decode(files[index], form)

    def box(wanted: Box) -> npt.NDArray[np.float32]:
        out = allocated(shape_of(wanted), np.dtype(np.float32))
        first, last = wanted[0]
        if shape_of(wanted[1:]) == sample:
            pictures = _decoded(files[first:last], form, prod(sample))
        else:
            pictures = map(kept, range(first, last))
        inner = slices(wanted[1:])
        for row, picture in enumerate(pictures):
            out[row] = _fitting(picture, sample, files[first + row])[inner]
        return out

    return ArrayInput(
        name,
        (len(files), *sample),
        np.dtype(np.uint8),
        False,
        "; ".join(_notes(found, headers, form)),
        lambda n: _batches(files, form, sample, n),
        _box=box,
        chunks=(1, *sample),
        identity=f"pictures {sha256(states.encode()).hexdigest()[:16]}, {form}",
        files=files,
    )


def _of_another_size(
    first: str, one: PictureHeader, path: str, other: PictureHeader, form: PictureForm
) -> Problem:
    height, width = form.wanted or (one.height, one.width)
    return Problem(
        "CS185",
        f"{quoted(path)} is {other.height} high and {other.width} wide, and {quoted(first)} is "
        f"{one.height} high and {one.width} wide: all must have one size",
        f"--resize {height},{width} brings all to one",
    )


def _notes(
    found: PictureFiles, headers: Sequence[PictureHeader], form: PictureForm
) -> Iterator[str]:
    """What becomes of the pictures, for people."""

    def of(named: Iterator[str]) -> str:
        return first_few([quoted(os.path.basename(path)) for path in named], 3)

    pairs = list(zip(found.files, headers, strict=True))
    count = len(pairs)
    yield f"{count} picture{'s' if count > 1 else ''} as {form.mode}, 0 to 255, in float32"
    if any(header.turned for header in headers):
        turned = of(path for path, header in pairs if header.turned)
        yield f"not turned as EXIF says: {turned}"
    if any(header.frames > 1 for header in headers):
        yield f"only the first of several in {of(p for p, h in pairs if h.frames > 1)}"
    if any(header.sixteen_bits for header in headers):
        deep = of(path for path, header in pairs if header.sixteen_bits)
        yield f"the upper 8 of 16 bits of {deep}"
    if found.passed_over:
        yield f"passed over by name: {of(iter(found.passed_over))}"


def _batches(
    files: Sequence[str], form: PictureForm, sample: tuple[int, ...], batch_size: int
) -> Batches:
    rows = min(batch_size, len(files))
    out = allocated((rows, *sample), np.dtype(np.float32))
    filled = 0
    for index, picture in enumerate(_decoded(files, form, prod(sample))):
        out[filled] = _fitting(picture, sample, files[index])
        filled += 1
        if filled == rows:
            yield out
            filled = 0
    if filled:
        yield out[:filled]


def _decoded(files: Sequence[str], form: PictureForm, size: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Each picture in order; the next ones are unpacked meanwhile."""
    if len(files) == 1:
        yield decode(files[0], form)
        return
    ahead = max(1, min(2 * _THREADS, _MOST_AHEAD // size))
    pool = ThreadPoolExecutor(min(_THREADS, ahead, default_threads()), "pictures")
    waiting: deque[Future[npt.NDArray[np.uint8]]] = deque()
    try:
        for path in files:
            waiting.append(pool.submit(decode, path, form))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fitting(
    picture: npt.NDArray[np.uint8], sample: tuple[int, ...], path: str
) -> npt.NDArray[np.uint8]:
    if picture.shape != sample:
        text = f"the picture {quoted(path)} changed while it was in use"
        raise Problem("CS185", text, "run again when nothing writes to it")
    return picture
