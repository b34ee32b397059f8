"""Read arrays by URL, through fsspec: .npy in ranges or as a stream, and Zarr.

HDF5 files, archives and pictures are not read over a network: their readers look around in a
file, or open many. Credentials are those that fsspec's backends find themselves.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.chunked_batches import batches_of_boxes
from speccompiler.arrays.npy_boxes import read_box
from speccompiler.arrays.npy_input import array_input, check_size, header_of, open_stream
from speccompiler.arrays.optional_packages import needs
from speccompiler.arrays.places import SEPARATOR, Place, without_secrets
from speccompiler.arrays.remote_problems import CONNECT_SECONDS, READ_SECONDS, network_problems
from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass

BACKENDS: Mapping[str, str] = {
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "memory": "fsspec",
}
"""The package behind each scheme."""
GAP = 1 << 20
"""Over a network: bytes that take about as long as a request of their own."""
_HEAD = 1 << 14
_SLOWEST = 100_000
"""Bytes a second that a server has to reach."""
_ELSEWHERE: Mapping[str, str] = {
    ".h5": "HDF5 files", ".hdf5": "HDF5 files", ".npz": ".npz archives",
    ".png": "pictures", ".jpg": "pictures", ".jpeg": "pictures",
    ".tif": "pictures", ".tiff": "pictures", ".zip": "zip archives",
}  # fmt: skip


def open_remote(place: Place) -> ArrayInput:
    """The array that a URL leads to. CS104, CS111 to CS115, CS124, CS186."""
    scheme = place.scheme or ""
    package = BACKENDS.get(scheme)
    if package is None:
        known = ", ".join(f"{name}://" for name in ("https", "s3", "gs", "memory", "file"))
        raise Problem("CS186", f"URLs of {scheme}:// are not read", f"known are {known}")
    needs(package, "remote", f"{scheme}:// URLs need")
    try:
        parts = urlsplit(place.file)
    except ValueError:
        raise Problem("CS186", "this is no URL", f"write it as {scheme}://host/path") from None
    if not parts.netloc and scheme != "memory":
        raise Problem("CS186", "the URL names no host", f"write it as {scheme}://host/path")
    path = parts.path.rstrip("/").lower()
    for ending, what in _ELSEWHERE.items():
        if path.endswith(ending):
            raise Problem(
                "CS186",
                f"{what} are not read over a network",
                "copy the file to this machine; .npy and Zarr are read by URL",
            )
    if ".zarr" in path or place.inner is not None:
        return _open_zarr(place)
    with network_problems(place):
        import fsspec

        fs, name = fsspec.url_to_fs(place.file, **_options(scheme))
        if not path.endswith(".npy") and not _is_file(fs, name):
            return _open_zarr(place)
        return _open_npy(fs, name, place)


def _options(scheme: str) -> dict[str, Any]:
    """Limits of time for whoever answers slowly or never."""
    if scheme in {"http", "https"}:
        import aiohttp

        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
        )
        return {"client_kwargs": {"timeout": limits}}
    if scheme in {"s3", "s3a"}:
        limits_of = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
        return {"config_kwargs": {**limits_of, "retries": {"max_attempts": 3}}}
    return {}


def _is_file(fs: Any, name: str) -> bool:
    try:
        return bool(fs.info(name)["type"] == "file")
    except FileNotFoundError:
        return False


# --- .npy


@dataclass(frozen=True, slots=True)
class _RemoteFile:
    """A file on a server that gives ranges."""

    fs: Any
    name: str
    place: Place
    size: int
    gap: int = GAP

    def read_at(self, view: memoryview, offset: int) -> int:
        """See ``Positioned``. CS186."""
        last = min(offset + len(view), self.size)
        if last <= offset:
            return 0
        limit = {"timeout": READ_SECONDS + (last - offset) / _SLOWEST}
        with network_problems(self.place):
            data = self.fs.cat_file(
                self.name, start=offset, end=last, **(limit if self.fs.async_impl else {})
            )
        if len(data) > last - offset:
            raise Problem(
                "CS186",
                "the server gives other bytes than it is asked for",
                "copy the file to this machine",
            )
        view[: len(data)] = data
        return len(data)


class _Beginning(io.RawIOBase):
    """A remote file from its first byte on, in pieces."""

    def __init__(self, file: _RemoteFile) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """The next bytes."""
        count = self._file.read_at(memoryview(buffer), self._at)
        self._at += count
        return count


class _Stream:
    """What a server sends, from the first byte to the last."""

    def __init__(self, stream: Any, place: Place) -> None:
        self._stream = stream
        self._place = place

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes. CS186."""
        with network_problems(self._place):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _open_npy(fs: Any, name: str, place: Place) -> ArrayInput:
    about = fs.info(name)
    size = about.get("size")
    if size is None or not _gives_ranges(fs, name, place):
        stream = fs.open(name, "rb", block_size=0)
        return open_stream(_Stream(stream, place), place.shown, close=stream.close, size=size)
    file = _RemoteFile(fs, name, place, size)
    beginning = io.BufferedReader(_Beginning(file), _HEAD)
    header = header_of(beginning.raw if size < _HEAD else beginning, lambda: b"", place.shown)
    check_size(header, size - header.data_offset)
    state = [str(about[key]) for key in _STATE if about.get(key)]
    source = array_input(
        header,
        place.shown,
        lambda n: batches_of_boxes(header.shape, lambda box: read_box(file, header, box), n),
        lambda: None,
    )
    return replace(
        source,
        _box=lambda box: read_box(file, header, box),
        identity=f"{place.shown}, {size} bytes, {', '.join(state)}, {header.as_text()}",
    )


_STATE = ("ETag", "etag", "LastModified", "Last-Modified", "generation", "updated", "created")
"""What servers say of a file that changes with its content."""


def _gives_ranges(fs: Any, name: str, place: Place) -> bool:
    if place.scheme not in {"http", "https"}:
        return True
    try:
        with fs.open(name, "rb", block_size=_HEAD, cache_type="none") as file:
            file.seek(1)
            file.read(1)
    except (ValueError, NotImplementedError):  # fsspec's words for a server without ranges
        return False
    return True


# --- Zarr


def _open_zarr(place: Place) -> ArrayInput:
    needs("zarr", "zarr", "Zarr arrays need")
    from speccompiler.arrays.zarr_input import open_zarr
    from speccompiler.arrays.zarr_remote import RemoteStore

    if "?" in place.file:
        raise Problem(
            "CS186",
            "there is no Zarr array behind a '?', which belongs to the URL of a single file",
            "give the URL without it, or copy the array to this machine",
        )
    root, inner = _root(place)
    with network_problems(place):
        store = RemoteStore.at(root, _options(place.scheme or ""), place)
    shown = without_secrets(root)
    separator = "/" if place.inner is None else SEPARATOR
    return open_zarr(store, inner, shown, lambda at: f"{shown} {at}", separator)


def _root(place: Place) -> tuple[str, str]:
    """The URL of the hierarchy, which ends at '.zarr' where that is in it, and the path inside."""
    if place.inner is not None:
        return place.file.rstrip("/"), place.inner
    lower = place.file.lower()
    at = lower.find(".zarr/", lower.find("://") + 3)
    if at < 0:
        return place.file.rstrip("/"), ""
    return place.file[: at + 5], place.file[at + 6 :]
