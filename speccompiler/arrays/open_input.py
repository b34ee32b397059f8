"""Open whatever can be an input. Its content says what it is, and its name where that is unclear.

What only one kind of input needs is imported only for that kind.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.npy_input import file_identity, open_array
from speccompiler.arrays.npz_input import is_archive, open_file
from speccompiler.arrays.optional_packages import needs
from speccompiler.arrays.picture_files import (
    ENDINGS,
    PictureFiles,
    folder_files,
    is_pattern,
    pattern_files,
)
from speccompiler.arrays.picture_form import PictureForm
from speccompiler.arrays.places import SEPARATOR, Place, place_of
from speccompiler.diagnostics.core import Problem
from speccompiler.files.file_kinds import FileKind, kind_of
from speccompiler.files.hdf5_signature import begins_as_hdf5
from speccompiler.files.npz_format import SIGNATURES, ZIP_ERRORS
from speccompiler.files.ordinary_files import NotOrdinary, first_bytes, open_ordinary

_PICTURES = frozenset({FileKind.PNG, FileKind.JPEG, FileKind.TIFF})
_UNCLEAR = frozenset({FileKind.OTHER})
_HDF5_ENDINGS = frozenset({".h5", ".hdf5", ".hdf", ".he5"})
_ZARR_FILES = ("zarr.json", ".zarray", ".zgroup", ".zmetadata")
PLAIN = PictureForm()


def open_input(text: str, form: PictureForm = PLAIN) -> ArrayInput:
    """An array by its name; pictures in the form that is wanted.

    CS104, CS110 to CS115, CS124, CS185, CS186.
    """
    place = place_of(text)
    if place.scheme == "file":
        place = _local(place)
    if place.scheme is not None:
        needs("fsspec", "remote", "URLs need")
        from speccompiler.arrays.remote_input import open_remote

        return open_remote(place)
    source = _open_local(place, form)
    return source if source.path is not None else replace(source, path=place.file)


def _open_local(place: Place, form: PictureForm) -> ArrayInput:
    """A file or a folder of this machine."""
    if not place.file:
        raise Problem("CS110", "the name of the file is empty", "write FILE, or FILE::PATH")
    path = Path(place.file)
    if os.path.isdir(path):
        return _open_folder(path, place, form)
    if place.inner is None and is_pattern(place.file):
        return _open_pictures(pattern_files(place.file), form, place.shown)
    root = _zarr_root(path)
    if root is not None:
        inside = "/".join((*path.relative_to(root).parts, place.inner or ""))
        return _open_zarr(root, inside, str(root), "/")
    return _open_one(path, place, form)


def holds_several(text: str) -> bool:
    """Whether a name is that of an archive, whose members may be named as a model's inputs."""
    place = place_of(text)
    if place.scheme is not None or place.inner is not None:
        return False
    path = Path(place.file)
    return is_archive(path) and (path.suffix.lower() == ".npz" or not _holds_zarr(path))


def _local(place: Place) -> Place:
    """``file:///data/x.npy`` as a path. CS110."""
    host, slash, path = unquote(place.file.partition("://")[2]).partition("/")
    if host not in {"", "localhost"}:
        raise Problem(
            "CS110",
            f"a file:// URL names a file of this machine, and this one names '{host}'",
            "write file:///path, or the path alone",
        )
    return Place(slash + path, place.inner, None)


def _open_folder(path: Path, place: Place, form: PictureForm) -> ArrayInput:
    if place.inner is not None:
        return _open_zarr(path, place.inner, place.file, SEPARATOR)
    if path.suffix.lower() == ".zarr" or _is_zarr(path):
        return _open_zarr(path, "", place.file, "/")
    root = _zarr_root(path)
    if root is not None and root.suffix.lower() == ".zarr":
        return _open_zarr(root, path.relative_to(root).as_posix(), str(root), "/")
    return _open_pictures(folder_files(path), form, place.shown)


def _is_zarr(folder: Path) -> bool:
    return any(os.path.exists(folder / name) for name in _ZARR_FILES)


def _zarr_root(path: Path) -> Path | None:
    """The outermost folder above a path that is a Zarr group or array."""
    for parent in reversed(path.parents):
        if parent.name and (_is_zarr(parent) or parent.suffix.lower() == ".zarr"):
            return parent if os.path.isdir(parent) else None
    return None


def _open_zarr(path: Path, inner: str, shown: str, separator: str) -> ArrayInput:
    needs("zarr", "zarr", "Zarr arrays need")
    from speccompiler.arrays.zarr_input import open_zarr
    from speccompiler.arrays.zarr_stores import FolderStore, folder_state

    store = FolderStore(path, read_only=True)
    return open_zarr(store, inner, shown, lambda at: folder_state(path, at), separator, path)


def _open_zipped_zarr(path: Path, place: Place) -> ArrayInput:
    needs("zarr", "zarr", "Zarr arrays need")
    from zarr.storage import ZipStore

    from speccompiler.arrays.zarr_input import open_zarr

    with open_ordinary(path) as stream:
        state = file_identity(stream, path)
    store = ZipStore(path, mode="r", read_only=True)
    try:
        source = open_zarr(store, place.inner or "", place.file, lambda at: state, SEPARATOR)
    except BaseException:
        store.close()
        raise
    return replace(source, _close=store.close)


def _open_pictures(found: PictureFiles, form: PictureForm, shown: str) -> ArrayInput:
    needs("PIL", "images", "pictures need Pillow,")
    from speccompiler.arrays.picture_input import open_pictures

    return open_pictures(found, form, shown)


def _open_one(path: Path, place: Place, form: PictureForm) -> ArrayInput:
    """What is one file, or no file at all."""
    ending = path.suffix.lower()
    begin = first_bytes(path, 64)
    kind = kind_of(begin)
    unclear = kind in _UNCLEAR and os.path.lexists(path)
    if begins_as_hdf5(path) or (ending in _HDF5_ENDINGS and unclear):
        from speccompiler.arrays.hdf5_input import open_hdf5

        return open_hdf5(path, place.inner, place.file)
    if begin.startswith(SIGNATURES) and ending != ".npz" and _holds_zarr(path):
        return _open_zipped_zarr(path, place)
    if place.inner is None and (kind in _PICTURES or (ending in ENDINGS and unclear)):
        return _open_pictures(PictureFiles((place.file,)), form, place.shown)
    if place.inner is not None and begin and not is_archive(path):
        raise Problem(
            "CS124",
            f"the file holds no arrays by name, and '{place.inner}' is asked of it",
            f"give it as {place.file}, or an HDF5 file, a Zarr group or an .npz",
        )
    above = next((parent for parent in path.parents if begins_as_hdf5(parent)), None)
    if above is not None:
        raise Problem(
            "CS110",
            f"'{above}' is a file, not a folder",
            f"a dataset in it is named with '::': {above}::/{path.relative_to(above).as_posix()}",
        )
    if begin or os.path.lexists(path):
        return open_file(path, place.shown, place.inner)
    return open_array(path, place.shown)


def _holds_zarr(path: Path) -> bool:
    try:
        with open_ordinary(path) as stream, zipfile.ZipFile(stream) as archive:
            return any(name.rpartition("/")[2] in _ZARR_FILES for name in archive.namelist())
    except (*ZIP_ERRORS, NotOrdinary):
        return False
