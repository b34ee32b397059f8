"""A Zarr v3 array that is written box by box: whole chunks, and whole shards where it has them.

zarr reads a shard that is written in part, changes it and writes it again: of two writers one
loses its values without a word (zarr-python issue 3682). So a box is whole cells of ``grid``, and
``put`` holds that. Every cell that was written is a file, also one that holds nothing but the fill
value: what is missing is seen, and -0.0 stays what it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box, shape_of, slices
from speccompiler.arrays.chunk_layout import Compression
from speccompiler.arrays.npy_box_output import failed
from speccompiler.arrays.zarr_array import ATTRIBUTE, ZarrArray
from speccompiler.arrays.zarr_target import check_zarr
from speccompiler.diagnostics.core import Problem
from speccompiler.files import atomic_output
from speccompiler.files.synced import sync_files

UNFINISHED = "unfinished"
"""In it, while an array at a URL is not complete."""


class ZarrBoxes:
    """An array in a folder, or at a URL. It pickles by its place."""

    def __init__(self, place: Path | str) -> None:
        """Open the array that ``create_zarr`` made; a ``Path`` is a folder, a text a URL."""
        zarr = _zarr()
        self.place = place
        # zarr takes no notice of a config that open_array is given.
        self._array = zarr.open_array(_store(place), mode="r+").with_config(_WRITE_ALL)
        self.shape = tuple(self._array.shape)
        self._threads: ThreadPoolExecutor | None = None
        self._turn = threading.Lock()

    def __reduce__(self) -> tuple[Callable[..., ZarrBoxes], tuple[object, ...]]:
        return ZarrBoxes, (self.place,)

    @property
    def grid(self) -> tuple[int, ...]:
        """A shard where the array has shards, else a chunk."""
        return tuple(self._array.shards or self._array.chunks)

    def put(self, box: Box, values: npt.NDArray[np.float32]) -> None:
        """Write a box of whole cells. CS121."""
        assert values.shape == shape_of(box), f"{values.shape} written to {box}"
        for (first, last), cell, length in zip(box, self.grid, self.shape, strict=True):
            if first % cell or (last % cell and last != length):  # also under -O
                raise AssertionError(f"{box} is not made of whole cells of {self.grid}")
        written = self._pool().submit(self._array.__setitem__, slices(box), values)
        try:
            written.result()
        except Exception as error:  # of the disk, of a server, of a codec
            raise self._failed(error) from None
        finally:
            # An interrupt ends the waiting, not the writing: nothing is to appear later.
            wait([written])

    def sync(self, box: Box) -> None:
        """Return when what was written to a box would outlast a crash of the machine. CS121."""
        if isinstance(self.place, str):
            return  # a server answers when it has stored
        try:
            sync_files(map(self.place.joinpath, self._keys(box)), self.place)
        except OSError as error:
            raise failed(error) from None

    def close(self) -> None:
        """End the threads that write."""
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def mark_complete(self) -> None:
        """Take away the note that the array is not complete. CS121."""
        attributes = dict(self._array.attrs.get(ATTRIBUTE, {}))
        attributes.pop(UNFINISHED, None)
        try:
            self._array.update_attributes({ATTRIBUTE: attributes})
        except Exception as error:  # as above
            raise self._failed(error) from None

    def _pool(self) -> ThreadPoolExecutor:
        with self._turn:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(thread_name_prefix="convspec-zarr")
        return self._threads

    def _keys(self, box: Box) -> Iterator[str]:
        ranges = [
            range(first // cell, -(-last // cell))
            for (first, last), cell in zip(box, self.grid, strict=True)
        ]
        return map(self._array.metadata.encode_chunk_key, product(*ranges))

    def _failed(self, error: Exception) -> Exception:
        """CS121; an error that is none of the system's, on this machine, stays what it is."""
        if isinstance(self.place, str):
            return failed_at_server(error)
        return failed(error) if isinstance(error, OSError) else error


_WRITE_ALL: Any = {"write_empty_chunks": True}


def create_zarr(place: Path | str, array: ZarrArray, *, unfinished: bool = False) -> ZarrBoxes:
    """A new array at a place where nothing is. CS104, CS120, CS121."""
    zarr = _zarr()
    layout = array.layout
    said = {**array.attributes, **({UNFINISHED: True} if unfinished else {})}
    try:
        zarr.create_array(
            _store(place),
            shape=array.shape,
            dtype="float32",
            chunks=layout.chunks,
            shards=layout.shards,
            compressors=_compressor(layout.compression),
            fill_value=layout.fill_value,
            attributes={ATTRIBUTE: said},
            dimension_names=array.dimension_names,
            config=_WRITE_ALL,
        )
        if isinstance(place, Path):
            sync_files([place / "zarr.json"], place)
    except OSError as error:
        if isinstance(place, str):
            raise failed_at_server(error) from None
        raise atomic_output.write_failure(error, "no samples") from None
    return ZarrBoxes(place)


def remove_partial_files(folder: Path) -> None:
    """Remove what zarr had not given its name when its process died. Raises ``OSError``."""
    for partial in folder.rglob("*.partial"):
        partial.unlink()


def is_marked_unfinished(url: str) -> bool:
    """Whether a run that did not end has left the array at a URL."""
    try:
        array = _zarr().open_array(_store(url), mode="r")
    except (OSError, ValueError, KeyError):
        return False
    said = array.attrs.get(ATTRIBUTE)
    return isinstance(said, dict) and said.get(UNFINISHED) is True


ACCESS = "check the address and your access to it"


def servers_words(error: Exception) -> str:
    """What a server, or the library that asked it, says of a failure."""
    return str(error) or type(error).__name__


def failed_at_server(error: Exception) -> Problem:
    """CS121 for a write at a URL."""
    return Problem("CS121", f"writing stopped after some samples: {servers_words(error)}", ACCESS)


def _zarr() -> Any:
    check_zarr()
    import zarr

    return zarr


def _store(place: Path | str) -> Any:
    if isinstance(place, str):
        from zarr.storage import FsspecStore

        return FsspecStore.from_url(place)
    from zarr.storage import LocalStore

    return LocalStore(place)


def _compressor(compression: Compression) -> Any:
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    match compression.method:
        case "none":
            return None
        case "zstd":
            return ZstdCodec(level=compression.level)
        case "gzip":
            return GzipCodec(level=compression.level)
        case "blosc":
            shuffle: Any = compression.shuffle
            codec: Any = compression.codec
            return BloscCodec(typesize=4, cname=codec, clevel=compression.level, shuffle=shuffle)
